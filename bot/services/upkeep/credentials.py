"""Says in time that what proves us to a provider ends: on that day nothing could be checked any more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from bot.domain.access import Workspace
from bot.domain.notice import NoticeKind
from bot.services.core.notifications import Notifications, Operators
from bot.services.core.ports import Core, Credential

WARNED: Final = (30, 7, 1)
"""Days before."""


class CredentialWatch:
    """Tells the operator, once for each of those days."""

    def __init__(self, core: Core, notifications: Notifications, workspace: Workspace) -> None:
        self._core = core
        self._operators = Operators(core, notifications)
        self._workspace_id = workspace.id

    async def look(self) -> int:
        """Returns how many warnings were given."""
        now = self._core.clock()
        due = [(one, days) for one in self._core.policy.credentials if (days := days_of(one, now))]
        return sum([await self._tell(one, days, now) for one, days in due])

    async def _tell(self, credential: Credential, days: int, now: datetime) -> int:
        ends = credential.ends_at.isoformat()
        about = {"what": credential.what, "days": str(days), "ends": ends}
        async with self._core.storage.writing() as uow:
            if not await uow.meta.add(f"credential:{credential.what}:{days}:{ends}", now.isoformat()):
                return 0
            await self._operators.tell(uow, self._workspace_id, NoticeKind.CREDENTIAL, about=about, now=now)
            await uow.commit()
        return 1


def days_of(credential: Credential, now: datetime) -> int | None:
    """Which warning is due; ``None`` while there is time, and when it is over: that is told as a refusal."""
    left = credential.ends_at - now
    if left <= timedelta():
        return None
    return min((days for days in WARNED if left <= timedelta(days=days)), default=None)
