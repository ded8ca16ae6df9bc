"""Frames that arrive while a socket resumes: they wait for the missed ones, or are read from Redis after those."""


class Held:
    """The frames that wait, with their positions; a frame that Redis does not keep has position 0."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.restart()

    def restart(self) -> None:
        """Forgets them. The next page must be read after this, so that it contains them."""
        self._frames: list[tuple[int, bytes]] = []
        self._bytes = 0
        self.overflowed = False

    def add(self, position: int, encoded: bytes) -> None:
        self._bytes += len(encoded)
        self._frames.append((position, encoded))
        if self._bytes > self._max_bytes:
            self.restart()
            self.overflowed = True

    def after(self, newest: int) -> list[bytes]:
        return [encoded for position, encoded in self._frames if position == 0 or position > newest]
