"""The demo's tour: what one can try, in the README's order, each step ticked off once it was done.

Rule: it looks at what the bot has on record, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from bot.app import Bot
from bot.domain.channel import Channel, Kind
from sandbox.slack.page import TourStep
from storage import StorageAway

_LOOKS_BACK: Final = timedelta(days=30)
_MOST: Final = 2_000

STEPS: Final = ("connect", "pause", "mend", "restore", "team", "microsoft", "switch", "imap")
"""By their keys, in the README's order."""


@dataclass
class Tour:
    """Remembers what was done: a later step may undo an earlier one."""

    bot: Bot
    _done: set[str] = field(default_factory=set)

    async def steps(self) -> Sequence[TourStep]:
        """All of them, as they are now."""
        with suppress(StorageAway):  # then what was seen before counts
            self._done |= await self._seen()
        return [TourStep(key, key in self._done) for key in STEPS]

    async def _seen(self) -> set[str]:
        core, workspace_id = self.bot.services.core, self.bot.services.workspace.id
        async with core.storage.reading() as uow:
            lines = await uow.history.of_workspace(workspace_id, core.clock() - _LOOKS_BACK, _MOST)
            channels = await uow.channels.all(workspace_id)
        return done_of({line.what for line in lines}, channels)


def done_of(happened: Collection[str], channels: Collection[Channel]) -> set[str]:
    """The keys of the steps that this shows as done."""
    hosts = {channel.provider for channel in channels}
    facts = {
        "connect": "connect_proven" in happened,
        "pause": {"disable_asked", "enable_asked"} <= set(happened),
        "mend": {"refused", "reconnect_proven"} <= set(happened),
        "restore": {"remove_asked", "restore_proven"} <= set(happened),
        "team": any(channel.kind is Kind.TEAM for channel in channels),
        "microsoft": "microsoft" in hosts,
        "switch": "switch_proven" in happened,
        "imap": "imap" in hosts,
    }
    return {key for key, is_done in facts.items() if is_done}
