"""Accounts: sign-up, log-in, profiles and the list of people.

Writes go to MongoDB first, since its unique indexes guarantee one account per email and per name; Redis follows.
Reads use Redis and fall back to MongoDB.
"""

import unicodedata
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from email_validator import EmailNotValidError, ValidatedEmail, validate_email
from pymongo.errors import DuplicateKeyError, PyMongoError
from ulid import ULID

from chat import ids
from chat.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from chat.people import presence, restoring, sessions, telling
from chat.people.passwords import Passwords
from chat.store import hot, keys
from chat.store.connection import Document, Stores
from chat.text import looks, names

USERNAME_LIMIT = 32
EMAIL_LIMIT = 254  # RFC 5321 by way of its errata 1690
BIO_LIMIT = 500
MAX_LIST = 1_000  # people in one response; also without a limit, since old clients ask once


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes to a profile; None leaves a field as it is."""

    username: str | None = None
    bio: str | None = None
    password: str | None = None
    current_password: str | None = None


def sign_up(stores: Stores, passwords: Passwords, email: str, username: str, password: str) -> Document:
    """Creates an account.

    Raises:
        Conflict: the email is taken, or the username or one that looks like it, ignoring case.
        Invalid: the email or the username is not allowed, or the password is too common.
    """
    username, email = clean_username(username), clean_email(email)
    email_forms = email_keys(email)
    passwords.require_uncommon(password)
    user: Document = {
        "_id": str(ULID()),
        "email": email,
        "emailKey": email_forms[0],
        **_name_fields(username),
        "bio": "",
        "createdAt": ids.now(),
        "revision": 1,
    }
    if taken := stores.mongo.users.find_one(
        {
            "$or": [
                {"emailKey": {"$in": email_forms}},
                {"usernameKey": user["usernameKey"]},
                {"looks": {"$in": user["looks"]}},
            ]
        },
        {"emailKey": 1},
    ):
        raise _taken("emailKey" if taken["emailKey"] in email_forms else "usernameKey")
    security = {"_id": user["_id"], "passwordHash": passwords.hash(password)}
    try:
        with stores.mongo.client.start_session() as session:
            session.with_transaction(lambda own: _insert_account(stores, user, security, own))
    except DuplicateKeyError as error:
        raise _taken(next(iter((error.details or {}).get("keyPattern", {"usernameKey": 1})))) from None
    hot.save_user(stores, user)
    return user


def log_in(
    stores: Stores, passwords: Passwords, email: str, password: str, issue: Callable[[str], str]
) -> tuple[Document, str]:
    """Returns the account with this email and password, and a token for it, which `issue` creates.

    Raises:
        Unauthorized: there is none. The text and the time taken do not reveal which of the two is wrong.
    """
    user = _find_by_email(stores, email)
    security = stores.mongo.security.find_one({"_id": user["_id"] if user else ""})
    if not passwords.verify(security["passwordHash"] if security else None, password) or user is None:
        raise Unauthorized("wrong_login")
    token = issue(user["_id"])
    # Changing the password ends all sessions that exist. A session created while the old password was being verified
    # is not among them, so this checks again once the token has been issued.
    if stores.mongo.security.find_one({"_id": user["_id"]}) != security:
        raise Unauthorized("wrong_login")
    try:
        return get(stores, user["_id"]), token  # fails if they deleted their account during the check
    except NotFound:
        raise Unauthorized("wrong_login") from None


def get(stores: Stores, user_id: str) -> Document:
    """A person's own account, including the email. Raises NotFound."""
    found = hot.read_json(stores.redis, [keys.user_key(user_id)])[0]
    if found is not None:
        return {**found, "_id": found["pk"]}
    user = restoring.find_user(stores, user_id)
    if user is None:
        raise NotFound("no_such_person")
    return user


def require(stores: Stores, user_id: str) -> None:
    """Raises NotFound unless the person exists."""
    if not ids.is_id(user_id):
        raise NotFound("no_such_person")
    if not stores.redis.exists(keys.user_key(user_id)):
        get(stores, user_id)


def private(user: Document) -> dict[str, Any]:
    """What a person sees of their own account."""
    return {"_id": user["_id"], "email": user["email"], "username": user["username"], "bio": user.get("bio", "")}


def update(stores: Stores, passwords: Passwords, user_id: str, changes: Changes, session_id: str) -> Document:
    """Changes a person's own profile. A new password ends all their other sessions at once.

    Raises:
        Conflict: the username is taken.
        Forbidden: the current password is missing or wrong.
        Invalid: the username is not allowed, or the password is too common.
    """
    fields: dict[str, Any] = {}
    if changes.username is not None and changes.username != get(stores, user_id)["username"]:
        fields |= _name_fields(clean_username(changes.username))  # a name one has stays, whatever is allowed today
    if changes.bio is not None:
        fields["bio"] = changes.bio
    if changes.password is not None:
        check_password(stores, passwords, user_id, changes.current_password or "")
        passwords.require_uncommon(changes.password)
    # What may be refused comes first, so that a request changes everything it asks for or nothing.
    user = _change_profile(stores, user_id, fields) if fields else get(stores, user_id)
    if fields:
        telling.tell_of_profile(stores, user_id, user["username"], user.get("bio", ""))
    if changes.password is not None:
        new_hash = passwords.hash(changes.password)
        stores.mongo.security.update_one({"_id": user_id}, {"$set": {"passwordHash": new_hash}})
        sessions.end_all(stores, user_id, keep=session_id)
    return user


def set_password(stores: Stores, passwords: Passwords, user_id: str, password: str) -> None:
    """Gives an account another password, or one at all, for whoever runs the server; ends all its sessions.

    Raises:
        Invalid: the password is too common.
    """
    passwords.require_uncommon(password)
    new = {"$set": {"passwordHash": passwords.hash(password)}}
    stores.mongo.security.update_one({"_id": user_id}, new, upsert=True)
    sessions.end_all(stores, user_id)


def check_password(stores: Stores, passwords: Passwords, user_id: str, password: str) -> None:
    """Raises Forbidden unless this is the person's password."""
    security = stores.mongo.security.find_one({"_id": user_id})
    if not passwords.verify(security["passwordHash"] if security else None, password):
        raise Forbidden("wrong_password")


def profiles(stores: Stores, viewer_id: str, user_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What that person sees of people, including deleted accounts, by id."""
    wanted = list(user_ids)
    if not wanted:
        return {}
    found = hot.read_json(stores.redis, [keys.user_key(user_id) for user_id in wanted])
    missing = [user_id for user_id, user in zip(wanted, found, strict=True) if user is None]
    archived = {user["_id"]: user for user in _archived(stores, missing)}
    online = presence.online(stores, wanted)
    seen = presence.last_seen(stores, wanted)
    shown = presence.shown(stores, viewer_id, wanted)
    rows = {}
    for user_id, user in zip(wanted, found, strict=True):
        known = user or archived.get(user_id)
        shows = bool(known) and user_id in shown
        rows[user_id] = {
            "_id": user_id,
            "username": known["username"] if known else names.DELETED_NAME,
            "bio": known.get("bio", "") if known else "",
            "online": shows and user_id in online,
            "lastSeen": (seen.get(user_id) or known.get("lastSeen")) if known and shows else None,
        }
    return rows


def list_people(stores: Stores, viewer_id: str, prefix: str, limit: int, offset: int) -> list[dict[str, Any]]:
    """People whose name begins with `prefix`, ignoring case, sorted by name."""
    folded = keys.fold_name(prefix).encode()
    low, high = (b"[" + folded, b"(" + folded + b"\xff") if folded else (b"-", b"+")
    members = stores.redis.zrangebylex(keys.NAMES, low, high, offset, limit)
    user_ids = [keys.user_of_name_member(member) for member in members]
    return list(profiles(stores, viewer_id, user_ids).values())


def find_people(stores: Stores, viewer_id: str, user_id: str) -> list[dict[str, Any]]:
    """The person with this id, if there is one."""
    try:
        require(stores, user_id)
    except NotFound:
        return []
    return list(profiles(stores, viewer_id, [user_id]).values())


def clean_username(username: str) -> str:
    """The name in the form in which it is kept.

    Raises:
        Invalid: it is too long, or nobody may have it; see `chat.text.names`.
    """
    name = names.clean(username)
    if not 1 <= len(name) <= USERNAME_LIMIT:
        raise Invalid("username", "username_length", longest=USERNAME_LIMIT)
    try:
        names.check(name)
    except names.Refused as refused:
        raise Invalid("username", "username_not_allowed", sentence=refused.sentence) from None
    return name


def clean_email(email: str) -> str:
    """The email in its normal form: the domain in small letters, and in its own script.

    Raises:
        Invalid: it is none.
    """
    try:
        return _validated(email).normalized
    except EmailNotValidError:
        raise Invalid("email", "email_invalid") from None


def email_key(email: str) -> str:
    """The form in which emails are compared, whether they are any or not."""
    return email_keys(email)[0]


def email_keys(email: str) -> list[str]:
    """That form, then those of accounts that were made before emails were put into their normal form."""
    found = [_fold_email(email)]
    with suppress(EmailNotValidError):
        valid = _validated(email)
        found = [_fold_email(valid.normalized), *found, _fold_email(valid.ascii_email or email)]
    return list(dict.fromkeys(found))


def _validated(email: str) -> ValidatedEmail:
    # What a mail server can reach is not ours to say: an intranet's names may have no dot, or a special ending.
    return validate_email(email.strip(), check_deliverability=False, globally_deliverable=False)


def _fold_email(email: str) -> str:
    return unicodedata.normalize("NFKC", email.strip()).casefold()


def _name_fields(username: str) -> Document:
    """What the archive keeps of a name; its unique indexes let nobody else take one that looks alike."""
    return {
        "username": username,
        "usernameKey": keys.fold_name(username),
        "looks": looks.keys(username),
        "looksVersion": looks.VERSION,
    }


def _archived(stores: Stores, user_ids: list[str]) -> list[Document]:
    if not user_ids:
        return []
    try:
        return list(stores.mongo.users.find({"_id": {"$in": user_ids}}))
    except PyMongoError:
        return []  # people Redis does not know stay nameless until MongoDB is back


def _find_by_email(stores: Stores, email: str) -> Document | None:
    """The account with this email; of several from before normal forms, the one that was made with just this text."""
    found = list(stores.mongo.users.find({"emailKey": {"$in": email_keys(email)}}))
    return min(found, key=lambda user: user["emailKey"] != _fold_email(email), default=None)


def archive(stores: Stores, user: Document) -> None:
    """Gives the archive a person as Redis has them, over an older copy or over none; without a password.

    Raises:
        DuplicateKeyError: their name, one that looks alike, or their email is somebody else's.
    """
    fields = {
        "email": user["email"],
        "emailKey": email_key(user["email"]),
        **_name_fields(user["username"]),
        "bio": user.get("bio", ""),
        "createdAt": user["createdAt"],
        "muted": user.get("muted", []),
        "revision": user.get("revision", 1),
    }
    stores.mongo.users.update_one({"_id": user["pk"]}, {"$set": fields}, upsert=True)


def _insert_account(stores: Stores, user: Document, security: Document, session: Any) -> None:
    stores.mongo.users.insert_one(dict(user), session=session)
    stores.mongo.security.insert_one(dict(security), session=session)


def _change_profile(stores: Stores, user_id: str, fields: dict[str, Any]) -> Document:
    try:
        user = stores.mongo.users.find_one_and_update(
            {"_id": user_id}, {"$set": fields, "$inc": {"revision": 1}}, return_document=True
        )
    except DuplicateKeyError:
        raise _taken("usernameKey") from None
    if user is None:
        raise NotFound("no_such_person")
    hot.save_user(stores, user)
    return user


def _taken(key: str) -> Conflict:
    if key == "emailKey":
        return Conflict("email_taken")
    return Conflict("username_taken")
