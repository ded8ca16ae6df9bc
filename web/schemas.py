"""The schemas of the API's requests and responses. They validate requests and make the OpenAPI document."""

from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, RootModel, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from chat.messages import conversations, hinting, history, search, sending
from chat.people import accounts, passwords
from chat.push import addresses

ID = "01JD4XBCEA8X4M6Z9T1V0QW5RK"
OTHER_ID = "01JD4XBD5ESZ0F3QYQ1YH7N2TP"
PASSWORD = "correct horse battery"  # noqa: S105 (an example)
UUID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
MOMENT = "2026-03-01T09:30:00.125Z"
MAX_OFFSET = 1_000_000
MAX_SECONDS = 86_400
MAX_BYTES = 2**53 - 1  # the largest integer that every JSON parser and Lua keep exactly
PUSH_KEY_LIMIT = 128  # characters; they have 87 and 22
LANGUAGE = rf"^{hinting.LANGUAGE}$"


class Schema(BaseModel):
    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_empty(cls, value: Any) -> Any:
        return {} if value is None else value

    @classmethod
    def model_json_schema(cls, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Like pydantic's, but cached, since flask-openapi3 calls it for every request with a query."""
        return super().model_json_schema(*arguments, **options) if arguments or options else _plain_schema(cls)


@cache
def _plain_schema(model: type[Schema]) -> dict[str, Any]:
    return super(Schema, model).model_json_schema()


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(extra="ignore", json_schema_extra={"example": values})


def _none_if_blank(value: str | None) -> str | None:
    return value or None


Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        max_length=accounts.EMAIL_LIMIT,
        pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$",
    ),
]
Password = Annotated[str, StringConstraints(min_length=passwords.MIN_LENGTH, max_length=passwords.MAX_LENGTH)]
Username = Annotated[str, StringConstraints(min_length=1, max_length=4 * accounts.USERNAME_LIMIT)]
Identifier = Annotated[str, StringConstraints(max_length=64)]
Language = Annotated[str, StringConstraints(pattern=LANGUAGE)] | None
Blankable = Annotated[Identifier | None, AfterValidator(_none_if_blank)]


# --- Requests


class SignUp(Schema):
    model_config = _example(email="mira@example.org", username="mira", password=PASSWORD)

    email: Email
    username: Username
    password: Password


class LogIn(Schema):
    model_config = _example(email="mira@example.org", password=PASSWORD)

    email: Annotated[str, StringConstraints(max_length=1_000)]
    password: Annotated[str, StringConstraints(max_length=1_000)]


class UserChange(Schema):
    """Changing the password requires the current one."""

    model_config = _example(username="mira", bio="Counts on engines.")

    username: Username | None = None
    bio: Annotated[str, StringConstraints(max_length=accounts.BIO_LIMIT)] | None = None
    password: Password | None = None
    current_password: Annotated[str, StringConstraints(max_length=1_000)] | None = Field(None, alias="currentPassword")


class UserDeletion(Schema):
    model_config = _example(password=PASSWORD)

    password: Annotated[str, StringConstraints(max_length=1_000)]


class NewMessage(Schema):
    """`text` or `audioFileId`, or both. With a `clientId`, sending it again is harmless."""

    model_config = _example(receiverId=OTHER_ID, text="Good morning!", clientId="c0ffee-1")

    receiver_id: Identifier = Field(alias="receiverId")
    text: str | None = Field(
        None,
        description=f"At most {sending.TEXT_LIMIT:,} characters. With a recording whose words were heard while it was "
        "made it corrects those, and may be as long as what was said.",
    )
    audio_file_id: Blankable = Field(None, alias="audioFileId")
    sender_id: Blankable = Field(None, alias="senderId", description="Must be the caller's own id.")
    client_id: Annotated[
        Annotated[str, StringConstraints(max_length=sending.CLIENT_ID_LIMIT)] | None, AfterValidator(_none_if_blank)
    ] = Field(None, alias="clientId")
    language: Language = Field(
        None,
        description="BCP 47; the language a recording is probably in, which helps its detection and forces nothing. "
        "Without it, `Accept-Language` helps.",
    )


class Correction(Schema):
    """The limit for what is typed does not bind what was spoken: a transcript may be as long as what was said."""

    model_config = _example(text="Good morning, Ben!")

    text: str


class ReadUpTo(Schema):
    model_config = _example(upTo=ID)

    up_to: Identifier = Field(alias="upTo")


class TranscriptionRequest(Schema):
    model_config = _example(language="en")

    language: Language = Field(None, description="BCP 47; without it the language is detected.")
    overwrite: bool = Field(False, description="Also where the text is its sender's own: a caption or a correction.")


class PartnerPath(Schema):
    partner_id: str = Field(alias="partnerId", description="A person's `_id`.", json_schema_extra={"example": OTHER_ID})


class MessagePath(Schema):
    message_id: str = Field(alias="messageId", description="A message's `_id`.", json_schema_extra={"example": ID})


class FilePath(Schema):
    uuid: str = Field(description="An `audioFileUuid`.", json_schema_extra={"example": UUID})


class RecordingPath(Schema):
    uuid: str = Field(
        description="A recording's id, the last part of its address.", json_schema_extra={"example": UUID}
    )


TusVersion = Literal["1.0.0"]
"""The version of tus that we speak."""


class CreationHeaders(Schema):
    """Either `Upload-Length`, or `Upload-Defer-Length` where it is not known yet."""

    tus_resumable: TusVersion = Field(alias="Tus-Resumable")
    upload_length: int | None = Field(None, alias="Upload-Length", ge=0, le=MAX_BYTES, description="bytes")
    upload_defer_length: Literal["1"] | None = Field(None, alias="Upload-Defer-Length")
    upload_metadata: str | None = Field(
        None,
        alias="Upload-Metadata",
        description="Keys, each with a value in base64: `filetype`, `filename`, `receiverId`, `language` (BCP 47), "
        "`share` (`true` lets the receiver read along). Others are kept and ignored.",
    )

    @model_validator(mode="after")
    def _one_length(self) -> "CreationHeaders":
        if (self.upload_length is None) == (self.upload_defer_length is None):
            raise PydanticCustomError("one_length", "Give either Upload-Length or Upload-Defer-Length.")
        return self


class PieceHeaders(Schema):
    tus_resumable: TusVersion = Field(alias="Tus-Resumable")
    upload_offset: int = Field(alias="Upload-Offset", ge=0, le=MAX_BYTES, description="the byte at which it begins")
    upload_length: int | None = Field(
        None, alias="Upload-Length", ge=0, le=MAX_BYTES, description="bytes of the whole recording"
    )
    pause: Literal["true"] | None = Field(
        None,
        alias="Chattergram-Pause",
        description="Its speaker has stopped behind this piece, which may be empty, and may go on: its words are "
        "settled now, so that those they look at are those they send.",
    )
    cut_at: float | None = Field(
        None,
        alias="Chattergram-Cut-At",
        gt=0,
        le=MAX_SECONDS,
        allow_inf_nan=False,
        description="With the last piece: the second at which the recording is cut off. The rest of it goes, its words "
        "too; the message has those before, without being transcribed anew.",
    )


class PeopleQuery(Schema):
    q: str = Field("", description="The beginning of a name.")
    id: Identifier | None = Field(None, description="A person's `_id`: only that person, if there is one.")
    limit: int = Field(accounts.MAX_LIST, ge=1, le=accounts.MAX_LIST)
    offset: int = Field(0, ge=0, le=MAX_OFFSET)


class ConversationsQuery(Schema):
    limit: int = Field(conversations.DEFAULT_LIMIT, ge=1, le=conversations.MAX_LIMIT)
    before: Identifier | None = Field(None, description="The `_id` of the last message of the last conversation seen.")


class HistoryQuery(Schema):
    """Without any: the newest messages. `before` or `after`: the page next to that message. `offset`: older pages.

    `offset` 0 is the newest message older than what your last call without any of these returned, within a day.
    """

    limit: int | None = Field(None, ge=1, le=history.MAX_PAGE_SIZE)
    before: Identifier | None = None
    after: Identifier | None = None
    offset: int | None = Field(None, ge=0, le=MAX_OFFSET)

    @model_validator(mode="after")
    def _one_way_to_page(self) -> "HistoryQuery":
        if sum(each is not None for each in (self.before, self.after, self.offset)) > 1:
            raise PydanticCustomError("one_way_to_page", "Give only one of before, after and offset.")
        return self


class SearchQuery(Schema):
    q: str = Field("", description="Any text; only the first words of a long one count.")
    limit: int = Field(search.DEFAULT_LIMIT, ge=1, le=search.MAX_LIMIT)
    offset: int = Field(0, ge=0, le=search.MAX_OFFSET - search.MAX_LIMIT)
    partner_id: Identifier | None = Field(
        None, alias="partnerId", description="Only messages of the conversation with this person."
    )


class ContentQuery(Schema):
    token: str | None = Field(None, description="The token of a signed link, which replaces the access token.")


class ContentHeaders(Schema):
    range: str | None = Field(None, alias="Range", description="One range of bytes, as in RFC 9110.")
    if_none_match: str | None = Field(None, alias="If-None-Match", description="The `ETag` of a copy you have.")


# --- Responses


_ADA = {"email": "mira@example.org", "username": "ada", "bio": ""}
_BEN = {"_id": OTHER_ID, "username": "ben", "bio": "", "online": True, "lastSeen": MOMENT}
_MESSAGE = {
    "_id": ID,
    "clientId": "c0ffee-1",
    "senderId": ID,
    "receiverId": OTHER_ID,
    "dateSent": MOMENT,
    "text": "Good morning!",
    "audioFileId": None,
    "status": "delivered",
}


class Me(Schema):
    model_config = _example(_id=ID, **_ADA)

    id: str = Field(alias="_id")
    email: str
    username: str
    bio: str


class SignedIn(Schema):
    model_config = _example(user={"_id": ID, **_ADA}, token="eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...")  # noqa: S106

    user: Me
    token: str


class Person(Schema):
    model_config = _example(**_BEN)

    id: str = Field(alias="_id")
    username: str
    bio: str
    online: bool = Field(description="Also false where a server shows this only to those who have talked to them.")
    last_seen: str | None = Field(alias="lastSeen")


class People(RootModel[list[Person]]):
    pass


class Word(Schema):
    model_config = _example(word="morning", start=0.4, end=0.9, confidence=0.98)

    word: str
    start: float = Field(description="seconds")
    end: float = Field(description="seconds")
    confidence: float | None = None


class Message(Schema):
    model_config = _example(**_MESSAGE)

    id: str = Field(alias="_id")
    client_id: str | None = Field(None, alias="clientId")
    sender_id: str = Field(alias="senderId")
    receiver_id: str = Field(alias="receiverId")
    date_sent: str = Field(alias="dateSent", description="RFC 3339, UTC, milliseconds")
    text: str
    audio_file_id: str | None = Field(alias="audioFileId")
    duration: float | None = Field(None, description="of the recording, seconds")
    peaks: list[int] | None = Field(None, description="how loud each two-hundredth of the recording is, 0 to 255")
    confidence: float | None = None
    language: str | None = None
    words: list[Word] | None = None
    status: Literal["accepted", "transcribing", "untranscribed", "delivered", "read"]
    edited_at: str | None = Field(None, alias="editedAt")
    deleted_at: str | None = Field(None, alias="deletedAt")


class Messages(RootModel[list[Message]]):
    pass


class Conversation(Schema):
    model_config = _example(partner=_BEN, lastMessage=_MESSAGE, unread=2, muted=False)

    partner: Person
    last_message: Message = Field(alias="lastMessage")
    unread: int
    muted: bool = Field(False, description="You asked for no notifications of this partner's messages.")


class Muting(Schema):
    model_config = _example(muted=True)

    muted: bool


class Conversations(RootModel[list[Conversation]]):
    pass


_PEAKS = [0, 12, 98, 255, 180, 44]  # two hundred of them
_FILE = {"audioFileUuid": UUID, "audioFileName": "voice.webm", "audioFileMimetype": "audio/webm"}


class UploadedFile(Schema):
    model_config = _example(**_FILE, duration=4.2, peaks=_PEAKS)

    audio_file_uuid: str = Field(alias="audioFileUuid")
    audio_file_name: str = Field(alias="audioFileName")
    audio_file_mimetype: str = Field(alias="audioFileMimetype")
    duration: float = Field(description="seconds")
    peaks: list[int] = Field(description="how loud each two-hundredth of it is, 0 to 255")


class Uploaded(Schema):
    model_config = _example(files=[{**_FILE, "duration": 4.2, "peaks": _PEAKS}])

    files: list[UploadedFile]


class Recording(Schema):
    model_config = _example(
        _id=UUID,
        receiverId=OTHER_ID,
        type="audio/webm;codecs=opus",
        offset=40_000,
        complete=False,
        started=MOMENT,
        seconds=9.5,
        text="Good morning",
        words=[{"word": "Good", "start": 0.2, "end": 0.4}, {"word": "morning", "start": 0.4, "end": 0.9}],
        settled=1,
    )

    id: str = Field(alias="_id")
    receiver_id: str | None = Field(alias="receiverId")
    type: str = Field(description="as its sender called it")
    offset: int = Field(description="bytes that have come")
    complete: bool = Field(description="it can be sent")
    started: str = Field(description="RFC 3339, UTC, milliseconds")
    seconds: float = Field(description="how far it was heard")
    text: str
    words: list[Word]
    settled: int = Field(description="how many of the words will not change")


class Recordings(RootModel[list[Recording]]):
    pass


class File(Schema):
    model_config = _example(audioFile="GkXfo59ChoEBQveBAULygQRC84EI...", **_FILE)

    audio_file: str = Field(alias="audioFile", description="base64")
    audio_file_uuid: str = Field(alias="audioFileUuid")
    audio_file_name: str = Field(alias="audioFileName")
    audio_file_mimetype: str = Field(alias="audioFileMimetype")


class Link(Schema):
    model_config = _example(url=f"/api/file/{UUID}/content?token=1772361000.kWc...", expires=MOMENT)

    url: str
    expires: str = Field(description="RFC 3339, UTC")


class Hit(Schema):
    model_config = _example(
        type="chat", _id=ID, text="Good morning!", partnerId=OTHER_ID, dateSent=MOMENT, audioFileId=None
    )

    type: Literal["user", "chat"]
    id: str = Field(alias="_id")
    text: str
    partner_id: str = Field(alias="partnerId")
    date_sent: str | None = Field(alias="dateSent")
    audio_file_id: str | None = Field(alias="audioFileId")
    words: list[Word] | None = None


class Hits(RootModel[list[Hit]]):
    pass


class PushKeys(Schema):
    p256dh: str = Field(max_length=PUSH_KEY_LIMIT, description="the browser's public key, base64url")
    auth: str = Field(max_length=PUSH_KEY_LIMIT, description="the browser's secret, base64url")


class PushSubscription(Schema):
    """What a browser's `PushSubscription.toJSON()` gives."""

    model_config = _example(
        endpoint="https://push.example.org/v2/gAAAAABk",
        keys={
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        },
    )

    endpoint: str = Field(max_length=addresses.MAX_LENGTH, description="an https address of a push service")
    keys: PushKeys


class PushChange(Schema):
    model_config = _example(showsText=True)

    shows_text: bool = Field(alias="showsText", strict=True)


class PushState(Schema):
    model_config = _example(
        key="BDd3_hVL9fZi9Ybo2UUzA284WG5FZR30_95YeZJsiApwXKpNcF1rRPF3foIiBHXRdJI2Qhumhf6_LFTeZaNndIo",
        subscribed=True,
        showsText=False,
    )

    key: str | None = Field(description="the `applicationServerKey` to subscribe with; null if there is no Web Push")
    subscribed: bool = Field(description="whether this session has a subscription")
    shows_text: bool = Field(alias="showsText", description="whether your notifications show what was written")


class FieldError(BaseModel):
    field: str
    message: str


class Problem(BaseModel):
    """The shape of every error (RFC 9457); `errors` only if fields are wrong."""

    type: str
    title: str
    status: int
    detail: str = Field(
        description="For people, in the best of the languages of `Accept-Language`; see `Content-Language`."
    )
    message: str = Field(description="The same as `detail`.")
    code: str = Field(description="Says the same to programs; it never changes.")
    requestId: str
    errors: list[FieldError] | None = None
