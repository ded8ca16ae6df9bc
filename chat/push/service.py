"""Sends one notification to one browser by its push service (RFC 8030), encrypted for that browser (RFC 8291).

Speaks HTTP by the standard library's client, which follows no redirects and uses no proxy: the address is a stranger's,
and `chat.push.addresses` must see every one that we connect to.
"""

import base64
import hashlib
import hmac
import http.client
import socket
import ssl
import threading
import time
from dataclasses import dataclass

from py_vapid import Vapid02
from pywebpush import WebPusher

from chat.push import addresses
from chat.push.subscriptions import Device
from config.settings import Settings

TTL_SECONDS = 86_400  # how long a push service keeps it for a device that is off; then it says nothing new
SIGNED_SECONDS = 3_600  # RFC 8292 allows 24 hours
CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 10.0  # for everything after that; then the connection is cut, however slowly it still answers
MAX_RETRY_AFTER = 3_600.0
TOPIC_LENGTH = 32  # the longest there may be, RFC 8030, section 5.4

SENT, GONE, REFUSED, LATER = "sent", "gone", "refused", "later"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it: `SENT`, `GONE` (the subscription ended), `REFUSED` (for good) or `LATER`, and the status."""

    result: str
    status: int = 0
    retry_after: float = 0.0  # seconds


class PushServices:
    """All push services, as far as we know them: by the addresses that browsers give us."""

    def __init__(self, settings: Settings) -> None:
        """Raises ValueError without a VAPID key."""
        if settings.vapid_private_key is None:
            raise ValueError("VAPID_PRIVATE_KEY is missing")
        self._vapid = Vapid02.from_raw(settings.vapid_private_key.get_secret_value().encode())
        self._contact = settings.push_contact
        self._private_allowed = settings.push_to_private_hosts
        self._secret = settings.secret_key.get_secret_value().encode()
        self._tls = ssl.create_default_context()

    def topic(self, conversation: str) -> str:
        """The name under which a later notification replaces an earlier one; it tells the service nothing else."""
        digest = hmac.digest(self._secret, f"push topic {conversation}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode()[:TOPIC_LENGTH]

    def send(self, device: Device, content: bytes, topic: str) -> Outcome:
        """Sends it and says what the push service answered; a failure to reach it is `LATER`."""
        try:
            target = addresses.parse(device.endpoint, private_allowed=self._private_allowed)
            return self._post(target, self._encrypt(device, content), self._headers(target, topic))
        except addresses.NotAllowed:
            return Outcome(REFUSED)
        except (OSError, http.client.HTTPException):
            return Outcome(LATER)

    def _encrypt(self, device: Device, content: bytes) -> bytes:
        keys = {"p256dh": device.p256dh, "auth": device.auth}
        return bytes(WebPusher({"endpoint": device.endpoint, "keys": keys}).encode(content)["body"])

    def _headers(self, target: addresses.Target, topic: str) -> dict[str, str]:
        claims = {"aud": target.origin, "sub": self._contact, "exp": int(time.time()) + SIGNED_SECONDS}
        return {
            **self._vapid.sign(claims),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(TTL_SECONDS),
            "Topic": topic,
            "Urgency": "high",
        }

    def _post(self, target: addresses.Target, body: bytes, headers: dict[str, str]) -> Outcome:
        opened = addresses.connect(target, CONNECT_SECONDS, private_allowed=self._private_allowed)
        timer = threading.Timer(TOTAL_SECONDS, _cut, [opened])
        timer.start()
        connection = http.client.HTTPConnection(target.host, target.port)
        try:
            connection.sock = self._tls.wrap_socket(opened, server_hostname=target.host) if target.is_https else opened
            connection.request("POST", target.path, body, headers)
            response = connection.getresponse()  # its body says nothing that we use, so it is not read
            return _outcome(response.status, response.getheader("Retry-After") or "")
        finally:
            timer.cancel()
            connection.close()
            opened.close()


def _cut(opened: socket.socket) -> None:
    try:
        opened.shutdown(socket.SHUT_RDWR)
    except OSError:
        opened.close()


def _outcome(status: int, retry_after: str) -> Outcome:
    if 200 <= status < 300:
        return Outcome(SENT, status)
    if status in (404, 410):
        return Outcome(GONE, status)
    if status in (408, 429) or status >= 500:
        seconds = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
        return Outcome(LATER, status, min(seconds, MAX_RETRY_AFTER))
    return Outcome(REFUSED, status)
