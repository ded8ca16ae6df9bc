"""People: signing up and in, profiles, lists, and leaving.

MongoDB comes first, since its unique indexes carry the promise of one account an email and a name; Redis follows.
Reads take Redis and fall back to MongoDB.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pymongo.errors import DuplicateKeyError, PyMongoError
from ulid import ULID

from chat import ids
from chat.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from chat.people import presence, restoring, sessions
from chat.people.passwords import Passwords
from chat.store import hot, keys
from chat.store.connection import Document, Stores

USERNAME_LIMIT = 32
EMAIL_LIMIT = 254  # RFC 5321 by way of its errata 1690
BIO_LIMIT = 500
PASSWORD_LEAST, PASSWORD_MOST = 8, 128
LIST_DEFAULT, LIST_MOST = 100, 500

WRONG_LOGIN = "The email or the password is wrong."
GONE_NAME = "Deleted account"

_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_UNSEEN_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"  # fillers and the empty Braille pattern


@dataclass(frozen=True, slots=True)
class Changes:
    """What somebody changes of their profile; None leaves it as it is."""

    username: str | None = None
    bio: str | None = None
    password: str | None = None
    current_password: str | None = None


def sign_up(stores: Stores, passwords: Passwords, email: str, username: str, password: str) -> Document:
    """A new account.

    Raises:
        Conflict: the email or the username is taken, compared without case.
        Invalid: a name no person can have.
    """
    username = clean_username(username)
    user: Document = {
        "_id": str(ULID()),
        "email": email,
        "emailKey": email_key(email),
        "username": username,
        "usernameKey": keys.fold_name(username),
        "bio": "",
        "createdAt": ids.now(),
        "revision": 1,
    }
    if taken := stores.mongo.users.find_one(
        {"$or": [{"emailKey": user["emailKey"]}, {"usernameKey": user["usernameKey"]}]}, {"emailKey": 1}
    ):
        raise _taken("emailKey" if taken["emailKey"] == user["emailKey"] else "usernameKey")
    security = {"_id": user["_id"], "passwordHash": passwords.hash(password)}
    try:
        with stores.mongo.client.start_session() as session:
            session.with_transaction(lambda own: _insert_account(stores, user, security, own))
    except DuplicateKeyError as error:
        raise _taken(next(iter((error.details or {}).get("keyPattern", {"usernameKey": 1})))) from None
    hot.save_user(stores, user)
    return user


def log_in(stores: Stores, passwords: Passwords, email: str, password: str) -> Document:
    """The account of this email and password.

    Raises:
        Unauthorized: there is none; says and takes the same whichever of the two is wrong.
    """
    user = stores.mongo.users.find_one({"emailKey": email_key(email)})
    security = stores.mongo.security.find_one({"_id": user["_id"] if user else ""})
    if not passwords.verify(security["passwordHash"] if security else None, password) or user is None:
        raise Unauthorized(WRONG_LOGIN)
    try:
        return get(stores, user["_id"])  # who has left while the password was looked at stays away
    except NotFound:
        raise Unauthorized(WRONG_LOGIN) from None


def get(stores: Stores, user_id: str) -> Document:
    """A person with their email, for themselves. Raises NotFound."""
    found = hot.read_json(stores.redis, [keys.user_key(user_id)])[0]
    if found is not None:
        return {**found, "_id": found["pk"]}
    user = restoring.find_user(stores, user_id)
    if user is None:
        raise NotFound("There is no such person.")
    return user


def require(stores: Stores, user_id: str) -> None:
    """Raises NotFound unless there is such a person."""
    if not ids.is_id(user_id):
        raise NotFound("There is no such person.")
    if not stores.redis.exists(keys.user_key(user_id)):
        get(stores, user_id)


def private(user: Document) -> dict[str, Any]:
    """What people see of themselves."""
    return {"_id": user["_id"], "email": user["email"], "username": user["username"], "bio": user.get("bio", "")}


def update(stores: Stores, passwords: Passwords, user_id: str, changes: Changes, session_id: str) -> Document:
    """Change one's profile. A new password ends every other session at once.

    Raises:
        Conflict: the username is taken.
        Forbidden: the current password is missing or wrong.
        Invalid: a name no person can have.
    """
    fields: dict[str, Any] = {}
    if changes.username is not None:
        username = clean_username(changes.username)
        fields |= {"username": username, "usernameKey": keys.fold_name(username)}
    if changes.bio is not None:
        fields["bio"] = changes.bio
    if changes.password is not None:
        check_password(stores, passwords, user_id, changes.current_password or "")
    # First what may be refused, so that a request changes all it asks for or nothing.
    user = _change_profile(stores, user_id, fields) if fields else get(stores, user_id)
    if changes.password is not None:
        new_hash = passwords.hash(changes.password)
        stores.mongo.security.update_one({"_id": user_id}, {"$set": {"passwordHash": new_hash}})
        sessions.end_all(stores, user_id, but=session_id)
    return user


def check_password(stores: Stores, passwords: Passwords, user_id: str, password: str) -> None:
    """Raises Forbidden unless it is this person's."""
    security = stores.mongo.security.find_one({"_id": user_id})
    if not passwords.verify(security["passwordHash"] if security else None, password):
        raise Forbidden("The current password is wrong.")


def profiles(stores: Stores, user_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What others see of people, also of those who have left."""
    wanted = list(user_ids)
    if not wanted:
        return {}
    found = hot.read_json(stores.redis, [keys.user_key(user_id) for user_id in wanted])
    missing = [user_id for user_id, user in zip(wanted, found, strict=True) if user is None]
    archived = {user["_id"]: user for user in _archived(stores, missing)}
    online = presence.online(stores, wanted)
    seen = presence.last_seen(stores, wanted)
    rows = {}
    for user_id, user in zip(wanted, found, strict=True):
        known = user or archived.get(user_id)
        rows[user_id] = {
            "_id": user_id,
            "username": known["username"] if known else GONE_NAME,
            "bio": known.get("bio", "") if known else "",
            "online": bool(known) and user_id in online,
            "lastSeen": (seen.get(user_id) or known.get("lastSeen")) if known else None,
        }
    return rows


def list_people(stores: Stores, prefix: str, limit: int, offset: int) -> list[dict[str, Any]]:
    """People by name whose name begins with `prefix`, compared without case."""
    folded = keys.fold_name(prefix).encode()
    low, high = (b"[" + folded, b"(" + folded + b"\xff") if folded else (b"-", b"+")
    members = stores.redis.zrangebylex(keys.NAMES, low, high, offset, limit)
    user_ids = [keys.user_of_name_member(member) for member in members]
    return list(profiles(stores, user_ids).values())


def clean_username(username: str) -> str:
    """The name in its composed form.

    Raises:
        Invalid: it is empty, too long, has control characters, or means another folder in an address.
    """
    composed = unicodedata.normalize("NFC", username.strip())
    if not 1 <= len(composed) <= USERNAME_LIMIT:
        raise Invalid("username", f"A username has 1 to {USERNAME_LIMIT} characters.")
    if any(unicodedata.category(each) in _UNSEEN_CATEGORIES or each in _UNSEEN_LETTERS for each in composed):
        raise Invalid("username", "A username has no invisible characters.")
    if not keys.fold_name(composed).strip():
        raise Invalid("username", "A username has at least one visible character.")
    if composed in (".", ".."):  # browsers take them out of /chat/.., however they are escaped
        raise Invalid("username", "A username is more than dots.")
    return composed


def email_key(email: str) -> str:
    """An email as it is compared."""
    return unicodedata.normalize("NFKC", email.strip()).casefold()


def _archived(stores: Stores, user_ids: list[str]) -> list[Document]:
    if not user_ids:
        return []
    try:
        return list(stores.mongo.users.find({"_id": {"$in": user_ids}}))
    except PyMongoError:
        return []  # names of people Redis does not know wait for MongoDB


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
        raise NotFound("There is no such person.")
    hot.save_user(stores, user)
    return user


def _taken(key: str) -> Conflict:
    return Conflict("That email is taken." if key == "emailKey" else "That username is taken.")
