"""Workspaces that installed the bot."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from bot.domain.ids import UserId, WorkspaceId
from bot.domain.workspace import Workspace
from storage.session import Session
from storage.tables import workspace


class Workspaces:
    """Rows of ``workspace``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find(self, workspace_id: WorkspaceId) -> Workspace | None:
        row = await self._session.first(select(workspace).where(workspace.c.id == workspace_id))
        return Workspace(**row._mapping) if row else None

    async def save_seen(
        self, workspace_id: WorkspaceId, name: str, bot_user_id: UserId, at: datetime
    ) -> None:
        """Remember that the bot is there. Does not bring back one that is gone: see ``mark_back``."""
        seen = {"name": name, "bot_user_id": bot_user_id, "seen_at": at}
        await self._session.count(
            self._session.insert(workspace)
            .values(id=workspace_id, **seen)
            .on_conflict_do_update(index_elements=[workspace.c.id], set_=seen)
        )

    async def mark_gone(self, workspace_id: WorkspaceId, at: datetime) -> None:
        """Keeps the first moment it was found gone: that one starts the 30 days."""
        here = workspace.c.id == workspace_id, workspace.c.gone_at.is_(None)
        await self._session.count(update(workspace).where(*here).values(gone_at=at))

    async def mark_back(self, workspace_id: WorkspaceId) -> None:
        await self._session.count(
            update(workspace).where(workspace.c.id == workspace_id).values(gone_at=None)
        )

    async def is_gone(self, workspace_id: WorkspaceId) -> bool:
        gone = workspace.c.id == workspace_id, workspace.c.gone_at.is_not(None)
        return await self._session.value(select(workspace.c.id).where(*gone)) is not None

    async def gone_before(self, at: datetime) -> tuple[WorkspaceId, ...]:
        rows = await self._session.rows(select(workspace.c.id).where(workspace.c.gone_at < at))
        return tuple(row.id for row in rows)
