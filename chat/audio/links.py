"""Signed links: anybody who has one may read one recording for a while, since `<audio>` elements cannot send headers.

A link is valid as long as the session that created it, and only while its person may read the recording. So its token
names the session: `<expiry>.<person>.<token id>.<issued, ms>.<signature>`; the signature covers all of it
and the upload it is for.
"""

import base64
import hashlib
import hmac
import re
from typing import NamedTuple

from config.settings import Settings

_PURPOSE = b"chattergram audio link"
_TOKEN = re.compile(r"(\d{1,12})\.([0-9A-Z]{26})\.([0-9a-f-]{36})\.(\d{1,15})\.([A-Za-z0-9_-]{43})", re.ASCII)


class Maker(NamedTuple):
    """The session that created a link."""

    user_id: str
    token_id: str
    issued_ms: int


def sign(settings: Settings, upload_id: str, maker: Maker, until: int, now: float) -> tuple[str, int]:
    """Returns a token for this upload, and when it expires: never after `until`. Times are Unix seconds."""
    expires = min(int(now) + settings.audio_link_lifetime, until)
    said = f"{expires}.{maker.user_id}.{maker.token_id}.{maker.issued_ms}"
    return f"{said}.{_signature(settings, upload_id, said)}", expires


def read(settings: Settings, upload_id: str, token: str, now: float) -> Maker | None:
    """Returns the session that created a link, or None if the token is not ours, for another upload, or expired.

    The caller must check that the session is still valid and that its person may read the upload.
    """
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    expires, user_id, token_id, issued_ms, signature = match.groups()
    said = token.rpartition(".")[0]
    if not hmac.compare_digest(signature, _signature(settings, upload_id, said)) or now >= int(expires):
        return None
    return Maker(user_id, token_id, int(issued_ms))


def _signature(settings: Settings, upload_id: str, said: str) -> str:
    # A key of its own, so that no signature made with the secret for another purpose is valid here.
    key = hmac.digest(settings.secret_key.get_secret_value().encode(), _PURPOSE, hashlib.sha256)
    made = hmac.digest(key, f"{upload_id} {said}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()
