"""What can be shown of the past and of what would happen: *why*, the export, and the fire drill."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.domain.access import Actor, Person
from bot.domain.channel import Channel, Kind
from bot.domain.errors import NotAllowed
from bot.domain.ids import ChannelId
from bot.domain.incident import Notice, NoticeKind
from bot.domain.picture import ChannelRow, Drill, Evidence, Told
from bot.domain.record import Record
from bot.services.channels import Channels
from bot.services.core import Core
from bot.services.incidents import REMINDERS
from bot.services.pace import Pace
from bot.services.standing import standing_of
from storage import UnitOfWork

_RECORDS: Final = 40
EXPORTED: Final = 10_000
"""Lines of an export, the latest."""
_MISTAKEN_FOR_FORMULAS: Final = frozenset("=+-@")
_BREAKING: Final = frozenset("\t\r\n")
_COLUMNS: Final = ("at", "address", "kind", "what", "actor", "from", "to", "cause", "code", "siblings", "via")


class Evidences:
    """Reads, and changes nothing."""

    def __init__(self, core: Core, channels: Channels, pace: Pace) -> None:
        self._core = core
        self._pace = pace
        self._channels = channels

    async def why(self, actor: Actor, channel_id: ChannelId) -> Evidence:
        """Signals, witnesses, decisions, whom we told and what they did. Raises ``Gone``, ``NotAllowed``."""
        status = await self._channels.status(actor, channel_id)
        async with self._core.storage.reading() as uow:
            records = await uow.history.of_channel(channel_id, _RECORDS)
            incident = await uow.incidents.latest_of(channel_id)
            notices = await uow.notices.of_incident(incident.id) if incident else ()
            probe = await uow.probes.find(channel_id)
        return Evidence(
            row=status.row,
            records=records,
            incident=incident,
            told=tuple(_told(one) for one in notices if one.kind is NoticeKind.INCIDENT),
            next_probe_at=probe.due_at if probe else None,
            strikes=probe.strikes if probe else 0,
        )

    async def drill(self, actor: Actor, channel_id: ChannelId) -> Drill:
        """Who would be told, when, and where: for super admins. Raises ``Gone``, ``NotAllowed``."""
        row = await self._for_super_admins(actor, channel_id)
        channel, cadence = row.channel, self._pace.cadence
        async with self._core.storage.reading() as uow:
            readers = await self._readers(uow, channel)
        every = cadence.team if channel.kind is Kind.TEAM else cadence.personal
        return Drill(
            row=row,
            readers=readers,
            conversation_id=channel.conversation_id,
            told_within=every + cadence.witness,
            reminders=REMINDERS,
        )

    async def export(self, actor: Actor, *, since: datetime | None = None) -> str:
        """The workspace's history as CSV, newest first, at most 10,000 lines: for super admins.

        No cell can be mistaken for a formula by a spreadsheet. Raises ``NotAllowed``.
        """
        await self.may_export(actor)
        async with self._core.storage.reading() as uow:
            lines = await uow.history.of_workspace(
                actor.workspace_id, since or self._core.clock() - timedelta(days=400), EXPORTED
            )
            channels = await uow.channels.by_ids(list({line.channel_id for line in lines}))
        return _csv([_cells(line, channels.get(line.channel_id)) for line in lines])

    async def may_export(self, actor: Actor) -> None:
        """Raises ``NotAllowed`` for anybody but super admins."""
        if actor.is_super_admin:
            return
        async with self._core.storage.reading() as uow:
            standing = await standing_of(uow, self._core, actor.workspace_id)
        raise NotAllowed("export", tuple(one.id for one in standing.super_admins))

    async def _readers(self, uow: UnitOfWork, channel: Channel) -> tuple[Person, ...]:
        standing = await standing_of(uow, self._core, channel.workspace_id)
        people = {person.id: person for person in await uow.people.of_workspace(channel.workspace_id)}
        return tuple(people[reader] for reader in standing.audience(channel) if reader in people)

    async def _for_super_admins(self, actor: Actor, channel_id: ChannelId) -> ChannelRow:
        await self.may_export(actor)
        return (await self._channels.status(actor, channel_id)).row


def _told(notice: Notice) -> Told:
    return Told(
        recipient=notice.recipient,
        is_shown=notice.ts is not None,
        unreachable=notice.unreachable,
        reminders=notice.reminders,
        snoozed_until=notice.snoozed_until,
    )


def _cells(line: Record, channel: Channel | None) -> tuple[str, ...]:
    details = line.details
    return (
        line.at.isoformat(timespec="seconds"),
        channel.address if channel else "",
        channel.kind.value if channel else "",
        line.what,
        line.actor or "",
        *(details.get(name, "") for name in ("from", "to", "cause", "code", "siblings", "via")),
    )


def _csv(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    writer.writerows([_inert(cell) for cell in row] for row in rows)
    return out.getvalue()


def _inert(cell: str) -> str:
    """A cell as text: spreadsheets run what begins like a formula, also behind blanks or in full width."""
    first = next((one for one in cell if not one.isspace() and unicodedata.category(one)[0] != "C"), "")
    is_one = cell[:1] in _BREAKING or unicodedata.normalize("NFKC", first) in _MISTAKEN_FOR_FORMULAS
    return f"'{cell}" if is_one else cell
