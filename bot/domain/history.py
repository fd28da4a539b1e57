"""History entries: state changes, strikes, decisions and everything a person did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bot.domain.ids import ChannelId, UserId, WorkspaceId

HISTORY_LASTS: Final = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of a channel's history. ``actor`` is ``None`` where the system did it."""

    workspace_id: WorkspaceId
    channel_id: ChannelId
    at: datetime
    what: str
    """A signal, an effect or a decision, by its code name."""
    actor: UserId | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    """Small facts by name: states before and after, cause, provider's code. Never a secret."""
