"""The errors the domain raises. The web layer turns each into a problem response with the status given here."""

Value = str | int | float


class ChatError(Exception):
    """Base class of the domain's errors.

    `code` says to programs what is wrong, and never changes; where an error has none of its own, its kind has one.
    `sentence` is the key of what a person is told, in the catalogues of all languages (`web.languages`), and `values`
    fill its placeholders. The key is the code, except where one code has several sentences.
    """

    status = 400
    code = "bad_request"

    def __init__(self, code: str = "", *, sentence: str = "", **values: Value) -> None:
        given = ", ".join(f"{name}={value}" for name, value in values.items())
        super().__init__(": ".join(filter(None, (sentence or code or self.code, given))))
        self.code = code or self.code
        self.sentence = sentence or self.code
        self.values = values


class Unauthorized(ChatError):
    status = 401
    code = "unauthorized"


class SessionEnded(Unauthorized):
    """A token is not valid: it is missing, wrong, expired or revoked."""


class Forbidden(ChatError):
    status = 403
    code = "forbidden"


class NotFound(ChatError):
    status = 404
    code = "not_found"


class Conflict(ChatError):
    status = 409
    code = "conflict"


class Gone(ChatError):
    """There was such a thing, and this person may know that it is gone for good."""

    status = 410
    code = "gone"


class PreconditionFailed(ChatError):
    status = 412
    code = "precondition_failed"


class TooLarge(ChatError):
    status = 413
    code = "content_too_large"


class StorageFull(ChatError):
    """There is no room, either on our disks or within what one person may use."""

    status = 507
    code = "insufficient_storage"


class UnsupportedMedia(ChatError):
    status = 415
    code = "unsupported_media_type"


class Invalid(ChatError):
    """A value that is not allowed; `field` names it."""

    status = 422
    code = "invalid"

    def __init__(self, field: str, code: str = "", *, sentence: str = "", **values: Value) -> None:
        super().__init__(code, sentence=sentence, **values)
        self.field = field


class TooMany(ChatError):
    """A limit was reached; `retry_after` is in seconds."""

    status = 429
    code = "too_many_requests"

    def __init__(self, code: str, retry_after: int, *, sentence: str = "", **values: Value) -> None:
        super().__init__(code, sentence=sentence, **values)
        self.retry_after = retry_after


class Unavailable(ChatError):
    """A store or the queue cannot take the request now; `retry_after` is in seconds."""

    status = 503
    code = "unavailable"

    def __init__(self, code: str, retry_after: int = 2, *, sentence: str = "", **values: Value) -> None:
        super().__init__(code, sentence=sentence, **values)
        self.retry_after = retry_after
