"""The channels, the frames that sockets get, and the envelopes that carry frames through Redis.

A *frame* is what a WebSocket gets: `<channel>---<json>`, where `---` never stands in the JSON. An *envelope* is what
goes through Redis pub/sub: one line with the recipients and the position in the order of deliveries, then one with the
frame's JSON; several may follow each other. A web process routes an envelope by its first line and never parses the
JSON. Only this module knows the two formats; the Lua scripts only know that a line feed separates envelopes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from chat import wire
from chat.wire import Message, Word

# Redis pub/sub channels; the first five are also channels of frames.
MESSAGES = "application:messages"
USERS = "application:users"
STATUS = "application:status"
TYPING = "application:typing"
CAPTIONS = "application:captions"
SESSIONS = "application:sessions"  # internal: ended sessions
SUBSCRIBED = (MESSAGES, USERS, STATUS, TYPING, CAPTIONS, SESSIONS)
DROPPED = (CAPTIONS,)  # not sent to a socket that is slow: the next frame says all that this one does
RESUME = "application:resume"  # frames only, as are the next two
SENT = "application:sent"
REFUSED = "application:refused"

RECIPIENTS_SEPARATOR = ","  # of an envelope

_PRESENCE = {"_id", "online", "lastSeen"}
_SEPARATOR = b"---"
_ESCAPED_SEPARATOR = rb"\u002d" * len(_SEPARATOR)

TRANSCRIBING = "transcribing"  # the status of a voice message's first frame
_READ = "read"


class Frame(NamedTuple):
    """One frame for the two people of a conversation.

    `member` is what Redis keeps of it for sockets that resume; see `rebuild`. `request_id` names the call that caused
    the frame; '' stands for the current call.
    """

    channel: str
    people: tuple[str, str]
    member: str
    data: bytes
    request_id: str = ""


class Envelope(NamedTuple):
    """A frame on its way through Redis.

    Empty `recipients` means everyone connected; `position` 0 means it has no place in the order of deliveries.
    """

    recipients: tuple[str, ...]
    position: int
    data: bytes
    request_id: str = ""


class Captions(NamedTuple):
    """What was heard so far in a recording, in its first `seconds`; the first `settled` words will not change."""

    recording_id: str
    text: str
    words: Sequence[Word]
    settled: int
    seconds: float


def message_frame(message: Message) -> Frame:
    """A complete message, on `application:messages`."""
    return Frame(MESSAGES, _people(message), message["_id"], wire.dumps(message))


def sent_frame(message: Message) -> bytes:
    """The answer to a `send` that was accepted, for the socket it came over."""
    return frame(SENT, wire.dumps({"clientId": None, **message}))


def refused_frame(client_id: str | None, problem: Mapping[str, Any]) -> bytes:
    """The answer to a `send` that was refused, for the socket it came over."""
    return frame(REFUSED, wire.dumps({"clientId": client_id, **problem}))


def status_frame(message: Message, status: str, **more: str | None) -> Frame:
    """A change to a message, on `application:status`, with the message as it is now."""
    data = wire.dumps({**message, "status": status, **more})
    return Frame(STATUS, _people(message), f"{message['_id']}#{status}", data)


def progress_frame(message: Message, text: str, seconds: float) -> Frame:
    """A voice message with the text of its first `seconds`, while the rest is being transcribed."""
    data = wire.dumps({**message, "status": TRANSCRIBING, "text": text, "seconds": seconds})
    return Frame(STATUS, _people(message), transcribing_member(message["_id"]), data)


def first_frame(message: Message) -> Frame:
    """The frame for a newly stored message: for a voice message, that it is being transcribed."""
    return status_frame(message, TRANSCRIBING) if message["status"] == TRANSCRIBING else message_frame(message)


def read_frame(up_to: str, reader: str, partner: str) -> Frame:
    """`reader` has read the conversation up to that message, on `application:status`."""
    data = wire.dumps({"_id": up_to, "status": _READ, "readerId": reader, "partnerId": partner})
    return Frame(STATUS, (reader, partner), f"{up_to}#{_READ}#{reader}#{partner}", data)


def transcribing_member(message_id: str) -> str:
    """The `member` of a voice message's first frame."""
    return f"{message_id}#{TRANSCRIBING}"


def message_id_of(member: str) -> str:
    """The id of the message that a frame's `member` is about."""
    return member.partition("#")[0]


def rebuild(member: str, messages: Mapping[str, Message]) -> Frame | None:
    """The frame that `member` was kept for, with its message as it now is in `messages`.

    None if the message is gone, or if this was a voice message's first frame and it has been transcribed since: then
    the frame with the transcript follows.
    """
    message_id, _, change = member.partition("#")
    if change.startswith(f"{_READ}#"):
        _, reader, partner = change.split("#")
        return read_frame(message_id, reader, partner)
    message = messages.get(message_id)
    if message is None or (change == TRANSCRIBING and message["status"] != TRANSCRIBING):
        return None
    return status_frame(message, change) if change else message_frame(message)


def envelope_head(recipients: Sequence[str], request_id: str = "") -> bytes:
    """An envelope's part before the position, which Redis assigns. A line feed and the JSON follow that."""
    to = RECIPIENTS_SEPARATOR.join(recipients)
    return (f"{request_id} {to} " if request_id else f"{to} ").encode()


def encode_envelope(recipients: Sequence[str], data: bytes) -> bytes:
    """An envelope without a place in the order of deliveries."""
    return envelope_head(recipients) + b"0\n" + data


def decode_envelopes(raw: bytes, on_unreadable: Callable[[bytes], None] | None = None) -> Iterator[Envelope]:
    """Parses what was published: one or more envelopes, each of which is two lines.

    Calls `on_unreadable` with each line that should begin an envelope and does not, and goes on with the next one.

    Raises:
        ValueError: there is such a line and no `on_unreadable`. The envelopes before it were yielded.
    """
    lines, at = raw.split(b"\n"), 0
    while at < len(lines):
        try:
            envelope = _decode_envelope(*lines[at : at + 2])
        except ValueError:
            if on_unreadable is None:
                raise
            on_unreadable(lines[at])
            at += 1
        else:
            yield envelope
            at += 2


def _decode_envelope(head: bytes, data: bytes | None = None) -> Envelope:
    *origin, to, position = head.decode().split(" ")
    if data is None:
        raise ValueError("no data")
    recipients = tuple(to.split(RECIPIENTS_SEPARATOR)) if to else ()
    return Envelope(recipients, int(position), data, "".join(origin))


def presence_halves(
    user_id: str, online: bool, recipients: Sequence[str] = (), news: Mapping[str, Any] | None = None
) -> tuple[bytes, bytes]:
    """The envelope of a frame on `application:users`, as its parts before and after the JSON of `lastSeen`.

    Without `recipients` everyone connected gets it; a script that knows them puts them in front, separated by
    `RECIPIENTS_SEPARATOR`. `news` is what else the frame says of the person.
    """
    data = wire.dumps({"_id": user_id, "online": online, "lastSeen": None, **(news or {})})
    before, name, behind = encode_envelope(recipients, data).partition(b'"lastSeen":')
    return before + name, behind.removeprefix(b"null")


def presence_envelope(
    user_id: str,
    online: bool,
    last_seen: str | None,
    recipients: Sequence[str] = (),
    news: Mapping[str, Any] | None = None,
) -> bytes:
    """The same envelope, complete."""
    before, behind = presence_halves(user_id, online, recipients, news)
    return before + wire.dumps(last_seen) + behind


def captions_envelopes(captions: Captions, speaker: str, reader: str | None) -> list[bytes]:
    """The envelopes of what was heard so far in a recording: for its speaker, and for whoever may read along."""
    shown = captions._asdict()
    shown["_id"] = shown.pop("recording_id")
    envelopes = [encode_envelope((speaker,), wire.dumps(shown))]
    if reader is not None:
        envelopes.append(encode_envelope((reader,), wire.dumps({**shown, "senderId": speaker})))
    return envelopes


def has_news(change: Mapping[str, Any]) -> bool:
    """Whether a frame on `application:users` says more of a person than their presence."""
    return not change.keys() <= _PRESENCE


def frame(channel: str, data: bytes) -> bytes:
    """The text a WebSocket gets, as UTF-8 bytes, since nobody on the way needs to read it.

    Old clients split the whole text at `---`. In JSON three dashes in a row only occur within strings, where escapes
    mean the same.
    """
    return channel.encode() + _SEPARATOR + data.replace(_SEPARATOR, _ESCAPED_SEPARATOR)


def _people(message: Message) -> tuple[str, str]:
    return message["senderId"], message["receiverId"]
