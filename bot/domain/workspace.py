"""The workspace: a Slack workspace that installed the bot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.ids import UserId, WorkspaceId


@dataclass(frozen=True, slots=True)
class Workspace:
    """One workspace. Gone (uninstalled, token dead) until the bot is seen there again."""

    id: WorkspaceId
    name: str
    bot_user_id: UserId
    seen_at: datetime
    gone_at: datetime | None = None
