"""The death of a process in the middle of what it does, for tests that run that in their own."""


class Killed(BaseException):
    """Like SIGKILL: nothing runs after it."""


def killed(*_: object, **__: object) -> None:
    """Takes the place of a function before which the process dies."""
    raise Killed
