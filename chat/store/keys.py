"""The one place that names Redis keys; each says what it holds and in which form.

Every key begins with `PREFIX`, so that a Redis shared with others stays readable and nothing of theirs is touched.
"""

import unicodedata

PREFIX = "chattergram"

# The accepted log (a stream) and what drains it
ACCEPTED = f"{PREFIX}:accepted"
ACCEPTED_GROUP = "drain"
ACCEPTED_WAKING = f"{PREFIX}:accepted:waking"
ACCEPTED_DRAINER = f"{PREFIX}:accepted:drainer"
ACCEPTED_REFUSED = f"{PREFIX}:accepted:refused"  # stream of entries that could not be stored, for a person to look at

# What MongoDB has not confirmed yet: message id -> revision
OUTBOX = f"{PREFIX}:outbox"

# The same for read cursors (hash `<conversation>#<reader>` -> id) and for when people were last seen (user -> time)
CURSORS_OUTBOX = f"{PREFIX}:outbox:cursors"
SEEN_OUTBOX = f"{PREFIX}:outbox:seen"

# The same for sessions that were ended: key in Redis -> `<value> <until, Unix s>`
SESSIONS_OUTBOX = f"{PREFIX}:outbox:sessions"

# There while Redis holds the whole hot window; missing after it was lost, until the sync has rebuilt it
HOT_COMPLETE = f"{PREFIX}:hot:complete"

# How far that rebuild is (hash): step -> the last `_id` done
HOT_REBUILD = f"{PREFIX}:hot:complete:at"

# Voice messages waiting for a transcript: message id -> when the next attempt is due (ms; 0 when it has just come, +inf
# while it stands in a line of `TRANSCRIPTION_LINES`); those of them that were delivered before; how often each was
# tried; and the language that was asked for
TRANSCRIPTIONS = f"{PREFIX}:transcriptions"
TRANSCRIPTIONS_AGAIN = f"{PREFIX}:transcriptions:again"
TRANSCRIPTION_ATTEMPTS = f"{PREFIX}:transcription:attempts"
TRANSCRIPTION_LANGUAGES = f"{PREFIX}:transcription:languages"

# How many of their attempts began and did not end in order, mostly because the worker died; and the one of them that is
# tried alone
TRANSCRIPTION_CRASHES = f"{PREFIX}:transcription:deaths"
TRANSCRIPTION_ALONE = f"{PREFIX}:transcription:alone"

# Whose turn each of them takes (message id -> `<person> <since, ms> <length, ms>`); those that are due, in lines (a
# sorted set of `<line> <person> <order> <message id>`), with the people in each line by the place of their first; up to
# when they have used their turns (person -> ms); and the attempts on their way (message id -> `<worker> <task> <long>`)
TRANSCRIPTION_TURNS = f"{PREFIX}:transcription:turns"
TRANSCRIPTION_LINES = f"{PREFIX}:transcription:lines"
TRANSCRIPTION_PEOPLE_SHORT = f"{PREFIX}:transcription:people:short"
TRANSCRIPTION_PEOPLE_LONG = f"{PREFIX}:transcription:people:long"
TRANSCRIPTION_PEOPLE_ALONE = f"{PREFIX}:transcription:people:alone"
TRANSCRIPTION_USED = f"{PREFIX}:transcription:used"
TRANSCRIPTION_RUNNING = f"{PREFIX}:transcription:running"

# The call each of them goes back to (message id -> request id, for logs); and the revision that somebody saw who asked
# to have its sender's own text overwritten
TRANSCRIPTION_ORIGINS = f"{PREFIX}:transcription:origins"
TRANSCRIPTION_REVISIONS = f"{PREFIX}:transcription:revisions"

# Recordings that are to be erased: upload id -> from when on (s); among them those being written
UPLOADS_PENDING_DELETION = f"{PREFIX}:uploads:doomed"

# The order of deliveries: the newest position, and the position this Redis began with
DELIVERY_LAST = f"{PREFIX}:delivery:last"
DELIVERY_SINCE = f"{PREFIX}:delivery:since"

# The search indexes
USER_INDEX = f"{PREFIX}:user:index"
MESSAGE_INDEX = f"{PREFIX}:message:index"

# Names of all users, for lists in their order: members `<folded name>\0<user id>`, all with score 0
NAMES = f"{PREFIX}:names"

# Counters of what somebody may do only so often; the rest of a key is made by `limits`
LIMITS = f"{PREFIX}:limits"

# What workers have counted (hash, see `chat.store.counters`), and beat processes with when they last sent a task (s)
COUNTERS = f"{PREFIX}:counters"
BEATS = f"{PREFIX}:beats"

# Leases of web processes (process -> until, ms), people online, and when they were last seen
PRESENCE_PROCESSES = f"{PREFIX}:presence:processes"
PRESENCE_ONLINE = f"{PREFIX}:presence:online"
PRESENCE_SEEN = f"{PREFIX}:presence:seen"


def user_key(user_id: str) -> str:
    return f"{PREFIX}:user:{user_id}"


def fold_name(name: str) -> str:
    """A username as it is compared and sorted: without case and without compatibility differences."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def name_suffix(user_id: str) -> str:
    """What follows the folded name in a member of `NAMES`."""
    return f"\0{user_id}"


def name_member(username: str, user_id: str) -> str:
    """A member of `NAMES`."""
    return fold_name(username) + name_suffix(user_id)


def user_of_name_member(member: bytes) -> str:
    """The id of the person that a member of `NAMES` stands for."""
    return member.rpartition(b"\0")[2].decode()


def message_key(message_id: str) -> str:
    return f"{PREFIX}:message:{message_id}"


def conversation_key(conversation: str) -> str:
    """Sorted set of the message ids of a conversation, all with score 0, so in the order of ids."""
    return f"{PREFIX}:conversation:{conversation}"


def conversations_key(user_id: str) -> str:
    """Sorted set of a person's partners by the time (ms) of their last message."""
    return f"{PREFIX}:conversations:{user_id}"


def inbox_key(user_id: str, partner_id: str) -> str:
    """Sorted set of the ids of the messages from a partner that a person has not read."""
    return f"{PREFIX}:inbox:{user_id}:{partner_id}"


def cursors_key(conversation: str) -> str:
    """Hash of reader -> the newest message id they have read."""
    return f"{PREFIX}:cursors:{conversation}"


def deliveries_key(user_id: str) -> str:
    """Sorted set of what was delivered to a person, by position: `<message id>` or `<message id>#<status>`."""
    return f"{PREFIX}:deliveries:{user_id}"


def client_key(sender_id: str, client_id: str) -> str:
    return f"{PREFIX}:client:{sender_id}:{client_id}"


def call_key(entropy: str) -> str:
    """As `client_key`, where the client gave none: the Redis client sends a call again whose answer was lost."""
    return f"{PREFIX}:call:{entropy}"


def upload_key(upload_id: str) -> str:
    """Hash: owner, name, mimetype, duration, and once claimed `message` (entry of the log) and `receiver`."""
    return f"{PREFIX}:upload:{upload_id}"


def limit_key(what: str, whose: str, seconds: int) -> str:
    """Counter of what a person has done, or of what was done to a message, in a window of so many seconds."""
    return f"{LIMITS}:{what}:{whose}:{seconds}"


def revoked_key(token_id: str) -> str:
    return f"{PREFIX}:revoked:{token_id}"


def sessions_key(user_id: str) -> str:
    """Tokens of this person issued before this time (ms) hold no longer."""
    return f"{PREFIX}:sessions:{user_id}"


def presence_process_key(process_id: str) -> str:
    """Set of the people who have a socket on that web process."""
    return f"{PREFIX}:presence:process:{process_id}"


def presence_user_key(user_id: str) -> str:
    """Set of the web processes a person has a socket on."""
    return f"{PREFIX}:presence:user:{user_id}"


def lock_key(name: str) -> str:
    return f"{PREFIX}:lock:{name}"
