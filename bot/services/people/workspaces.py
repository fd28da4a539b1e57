"""The workspace that is served: there, gone, back; and which of Slack's deliveries were seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog

from bot.domain.errors import SlackAway
from bot.domain.ids import WorkspaceId
from bot.domain.lifecycle import Signal
from bot.domain.notice import SLACK
from bot.domain.workspace import Workspace
from bot.services.core.notifications import Notifications, Operators, client_at
from bot.services.core.ports import Core
from bot.services.core.transitions import Transitions

_log = structlog.get_logger(__name__)

SECRETS_OUTLIVE_IT: Final = timedelta(days=30)
"""Reinstalling within this time finds everything as it was."""
FORGOTTEN_AT_ONCE: Final = 100
"""Channels of a workspace that has left, in one transaction."""


class Workspaces:
    """Installs and uninstalls."""

    def __init__(
        self,
        core: Core,
        transitions: Transitions,
        notifications: Notifications,
        *,
        workspace: Workspace,
        is_there: Callable[[], Awaitable[bool]],
    ) -> None:
        self._core = core
        self._transitions = transitions
        self._operators = Operators(core, notifications)
        self._workspace = workspace
        self._is_there = is_there

    async def seen(self, workspace: Workspace) -> None:
        """The token works: the workspace is here (again). What was to be said meanwhile is said now."""
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            was_gone = await uow.workspaces.is_gone(workspace.id)
            await uow.workspaces.save_seen(workspace.id, workspace.name, workspace.bot_user_id, now)
            await uow.workspaces.mark_back(workspace.id)
            if was_gone:
                await self._transitions.tell_again(uow, workspace.id)
            await uow.commit()

    async def suspected(self, workspace_id: WorkspaceId, code: str) -> None:
        """A call was answered as if our token were dead. Believed only if asking who we are says so too.

        Raises ``SlackAway`` when it was a slip, so that the work is tried again.
        """
        if await self._is_there():
            raise SlackAway(code)
        _log.error("Slack no longer accepts our token: everything rests until it does", code=code)
        await self.gone(workspace_id)

    async def look_for(self) -> None:
        """While it is gone: see whether our token works again."""
        if await self.is_gone() and await self._is_there():
            await self.seen(self._workspace)

    async def is_gone(self) -> bool:
        """Whether the workspace that this process serves has gone."""
        async with self._core.storage.reading() as uow:
            return await uow.workspaces.is_gone(self._workspace.id)

    async def gone(self, workspace_id: WorkspaceId) -> None:
        """The bot was uninstalled or its token died: probing and messages stop, attempts are not spent."""
        async with self._core.storage.writing() as uow:
            await uow.workspaces.mark_gone(workspace_id, self._core.clock())
            await uow.commit()

    async def forget_long_gone(self) -> int:
        """Erase the secrets of workspaces that left 30 days ago. Returns how many channels that were."""
        forgotten = 0
        async with self._core.storage.reading() as uow:
            left = await uow.workspaces.gone_before(self._core.clock() - SECRETS_OUTLIVE_IT)
        for workspace_id in left:
            while many := await self._forget_some(workspace_id):
                forgotten += many
        return forgotten

    async def _forget_some(self, workspace_id: WorkspaceId) -> int:
        """A batch in a transaction of its own: nobody waits for longer than one takes."""
        async with self._core.storage.writing() as uow:
            if not await uow.workspaces.is_gone(workspace_id):
                return 0
            some = await uow.channels.some(workspace_id, limit=FORGOTTEN_AT_ONCE)
            for channel in some:
                await self._transitions.apply(uow, channel, Signal.WORKSPACE_GONE)
            await uow.commit()
        return len(some)

    async def socket_refused(self, code: str) -> None:
        """Slack gives us no Socket Mode connection for a reason that only the operator can remove. They can
        be written to all the same: that goes another way."""
        async with self._core.storage.writing() as uow:
            now = self._core.clock()
            is_news = await self._operators.socket_refused(uow, self._workspace.id, code=code, now=now)
            await uow.commit()
        if is_news:
            _log.error("Slack refuses Socket Mode: see the app's settings", code=code)

    async def socket_works(self) -> None:
        """Slack has connected us, and it lasts: what the operator was told is over."""
        async with self._core.storage.reading() as uow:
            if await uow.meta.find(client_at(SLACK)) is None:
                return
        async with self._core.storage.writing() as uow:
            await self._operators.signed_in(uow, self._workspace.id, SLACK, now=self._core.clock())
            await uow.commit()

    async def first_time(self, key: str) -> bool:
        """Whether this delivery (an event or interaction id) is new. Remembered for 24 h."""
        async with self._core.storage.writing() as uow:
            is_new = await uow.seen.first_time(key, self._core.clock())
            await uow.commit()
        return is_new
