"""The past: *why*, the fire drill, and the history as a file, asked for in Slack, fetched in a browser."""

from __future__ import annotations

import asyncio
import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bot.domain.access import Actor, Person, Workspace
from bot.domain.availability import IN_FILE, Report, ReportLine
from bot.domain.channel import Channel, HistoryEntry, Kind
from bot.domain.errors import ExportTaken, NotAllowed, OtherBrowser, TicketExpired, TicketUnknown
from bot.domain.hubspot import HUBSPOT, HubSpotChannel
from bot.domain.ids import ChannelId, DownloadId
from bot.domain.notice import NoticeKind
from bot.domain.ticket import TICKET_LASTS, Download, File
from bot.domain.view_models import ChannelRow, Drill, ExportLanding, HistoryModel, Told
from bot.services.connections.channels import Channels
from bot.services.core.incidents import REMINDERS
from bot.services.core.ports import Core, digest, new_secret
from bot.services.core.roles import roles_in
from bot.services.core.schedule import Schedule
from bot.services.monitoring.availability import Availabilities
from bot.services.people.people import People
from storage import UnitOfWork

_RECORDS: Final = 40
EXPORTED: Final = 10_000
"""Lines of an export, the latest."""
_MISTAKEN_FOR_FORMULAS: Final = frozenset("=+-@")
_BREAKING: Final = frozenset("\t\r\n")
_COLUMNS: Final = ("at", "address", "kind", "what", "actor", "from", "to", "cause", "code", "siblings", "via")


class History:
    """Reads, and changes nothing."""

    def __init__(
        self, core: Core, channels: Channels, schedule: Schedule, availabilities: Availabilities
    ) -> None:
        self._core = core
        self._availabilities = availabilities
        self._schedule = schedule
        self._channels = channels

    async def why(self, actor: Actor, channel_id: ChannelId) -> HistoryModel:
        """Signals, witnesses, decisions, whom we told and what they did. Raises ``Gone``, ``NotAllowed``."""
        status = await self._channels.status(actor, channel_id)
        async with self._core.storage.reading() as uow:
            records = await uow.history.of_channel(channel_id, _RECORDS)
            incident = await uow.incidents.latest_of(channel_id)
            notices = await uow.notices.of_incident(incident.id) if incident else ()
            probe = await uow.probes.find(channel_id)
        return HistoryModel(
            row=status.row,
            records=records,
            incident=incident,
            told=tuple(Told.by(one) for one in notices if one.kind is NoticeKind.INCIDENT),
            next_probe_at=probe.due_at if probe else None,
            strikes=probe.strikes if probe else 0,
            programs=status.programs,
        )

    async def drill(self, actor: Actor, channel_id: ChannelId) -> Drill:
        """Who would be told, when, and where: for super admins. Raises ``Gone``, ``NotAllowed``."""
        row = await self._for_super_admins(actor, channel_id)
        channel, cadence = row.channel, self._schedule.cadence
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
            ids = list({line.channel_id for line in lines})
            channels = await uow.channels.by_ids(ids)
            theirs = await uow.hubspot.by_ids([it for it in ids if it not in channels])
        # Beside the event loop: ten thousand lines take a while.
        return await asyncio.to_thread(_written, lines, {**theirs, **channels})

    async def file(self, actor: Actor, what: File) -> str:
        """A file's text. Raises ``NotAllowed``."""
        if what is File.HISTORY:
            return await self.export(actor)
        report = await self._availabilities.report(actor, most=IN_FILE)
        return await asyncio.to_thread(_report_written, report)

    async def may_export(self, actor: Actor) -> None:
        """Raises ``NotAllowed`` for anybody but super admins."""
        await self._check_super_admin(actor, "export")

    async def _check_super_admin(self, actor: Actor, what: str) -> None:
        if actor.is_super_admin:
            return
        async with self._core.storage.reading() as uow:
            roles = await roles_in(uow, self._core, actor.workspace_id)
        raise NotAllowed(what, tuple(one.id for one in roles.super_admins))

    async def _readers(self, uow: UnitOfWork, channel: Channel) -> tuple[Person, ...]:
        roles = await roles_in(uow, self._core, channel.workspace_id)
        readers = roles.audience(channel)
        people = await uow.people.by_ids(channel.workspace_id, readers)
        return tuple(people[reader] for reader in readers if reader in people)

    async def _for_super_admins(self, actor: Actor, channel_id: ChannelId) -> ChannelRow:
        await self._check_super_admin(actor, "drill")
        return (await self._channels.status(actor, channel_id)).row


def _cells(line: HistoryEntry, channel: Channel | HubSpotChannel | None) -> tuple[str, ...]:
    details = line.details
    return (
        line.at.isoformat(timespec="seconds"),
        channel.address if channel else "",
        _kind(channel),
        line.what,
        line.actor or "",
        *(details.get(name, "") for name in ("from", "to", "cause", "code", "siblings", "via")),
    )


def _written(lines: Sequence[HistoryEntry], channels: Mapping[ChannelId, Channel | HubSpotChannel]) -> str:
    return _csv([_cells(line, channels.get(line.channel_id)) for line in lines])


def _kind(channel: Channel | HubSpotChannel | None) -> str:
    if isinstance(channel, HubSpotChannel):
        return HUBSPOT
    return channel.kind.value if channel else ""


_REPORTED: Final = (
    "address",
    "name",
    "kind",
    "state",
    "available_percent",
    "watched_seconds",
    "disconnected_seconds",
    "unknown_seconds",
    "days_disconnected",
    "outages",
    "longest_outage_seconds",
    "average_repair_seconds",
    "reconnected_by",
)


def _report_written(report: Report) -> str:
    """A line for each inbox, the worst first, and for each day the seconds for which it was disconnected;
    nothing where it was not in use."""
    days = (report.last - report.first).days + 1
    dates = [(report.first + timedelta(days=it)).isoformat() for it in range(days)]
    return _csv(map(_report_cells, (*report.lines, *report.own)), (*_REPORTED, *dates))


def _report_cells(line: ReportLine) -> tuple[str, ...]:
    channel, total, outages = line.channel, line.availability.total, line.outages
    repaired = outages.repaired_within
    return (
        channel.address,
        channel.name,
        channel.kind.value,
        channel.state.value,
        "" if total.share is None else f"{int(total.share * 1_000_000) / 10_000:.4f}",
        str(total.watched),
        str(total.down),
        str(total.unknown),
        str(line.availability.days_down),
        str(outages.number),
        _seconds(outages.longest),
        "" if repaired is None else _seconds(repaired),
        " ".join(who for who, _ in outages.repaired_by if who is not None),
        *("" if not it.watched else str(it.down) for it in line.availability.days),
    )


def _seconds(span: timedelta) -> str:
    return str(int(span.total_seconds()))


def _csv(rows: Iterable[Sequence[str]], columns: Sequence[str] = _COLUMNS) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_inert(cell) for cell in row] for row in rows)
    return out.getvalue()


def _inert(cell: str) -> str:
    """A cell as text: spreadsheets run what begins like a formula, also behind blanks or in full width."""
    first = next((one for one in cell if not one.isspace() and unicodedata.category(one)[0] != "C"), "")
    is_one = cell[:1] in _BREAKING or unicodedata.normalize("NFKC", first) in _MISTAKEN_FOR_FORMULAS
    return f"'{cell}" if is_one else cell


@dataclass(frozen=True, slots=True)
class Offer:
    """A download that is ready to be fetched."""

    url: str = field(repr=False)
    expires_at: datetime


class HistoryExport:
    """Files that are asked for in Slack and fetched in a browser."""

    def __init__(self, core: Core, *, people: People, history: History, workspace: Workspace) -> None:
        self._core = core
        self._people = people
        self._history = history
        self._workspace = workspace

    async def begin(self, actor: Actor, file: File = File.HISTORY) -> Offer:
        """A link to the file, for this person. Raises ``NotAllowed``."""
        if file is File.HISTORY:
            await self._history.may_export(actor)
        now, secret = self._core.clock(), new_secret()
        new = Download(
            id=_id(secret),
            workspace_id=actor.workspace_id,
            user_id=actor.id,
            file=file,
            locale=actor.person.locale,
            created_at=now,
            expires_at=now + TICKET_LASTS,
        )
        async with self._core.storage.writing() as uow:
            await uow.downloads.add(new)
            await uow.commit()
        return Offer(f"{self._core.policy.base_url}/export/{secret}", new.expires_at)

    async def landing(self, secret: str) -> ExportLanding:
        """What the link is for. Spends nothing. Raises ``TicketUnknown``, ``TicketExpired``."""
        found = await self._found(secret)
        name = await self._people.name_of(found.user_id)
        is_report = found.file is File.AVAILABILITY
        lines = IN_FILE if is_report else EXPORTED
        return ExportLanding(name, self._workspace.name, found.locale, lines, is_report=is_report)

    async def fetch(self, secret: str, browser: str) -> tuple[File, str]:
        """The file and its text, once, for the browser that asks first.

        Raises ``ExportTaken``, ``OtherBrowser``, ``NotAllowed`` (the rights are those of now), and as
        ``landing``.
        """
        found = await self._found(secret)
        actor = await self._people.member(found.workspace_id, found.user_id, fresh=True)
        text = await self._history.file(actor, found.file)
        async with self._core.storage.writing() as uow:
            if not await uow.downloads.take(found.id, browser):
                raise ExportTaken if await uow.downloads.has(found.id, browser) else OtherBrowser
            await uow.commit()
        return found.file, text

    async def _found(self, secret: str) -> Download:
        async with self._core.storage.reading() as uow:
            found = await uow.downloads.find(_id(secret))
        if found is None:
            raise TicketUnknown
        if found.expires_at <= self._core.clock():
            raise TicketExpired
        return found


def _id(secret: str) -> DownloadId:
    return DownloadId(digest(secret))
