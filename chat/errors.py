"""The errors the domain raises. The web layer turns each into a problem response with the status given here."""

from typing import Any


class ChatError(Exception):
    """Base class of the domain's errors; `detail` is text for the person who made the request.

    `code` says the same to programs and never changes; where an error has none of its own, its kind has one.
    """

    status = 400
    title = "Bad request"
    code = "bad_request"

    def __init__(self, detail: str, *, code: str = "", **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.extra = extra


class Unauthorized(ChatError):
    status = 401
    title = "Unauthorized"
    code = "unauthorized"


class SessionEnded(Unauthorized):
    """A token is not valid: it is missing, wrong, expired or revoked."""


class Forbidden(ChatError):
    status = 403
    title = "Forbidden"
    code = "forbidden"


class NotFound(ChatError):
    status = 404
    title = "Not found"
    code = "not_found"


class Conflict(ChatError):
    status = 409
    title = "Conflict"
    code = "conflict"


class TooLarge(ChatError):
    status = 413
    title = "Content too large"
    code = "content_too_large"


class StorageFull(ChatError):
    """There is no room, either on our disks or within what one person may use."""

    status = 507
    title = "Insufficient storage"
    code = "insufficient_storage"


class UnsupportedMedia(ChatError):
    status = 415
    title = "Unsupported media type"
    code = "unsupported_media_type"


class Invalid(ChatError):
    """A value that is not allowed; `field` names it."""

    status = 422
    title = "Unprocessable content"
    code = "invalid"

    def __init__(self, field: str, detail: str, *, code: str = "") -> None:
        super().__init__(detail, code=code)
        self.field = field


class TooMany(ChatError):
    """A limit was reached; `retry_after` is in seconds."""

    status = 429
    title = "Too many requests"
    code = "too_many_requests"

    def __init__(self, detail: str, retry_after: int, *, code: str = "") -> None:
        super().__init__(detail, code=code)
        self.retry_after = retry_after


class Unavailable(ChatError):
    """A store or the queue cannot take the request now; `retry_after` is in seconds."""

    status = 503
    title = "Service unavailable"
    code = "unavailable"

    def __init__(self, detail: str, retry_after: int = 2, *, code: str = "") -> None:
        super().__init__(detail, code=code)
        self.retry_after = retry_after
