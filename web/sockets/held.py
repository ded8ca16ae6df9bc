"""Frames that come while a socket resumes. They wait for what came before them, or are read from the store after it."""


class Held:
    """Frames that wait while a socket resumes, with their positions; 0 is that of a frame which is not kept."""

    def __init__(self, bytes_most: int) -> None:
        self._bytes_most = bytes_most
        self.restart()

    def restart(self) -> None:
        """Forget them: what comes next is read from the store after this."""
        self._frames: list[tuple[int, bytes]] = []
        self._bytes = 0
        self.overflowed = False

    def add(self, position: int, encoded: bytes) -> None:
        self._bytes += len(encoded)
        self._frames.append((position, encoded))
        if self._bytes > self._bytes_most:
            self.restart()
            self.overflowed = True

    def after(self, newest: int) -> list[bytes]:
        return [encoded for position, encoded in self._frames if position == 0 or position > newest]
