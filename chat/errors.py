"""The errors the domain raises. The web layer turns each into a problem response with the status given here."""

from typing import Any


class ChatError(Exception):
    """Base class of the domain's errors; `detail` is text for the person who made the request."""

    status = 400
    title = "Bad request"

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class Unauthorized(ChatError):
    status = 401
    title = "Unauthorized"


class SessionEnded(Unauthorized):
    """A token is not valid: it is missing, wrong, expired or revoked."""


class Forbidden(ChatError):
    status = 403
    title = "Forbidden"


class NotFound(ChatError):
    status = 404
    title = "Not found"


class Conflict(ChatError):
    status = 409
    title = "Conflict"


class TooLarge(ChatError):
    status = 413
    title = "Content too large"


class StorageFull(ChatError):
    """There is no room, either on our disks or within what one person may use."""

    status = 507
    title = "Insufficient storage"


class UnsupportedMedia(ChatError):
    status = 415
    title = "Unsupported media type"


class Invalid(ChatError):
    """A value that is not allowed; `field` names it."""

    status = 422
    title = "Unprocessable content"

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


class TooMany(ChatError):
    """A limit was reached; `retry_after` is in seconds."""

    status = 429
    title = "Too many requests"

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Unavailable(ChatError):
    """A store or the queue cannot take the request now; `retry_after` is in seconds."""

    status = 503
    title = "Service unavailable"

    def __init__(self, detail: str, retry_after: int = 2) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
