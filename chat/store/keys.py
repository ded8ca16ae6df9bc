"""The names of all Redis keys, with what each one contains and in which form.

Every key begins with `PREFIX`, so that in a shared Redis ours are easy to tell apart and nobody else's are touched.

By its hash tag, a Redis Cluster keeps keys together that one script or transaction needs:

- `{m3}`: what belongs to the conversations of a partition (`chat.store.partitions`)
- `{u<person>}`: what belongs to one person: lists, unread messages, deliveries, limits
- `{r<recording>}`: an upload or a recording that grows
- `{p}`: who there is, who is online, and who is to be notified
- `{t}`: what waits for its transcript
- `{n7}`: what each node has once; the number leads to it

Keys without a tag are used alone.
"""

import unicodedata
from typing import NamedTuple

PREFIX = "chattergram"
PEOPLE = f"{PREFIX}:{{p}}"
TRANSCRIBING = f"{PREFIX}:{{t}}"

# The number of partitions these stores were begun with
PARTITIONS = f"{PREFIX}:partitions"

# The consumer group of every accepted log; the token of a drainer that offers busy ones its help, and whether one was
# called that has not begun yet (see `chat.messages.leases`)
ACCEPTED_GROUP = "drain"
ACCEPTED_HELPER = f"{PREFIX}:accepted:helper"
ACCEPTED_HELPER_COMING = f"{PREFIX}:accepted:helper:coming"
ACCEPTED_REFUSED = f"{PREFIX}:accepted:refused"  # stream of entries that could not be stored, for an operator

# When people were last seen, as far as MongoDB does not have it yet (hash: user -> time)
SEEN_OUTBOX = f"{PEOPLE}:outbox:seen"

# The same for ended sessions (hash): key in Redis -> `<value> <until, Unix s>`
SESSIONS_OUTBOX = f"{PREFIX}:outbox:sessions"

# Exists while Redis has the whole hot window; missing after Redis was lost, until the sync has rebuilt it
HOT_COMPLETE = f"{PEOPLE}:hot:complete"

# Progress of that rebuild (hash): step -> the last `_id` copied, or `done`
HOT_REBUILD = f"{PEOPLE}:hot:complete:at"

# Whether both stores belong together (see `chat.upkeep.comparing`): the archive's last two marks (hash), and the
# progress of a comparison (hash)
ARCHIVE_MARKS = f"{PREFIX}:archive:marks"
COMPARISON = f"{PREFIX}:archive:comparison"

# What the sync brought either store beyond its daily work, as numbers (hash); see `chat.upkeep.comparing`
SYNC_BROUGHT = f"{PREFIX}:archive:brought"

# People who deleted their accounts (sorted set): id -> when (s)
ERASED = f"{PEOPLE}:erased"

# Voice messages waiting for a transcript (sorted set): message id -> when the next attempt is due (ms; 0 for new ones,
# +inf for those standing in a line of `TRANSCRIPTION_LINES`); the ones among them that were delivered before (set); the
# number of attempts and the requested language by message id (hashes)
TRANSCRIPTIONS = f"{TRANSCRIBING}:transcriptions"
RETRANSCRIPTIONS = f"{TRANSCRIBING}:transcriptions:again"
TRANSCRIPTION_ATTEMPTS = f"{TRANSCRIBING}:transcription:attempts"
TRANSCRIPTION_LANGUAGES = f"{TRANSCRIBING}:transcription:languages"

# By message id, the number of attempts that began but did not end properly, mostly because the worker died (hash); and
# the one message that is being tried alone
TRANSCRIPTION_CRASHES = f"{TRANSCRIBING}:transcription:deaths"
TRANSCRIPTION_ALONE = f"{TRANSCRIBING}:transcription:alone"

# Whose turn each of them takes (hash: message id -> `<person> <since, ms> <length, ms>`); those that are due, in lines
# (sorted set of `<line> <person> <order> <message id>`), and the people in each line by the place of their first one
# (sorted sets); the time up to which people have used their turns (sorted set: person -> ms); running attempts (hash:
# message id -> `<worker> <task> <1 if long>`)
TRANSCRIPTION_TURNS = f"{TRANSCRIBING}:transcription:turns"
TRANSCRIPTION_LINES = f"{TRANSCRIBING}:transcription:lines"
TRANSCRIPTION_PEOPLE_SHORT = f"{TRANSCRIBING}:transcription:people:short"
TRANSCRIPTION_PEOPLE_LONG = f"{TRANSCRIBING}:transcription:people:long"
TRANSCRIPTION_PEOPLE_ALONE = f"{TRANSCRIBING}:transcription:people:alone"
TRANSCRIPTION_USED = f"{TRANSCRIBING}:transcription:used"
TRANSCRIPTION_RUNNING = f"{TRANSCRIBING}:transcription:running"

# Those whose frames are being delivered with the transcript (set): they may be transcribed again
TRANSCRIPTION_TOLD = f"{TRANSCRIBING}:transcription:told"

# The id of the request each of them goes back to, for logs, and the revision at which somebody asked to have the
# sender's own text overwritten (hashes by message id)
TRANSCRIPTION_ORIGINS = f"{TRANSCRIBING}:transcription:origins"
TRANSCRIPTION_REVISIONS = f"{TRANSCRIBING}:transcription:revisions"

# Recordings that are followed while they are made (sorted set): recording id -> when its follower's lease ends, ms by
# Redis's clock; 0 for those that have none yet
FOLLOWING = f"{TRANSCRIBING}:following"

# People with a subscription to Web Push (set); notifications to send (sorted set: `<receiver> <sender>` -> when it is
# due, ms); and for each of them (hashes) the newest message, how often it was tried, and the token ids of the devices
# that were not reached
PUSH_PEOPLE = f"{PEOPLE}:push:people"
PUSH_DUE = f"{PEOPLE}:push:due"
PUSH_MESSAGES = f"{PEOPLE}:push:messages"
PUSH_ATTEMPTS = f"{PEOPLE}:push:attempts"
PUSH_UNREACHED = f"{PEOPLE}:push:unreached"

# Exists while the sweep has sent a task for those that are due, and no worker has begun it
PUSH_WAKING = f"{PREFIX}:push:waking"

# Recordings to be erased (sorted set): upload id -> the earliest time (s); includes uploads being written
UPLOADS_PENDING_DELETION = f"{PREFIX}:uploads:doomed"

# Recordings that grow while they are made (sorted set): recording id -> when its last piece came (ms)
RECORDINGS = f"{PREFIX}:recordings"

# The position in the order of deliveries at which this Redis began
DELIVERY_SINCE = f"{PEOPLE}:delivery:since"

# The search index of people
USER_INDEX = f"{PEOPLE}:index"

# Names of all users, for the sorted list of people (sorted set): members `<folded name>\0<user id>`, all with score 0
NAMES = f"{PEOPLE}:names"

# Rate limit counters; the `limits` library makes the rest of the key
LIMITS = f"{PREFIX}:limits"

# The workers' metrics (hash, see `chat.store.counters`); when the sweep and the sync last ran (hash, Unix s)
COUNTERS = f"{PREFIX}:counters"
LAST_RUNS = f"{PREFIX}:runs"


# Leases of web processes (sorted set: process -> expiry, ms), people online (set), when people were last seen (hash)
PRESENCE_PROCESSES = f"{PEOPLE}:presence:processes"
PRESENCE_ONLINE = f"{PEOPLE}:presence:online"
PRESENCE_SEEN = f"{PEOPLE}:presence:seen"


# What versions before the partitions had one of (see `chat.upkeep.moving`)
OLD_ACCEPTED = f"{PREFIX}:accepted"
OLD_ACCEPTED_WAKING = f"{PREFIX}:accepted:waking"
OLD_ACCEPTED_DRAINER = f"{PREFIX}:accepted:drainer"
OLD_MESSAGES = f"{PREFIX}:message:"
OLD_CONVERSATIONS = f"{PREFIX}:conversation:"
OLD_CURSORS = f"{PREFIX}:cursors:"
OLD_OUTBOX = f"{PREFIX}:outbox"
OLD_CURSORS_OUTBOX = f"{PREFIX}:outbox:cursors"
OLD_CONFIRMED = f"{PREFIX}:archive:confirmed"
OLD_MESSAGE_INDEX = f"{PREFIX}:message:index"

# What versions had that did not cut the keys of people yet: names that are now another's, and beginnings of names
OLD_USER_INDEX = f"{PREFIX}:user:index"
OLD_USERS = f"{PREFIX}:user:"
OLD_CLIENTS = f"{PREFIX}:client:"
OLD_DELIVERY_LAST = f"{PREFIX}:delivery:last"

# What else had no tag then: the rest of the name is the same
RENAMED = (
    SEEN_OUTBOX,
    HOT_COMPLETE,
    HOT_REBUILD,
    ERASED,
    TRANSCRIPTIONS,
    RETRANSCRIPTIONS,
    TRANSCRIPTION_ATTEMPTS,
    TRANSCRIPTION_LANGUAGES,
    TRANSCRIPTION_CRASHES,
    TRANSCRIPTION_ALONE,
    TRANSCRIPTION_TURNS,
    TRANSCRIPTION_LINES,
    TRANSCRIPTION_PEOPLE_SHORT,
    TRANSCRIPTION_PEOPLE_LONG,
    TRANSCRIPTION_PEOPLE_ALONE,
    TRANSCRIPTION_USED,
    TRANSCRIPTION_RUNNING,
    TRANSCRIPTION_ORIGINS,
    TRANSCRIPTION_REVISIONS,
    FOLLOWING,
    PUSH_PEOPLE,
    PUSH_DUE,
    PUSH_MESSAGES,
    PUSH_ATTEMPTS,
    PUSH_UNREACHED,
    DELIVERY_SINCE,
    NAMES,
    PRESENCE_PROCESSES,
    PRESENCE_ONLINE,
    PRESENCE_SEEN,
)

# One of these exists until all of it has been moved
UNMOVED = (OLD_ACCEPTED, f"{OLD_MESSAGE_INDEX}:hash", f"{OLD_USER_INDEX}:hash")

# The same kind of key in all partitions, for SCAN by type: a clientId may be such that its key matches as well
EVERY_MESSAGE = f"{PREFIX}:{{m*}}:message:*"
EVERY_CONVERSATION = f"{PREFIX}:{{m*}}:conversation:*"
EVERY_CURSORS = f"{PREFIX}:{{m*}}:cursors:*"


def untagged(key: str) -> str:
    """The name that a key of `RENAMED` had."""
    return f"{PREFIX}:{key.split(':', 2)[2]}"


def archive_marks_key(number: int) -> str:
    """The same as `ARCHIVE_MARKS`, on whichever node of a cluster this number leads to."""
    return f"{PREFIX}:{{n{number}}}:archive:marks"


def write_probe_key(number: int) -> str:
    """Written to see whether Redis takes writes; the number leads to a node."""
    return f"{PREFIX}:{{n{number}}}:probe"


class Named(NamedTuple):
    """What a key that SCAN found is of: a partition, and a message or a conversation."""

    partition: int
    name: str


def named(key: bytes | str) -> Named:
    """Reads a key of one of those kinds."""
    text = key.decode() if isinstance(key, bytes) else key
    _, tag, _, name = text.split(":", 3)
    return Named(int(tag.strip("{m}")), name)


def partition_tag(partition: int) -> str:
    """The beginning of all keys of a partition."""
    return f"{PREFIX}:{{m{partition}}}"


def person_tag(user_id: str) -> str:
    """The beginning of all keys of a person; also of the counters of what was done to a message."""
    return f"{PREFIX}:{{u{user_id}}}"


def recording_tag(recording_id: str) -> str:
    """The beginning of all keys of a recording: one that grows, or an upload, or both."""
    return f"{PREFIX}:{{r{recording_id}}}"


def accepted_key(partition: int) -> str:
    """The accepted log of a partition (a stream)."""
    return f"{partition_tag(partition)}:accepted"


def stored_now_key(token: str) -> str:
    """The ids of messages that one round trip of a drainer has stored (a set), for what it delivers after that."""
    return f"{PREFIX}:accepted:stored:{token}"


def waking_key(partition: int) -> str:
    """Exists while a drainer of this log runs or is coming: its token, or 1 until it has begun."""
    return f"{partition_tag(partition)}:accepted:waking"


def drainer_key(partition: int) -> str:
    """The token of the one drainer that may read this log; its lease."""
    return f"{partition_tag(partition)}:accepted:drainer"


def user_key(user_id: str) -> str:
    return f"{PEOPLE}:user:{user_id}"


def fold_name(name: str) -> str:
    """The form in which usernames are compared and sorted: without case and Unicode compatibility differences."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def name_suffix(user_id: str) -> str:
    """The part of a member of `NAMES` after the folded name."""
    return f"\0{user_id}"


def name_member(username: str, user_id: str) -> str:
    """A member of `NAMES`."""
    return fold_name(username) + name_suffix(user_id)


def user_of_name_member(member: bytes) -> str:
    """The user id in a member of `NAMES`."""
    return member.rpartition(b"\0")[2].decode()


def message_prefix(partition: int) -> str:
    """The beginning of the keys of a partition's messages."""
    return f"{partition_tag(partition)}:message:"


def message_key(partition: int, message_id: str) -> str:
    return f"{message_prefix(partition)}{message_id}"


def message_index(partition: int) -> str:
    """The search index of a partition's messages. With this name, a cluster keeps it on the node of its messages."""
    return f"{partition_tag(partition)}:index"


def hash_key(index: str) -> str:
    """The hash of the schema that an index was made with."""
    return f"{index}:hash"


def outbox_key(partition: int) -> str:
    """Messages that MongoDB has not confirmed yet (sorted set): message id -> revision."""
    return f"{partition_tag(partition)}:outbox"


def cursors_outbox_key(partition: int) -> str:
    """The same for read cursors (hash): `<conversation>#<reader>` -> message id."""
    return f"{partition_tag(partition)}:outbox:cursors"


def doomed_key(partition: int) -> str:
    """Recordings of messages that were deleted (set), until they are in `UPLOADS_PENDING_DELETION`."""
    return f"{partition_tag(partition)}:uploads:doomed"


def confirmed_key(partition: int) -> str:
    """The last message that MongoDB has confirmed: `<id> <revision>`; see `chat.upkeep.comparing`."""
    return f"{partition_tag(partition)}:confirmed"


def conversation_key(partition: int, conversation: str) -> str:
    """Sorted set of a conversation's message ids, all with score 0 and therefore sorted by id."""
    return f"{partition_tag(partition)}:conversation:{conversation}"


def conversations_key(user_id: str) -> str:
    """Sorted set of a person's partners by the time (ms) of their last message."""
    return f"{person_tag(user_id)}:conversations"


def inbox_key(user_id: str, partner_id: str) -> str:
    """Sorted set of the ids of a person's unread messages from a partner."""
    return f"{person_tag(user_id)}:inbox:{partner_id}"


def read_key(user_id: str) -> str:
    """Hash: partner -> up to which message this person has read what they wrote.

    It outlives `update_person.lua` by hours, and keeps it from adding what was read since it was stored.
    """
    return f"{person_tag(user_id)}:read"


def unwanted_key(user_id: str) -> str:
    """Sorted set of the ids of messages to a person that were deleted lately, by when that was (s).

    It does the same for those.
    """
    return f"{person_tag(user_id)}:unwanted"


def paging_key(reader_id: str, partner_id: str) -> str:
    """The message id below which a person's pages by `offset` begin; expires."""
    return f"{person_tag(reader_id)}:paging:{partner_id}"


def cursors_key(partition: int, conversation: str) -> str:
    """Hash: reader -> the newest message id they have read."""
    return f"{partition_tag(partition)}:cursors:{conversation}"


def deliveries_key(user_id: str) -> str:
    """Sorted set of what was delivered to a person, by their positions: `<message id>` or `<message id>#<status>`."""
    return f"{person_tag(user_id)}:deliveries"


def client_key(partition: int, sender_id: str, client_id: str) -> str:
    """The receipt of what was accepted under a `clientId`, with the partition of its conversation.

    `closed <generation>` where nothing was, and its home has moved to another partition (see `home_key`).
    """
    return f"{partition_tag(partition)}:client:{sender_id}:{client_id}"


def call_key(partition: int, entropy: str) -> str:
    """Like `client_key`, for a send without a `clientId`, since the Redis client repeats a call whose reply was lost;
    and for a recording, which may be sent again under another `clientId`.
    """
    return f"{partition_tag(partition)}:call:{entropy}"


def home_key(sender_id: str, client_id: str) -> str:
    """The receiver in whose partition what has this `clientId` is appended, and how often that has changed:
    `<receiver> <generation>`. Repeated for somebody else, it is the same message.
    """
    return f"{person_tag(sender_id)}:client:{client_id}"


def charged_key(user_id: str, recording_id: str) -> str:
    """Exists where a recording has been counted against its sender's limits of transcribed audio."""
    return f"{person_tag(user_id)}:charged:{recording_id}"


def upload_key(upload_id: str) -> str:
    """Hash: owner, name, mimetype, duration, peaks (one byte each), and, once claimed, `message` and `receiver`.

    `message` is the receipt of the log entry; while that is being added, its entropy alone (`:<entropy>`), and `claims`
    is by how many calls.
    """
    return f"{recording_tag(upload_id)}:upload"


def heard_key(recording_id: str) -> str:
    """Hash: what was heard in a recording while it was made (see `chat.audio.heard`), its follower, how many died."""
    return f"{TRANSCRIBING}:heard:{recording_id}"


def uploads_now_key(user_id: str) -> str:
    """Sorted set of a person's running uploads: token -> when its lease ends (s)."""
    return f"{person_tag(user_id)}:uploads:now"


def uploads_unclaimed_key(user_id: str) -> str:
    """Hash of a person's uploads that were not claimed when last checked: upload id or token -> bytes."""
    return f"{person_tag(user_id)}:uploads:unclaimed"


def uploads_stored_key(user_id: str) -> str:
    """The bytes of all recordings of a person, running uploads included; missing until needed."""
    return f"{person_tag(user_id)}:uploads:stored"


def recording_key(recording_id: str) -> str:
    """Hash of a recording that grows; `chat.voice.recordings` names its fields."""
    return f"{recording_tag(recording_id)}:recording"


def recording_bytes_key(recording_id: str) -> str:
    """The bytes of a recording that have come so far."""
    return f"{recording_tag(recording_id)}:bytes"


def recordings_key(user_id: str) -> str:
    """Sorted set of a person's growing recordings: the token of what is reserved for it -> when it expires (s)."""
    return f"{person_tag(user_id)}:recordings"


def limit_key(action: str, whose: str, seconds: int) -> str:
    """Counter of what a person did, or of what was done to a message, in a window of so many seconds."""
    return f"{person_tag(whose)}:limit:{action}:{seconds}"


def transcription_hints_key(message_id: str) -> str:
    """The languages a voice message is probably in, as BCP 47 tags separated by commas."""
    return f"{PREFIX}:transcription:hints:{message_id}"


def known_address_key(account: str, address: str) -> str:
    """Exists while an account was recently used from this address."""
    return f"{LIMITS}:known:{account}:{address}"


def revoked_key(token_id: str) -> str:
    return f"{PREFIX}:revoked:{token_id}"


def sessions_key(user_id: str) -> str:
    """`<time, ms>:<token id>`: this person's tokens issued until then are not valid, except that one."""
    return f"{PREFIX}:sessions:{user_id}"


def presence_process_key(process_id: str) -> str:
    """Set of the people who have a socket on that web process."""
    return f"{PEOPLE}:presence:process:{process_id}"


def presence_user_key(user_id: str) -> str:
    """Set of the web processes a person has a socket on."""
    return f"{PEOPLE}:presence:user:{user_id}"


def lock_key(name: str) -> str:
    return f"{PREFIX}:lock:{name}"
