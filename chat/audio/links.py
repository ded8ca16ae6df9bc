"""Signed links: whoever holds one may read one recording for a while, as an `<audio>` element must without headers.

A token is `<expiry>.<signature>`; the signature covers the upload it is for.
"""

import base64
import hashlib
import hmac
import re

from config.settings import Settings

_PURPOSE = b"chattergram audio link"
_TOKEN = re.compile(r"(\d{1,12})\.([A-Za-z0-9_-]{43})", re.ASCII)


def sign(settings: Settings, upload_id: str, now: float) -> tuple[str, int]:
    """A token for this upload, and when it expires. Times are Unix seconds."""
    expires = int(now) + settings.audio_link_lifetime
    return f"{expires}.{_signature(settings, upload_id, expires)}", expires


def is_valid(settings: Settings, upload_id: str, token: str, now: float) -> bool:
    """Whether a token is ours, for this upload, and has not expired."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return False
    expires = int(match[1])
    ours = hmac.compare_digest(match[2], _signature(settings, upload_id, expires))
    return ours and now < expires


def _signature(settings: Settings, upload_id: str, expires: int) -> str:
    # A key of its own, so that no signature made with the secret for another purpose can pass for one of these.
    key = hmac.digest(settings.secret_key.get_secret_value().encode(), _PURPOSE, hashlib.sha256)
    made = hmac.digest(key, f"{upload_id} {expires}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()
