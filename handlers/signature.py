"""Whether a request comes from Slack: decided on raw bytes, before anything is parsed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

WINDOW: Final = timedelta(minutes=5)
TIMESTAMP: Final = "X-Slack-Request-Timestamp"
SIGNATURE: Final = "X-Slack-Signature"


def is_genuine(body: bytes, *, timestamp: str, signature: str, secrets: Sequence[str], now: datetime) -> bool:
    """Whether one of the ``secrets`` signed ``body`` within the last five minutes.

    Two secrets are valid while they are being rotated. Whatever stands in the headers is no error.
    """
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if abs(now.timestamp() - int(timestamp)) > WINDOW.total_seconds():
        return False
    given = signature.encode("utf-8", "surrogateescape")
    # Every secret is tried: the time taken says nothing about which one was right.
    fits = [hmac.compare_digest(given, _signed(secret, timestamp, body)) for secret in secrets]
    return any(fits)


def _signed(secret: str, timestamp: str, body: bytes) -> bytes:
    base = b"v0:" + timestamp.encode() + b":" + body
    return b"v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest().encode()
