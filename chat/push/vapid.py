"""Our VAPID key (RFC 8292): browsers subscribe with its public half, push services know us by its signatures."""

import base64
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from config.settings import Settings

POINT_BYTES = 65  # an uncompressed point of the curve P-256
SECRET_BYTES = 16  # what a browser adds to it, RFC 8291, section 3.2


def public_key(settings: Settings) -> str | None:
    """The public half as browsers take it, in base64url; None if there is no key, and so no Web Push."""
    private = settings.vapid_private_key
    return _public_half(private.get_secret_value()) if private is not None else None


@lru_cache(maxsize=4)
def _public_half(private: str) -> str:
    key = ec.derive_private_key(int.from_bytes(decode(private), "big"), ec.SECP256R1())
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).decode().rstrip("=")


def is_point(text: str) -> bool:
    """Whether a text is a browser's public key."""
    try:
        point = decode(text)
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        return False
    return len(point) == POINT_BYTES


def is_secret(text: str) -> bool:
    """Whether a text is a browser's secret for authentication."""
    try:
        return len(decode(text)) == SECRET_BYTES
    except ValueError:
        return False


def decode(text: str) -> bytes:
    """The bytes of a text in base64url, with or without its padding. Raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
