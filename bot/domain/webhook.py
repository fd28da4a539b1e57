"""Where programs are told, as Standard Webhooks 1.0.0 has it: the secret, the signature, the schedule.

The library of that name signs wrongly for some times and is for receivers; these are its three lines.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.errors import Refusal
from bot.domain.grant import Secret
from bot.domain.ids import ChannelId, WebhookId, WorkspaceId

_PREFIX: Final = "whsec_"
BOTH_FOR: Final = timedelta(hours=24)
"""After a rotation, everything is signed with the former secret, too."""
PAUSES: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=h) for h in (2, 5, 10, 14, 20, 24)),
)
"""After each failure in a row; the one after the last ends it, 75 hours and a half after the first."""
JITTER: Final = 0.1
"""Share of a pause by which it may be longer."""
LONGEST_PAUSE: Final = timedelta(hours=24)
"""Whatever a receiver asks for."""


class OffReason(StrEnum):
    """Why nothing is sent there any more."""

    GONE = "gone"
    """The receiver said so (410)."""
    FAILING = "failing"
    """It took nothing for three days."""


@dataclass(frozen=True, slots=True)
class WebhookAccess:
    """What is kept sealed of a webhook."""

    url: Secret
    secret: Secret
    former: Secret | None = None
    """The secret before the last rotation."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A place where programs are told, without what is secret of it."""

    id: WebhookId
    workspace_id: WorkspaceId
    name: str
    host: str
    is_for_team: bool
    """For every team address, those connected later among them; else for ``channels``."""
    channels: frozenset[ChannelId]
    created_by: str
    created_at: datetime
    edited_at: datetime | None = None
    rotated_at: datetime | None = None
    proven_at: datetime | None = None
    """When its present address first took a test: nothing else is sent there before."""
    off_at: datetime | None = None
    off_reason: OffReason | None = None
    failures: int = 0
    failing_since: datetime | None = None
    retry_at: datetime | None = None
    succeeded_at: datetime | None = None
    last_answer: str = ""
    """An HTTP status, or in one word why there was none."""

    @property
    def is_on(self) -> bool:
        return self.proven_at is not None and self.off_at is None

    def is_for(self, channel_id: ChannelId, *, is_team: bool) -> bool:
        """Personal inboxes are never a program's to hear of: their owners have not been asked."""
        return is_team and (self.is_for_team or channel_id in self.channels)


class WebhookFault(StrEnum):
    """What is wrong with a webhook as somebody wants it."""

    NAME = "name"
    URL = "url"
    NOTHING_NAMED = "nothing_named"
    UNKNOWN_ADDRESS = "unknown_address"
    PERSONAL = "personal"
    MADE = "made"
    """The same form has made one already."""
    NOT_TAKEN = "not_taken"
    """The new address did not take a test; what it answered, in a word."""


@dataclass(eq=False)
class WebhookRefused(Refusal):
    """A webhook cannot be like this. ``what`` is what was written, or answered."""

    fault: WebhookFault
    what: str = ""


def mint() -> Secret:
    """A new signing secret."""
    return Secret(_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode())


def signed(keys: Sequence[Secret], name: str, body: bytes, at: datetime) -> Mapping[str, str]:
    """The headers that prove ``body``, signed with each of ``keys``. ``at`` is when it is sent."""
    stamp = str(int(at.timestamp()))
    text = f"{name}.{stamp}.".encode() + body
    return {
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{_signature(key, text)}" for key in keys),
    }


def _signature(key: Secret, text: bytes) -> str:
    raw = base64.b64decode(key.reveal().removeprefix(_PREFIX))
    return base64.b64encode(hmac.new(raw, text, hashlib.sha256).digest()).decode()


def pause_after(failures: int, jitter: float) -> timedelta | None:
    """Until the next attempt after so many in a row; ``None`` after the last. ``jitter`` is in [-1, 1]."""
    if not 1 <= failures <= len(PAUSES):
        return None
    return PAUSES[failures - 1] * (1 + JITTER * abs(jitter))
