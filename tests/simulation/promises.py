"""What the product promises, checked against what is true: of every mailbox, of the database, of Slack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, select

from bot.domain.channel import Cause, Channel, HistoryEntry, State
from bot.domain.ids import ChannelId, GrantId, NoticeId, UserId
from bot.domain.incident import IncidentKind
from bot.domain.notice import NoticeKind
from bot.domain.provider_outage import is_held
from bot.domain.request import RequestState
from bot.services.core.incidents import CLAIM_LASTS
from sandbox.slack.state import Message
from storage import UnitOfWork
from storage.tables import channel, hold, incident, job, notice, notice_incident, probe, request
from tests.simulation.office import Office
from tests.simulation.slack_reader import asks_to_reconnect
from tests.simulation.weather import Kind, Weather

TOLD_WITHIN: Final = timedelta(minutes=20)
"""Three minutes without noise, eight with nobody to compare with; the rest is for a run of bad luck."""
AFTER_OUTAGES: Final = timedelta(minutes=45)
"""Those that are back vouch for nobody for 15 minutes, and those that are held wait for their turn."""
ENOUGH_TO_COMPARE: Final = 8
"""Three are enough by the rules; noise may silence some, and refuse others."""
_AN_HOUR: Final = timedelta(minutes=50)
"""Bad luck may have begun it."""
_DELIVERED_WITHIN: Final = timedelta(minutes=3)
_ROW_LATE_BY: Final = timedelta(minutes=6)
_WHILE_OPEN: Final = frozenset(
    {
        NoticeKind.INCIDENT,
        NoticeKind.CONVERSATION,
        NoticeKind.REMINDER,
        NoticeKind.RELAPSE,
        NoticeKind.STORM,
    }
)
_FUTURE: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Seen:
    """All there is at one moment, and what happened since the last look."""

    since: datetime
    now: datetime
    channels: Mapping[ChannelId, Channel]
    tokens: Mapping[GrantId | None, str]
    """Of the grants in use."""
    probes: Mapping[str, Row[Any]]
    incidents: Mapping[str, Row[Any]]
    notices: Mapping[str, Row[Any]]
    about: Mapping[str, tuple[str, ...]]
    """The outages of each notice."""
    held_by_nobody: Sequence[str]
    """Open holds without a channel."""
    provider_outages: Sequence[Row[Any]]
    """All that ever were."""
    open_holds: Sequence[Row[Any]]
    dead_jobs: Sequence[str]
    overdue: Sequence[str]
    """Requests that still wait and should not."""
    happened: Sequence[HistoryEntry]
    standing: Sequence[Message]
    """Every message of ours in Slack."""

    def outages_of(self, notice_id: str) -> list[Row[Any]]:
        found = self.notices[notice_id]
        return [self.incidents[it] for it in self.about.get(found.thread_of or notice_id, ())]

    def holds_of(self, notice_id: str) -> list[Row[Any]]:
        found = self.notices.get(self.notices[notice_id].thread_of or "")
        return [it for it in self.provider_outages if found is not None and it.id == found.subject]

    def posted(self) -> Iterator[tuple[Message, str, datetime]]:
        """What was said since the last look: the message, its notice, and when."""
        for said in self.standing:
            at = datetime.fromtimestamp(float(said.ts), UTC)
            if at > self.since and (notice_id := notice_of(said)) in self.notices:
                yield said, notice_id, at


def notice_of(said: Message) -> NoticeId:
    payload = (said.metadata or {}).get("event_payload", {})
    return NoticeId(payload.get("notice", ""))


@dataclass
class Promises:
    """Looks after every step, and remembers what it takes to judge the next one."""

    office: Office
    weather: Weather
    patience: timedelta = TOLD_WITHIN
    looked_at: datetime = field(init=False)
    clear_since: datetime = field(init=False)
    """Since when neither Slack nor the process has been away."""
    active_since: dict[ChannelId, datetime] = field(default_factory=dict)
    held_at: dict[ChannelId, datetime] = field(default_factory=dict)
    """When each was last refused together with others: that was told by another message."""
    removed: set[ChannelId] = field(default_factory=set)
    deleted: set[NoticeId] = field(default_factory=set)
    """Whose message a reader took away."""
    left: set[UserId] = field(default_factory=set)
    """Who was away at some time: Slack takes nothing for them meanwhile."""
    tokens: dict[ChannelId, set[str]] = field(default_factory=dict)
    """The last two grants of each."""
    comparable: Counter[str] = field(default_factory=Counter)
    """How many can be compared with each other, by tenant; empty for all of the provider."""
    told_after: list[timedelta] = field(default_factory=list)
    """From a grant's end to the disconnect, in fair weather."""

    def __post_init__(self) -> None:
        self.looked_at = self.clear_since = self.office.now

    async def hold(self) -> None:
        """Raises ``AssertionError`` with every promise that is broken."""
        seen = await self._look()
        broken = [f"{name}: {said}" for name, promise in _PROMISES.items() for said in promise(self, seen)]
        self._remember(seen)
        assert not broken, "\n" + "\n".join(broken)

    async def _look(self) -> Seen:
        async with self.office.storage.reading() as uow:
            return await _seen(uow, self.looked_at, self.office)

    def _remember(self, seen: Seen) -> None:
        for it in seen.channels.values():
            if it.state in {State.DISABLED, State.REMOVED} or it.id not in self.active_since:
                self.active_since[it.id] = seen.now
            if it.state is State.REMOVED:
                self.removed.add(it.id)
            if it.grant_id in seen.tokens:
                self.tokens[it.id] = {seen.tokens[it.grant_id]}
        serving = [it for it in seen.channels.values() if it.state is State.CONNECTED or is_held(it)]
        self.comparable = Counter(it.identity.tenant for it in serving) + Counter({"": len(serving)})
        self.looked_at = seen.now

    # --- no false alarm

    def no_false_alarm(self, seen: Seen) -> Iterator[str]:
        """Disconnected is only what its host refuses for a reason of the mailbox's own, or during an outage
        with too few to compare with."""
        for record in reversed(seen.happened):
            if record.channel_id is not None and record.details.get("cause") == Cause.HELD.value:
                self.held_at[record.channel_id] = record.at
            if record.channel_id is None or record.details.get("to") != State.DISCONNECTED.value:
                continue
            it = seen.channels[record.channel_id]
            mailbox = self.office.host.at(it.address)
            known = self.tokens.get(it.id, set()) | {seen.tokens.get(it.grant_id, "")}
            began = [at for token in known if (at := mailbox.refused_since(token, record.at)) is not None]
            if began:
                self._measure(it, min(began), record.at)
            elif not self._is_excused(record.at):
                yield f"{it.address} was called disconnected at {record.at} ({record.details})"

    def _is_excused(self, at: datetime) -> bool:
        lies = self.weather.felt(at, Kind.LYING)
        return any(self.comparable[it.tenant] < ENOUGH_TO_COMPARE for it in lies)

    def _measure(self, it: Channel, began: datetime, at: datetime) -> None:
        is_fair = not self.weather.felt(at, *Kind, within=AFTER_OUTAGES) and began > self.clear_since
        was_held = self.held_at.get(it.id, self.clear_since) >= began
        if is_fair and not was_held and began >= self.active_since.get(it.id, at):
            self.told_after.append(at - began)

    def no_doubt_without_an_hour_of_it(self, seen: Seen) -> Iterator[str]:
        for it in seen.incidents.values():
            if it.kind != IncidentKind.UNVERIFIABLE or it.opened_at <= seen.since:
                continue
            felt = self.weather.felt(it.opened_at, Kind.DOWN, Kind.THROTTLED, within=AFTER_OUTAGES)
            if not any((outage.over or it.opened_at) - outage.began >= _AN_HOUR for outage in felt):
                yield f"{seen.channels[it.channel_id].address} was called not checkable at {it.opened_at}"

    # --- none missed

    def none_missed(self, seen: Seen) -> Iterator[str]:
        """A dead grant is told in time, by a message of its own or by that of a hold."""
        clear = self.weather.clear_since(seen.now)
        if clear is None or seen.now - max(clear, self.clear_since) < AFTER_OUTAGES:
            return
        for it in seen.channels.values():
            if it.state not in {State.CONNECTED, State.IMPAIRED} or it.grant_id not in seen.tokens:
                continue
            dead = self.office.host.at(it.address).refused_since(seen.tokens[it.grant_id], seen.now)
            if dead is None or (is_held(it) and self._provider_outages(seen, it)):
                continue
            waits = seen.now - max(dead, self.active_since.get(it.id, dead), it.created_at)
            if waits > self.patience:
                yield f"{it.address}, dead for {waits}, is {it.state}: {it.cause} ({seen.probes.get(it.id)})"

    def _provider_outages(self, seen: Seen, it: Channel) -> bool:
        return any(one.tenant in {"", it.identity.tenant} for one in seen.open_holds)

    def every_outage_has_readers(self, seen: Seen) -> Iterator[str]:
        """Whoever can be reached has got their message, and somebody always can."""
        for it in seen.incidents.values():
            began = max(it.opened_at, seen.channels[it.channel_id].since)  # it may have come back
            if it.resolved_at is not None or not self._is_due(seen, began):
                continue
            told = [one for one in seen.notices.values() if it.id in seen.about.get(one.id, ())]
            told = [one for one in told if one.kind == NoticeKind.INCIDENT and one.recipient not in self.left]
            late = [one.recipient for one in told if one.ts is None]
            if late or not told:
                yield f"{seen.channels[it.channel_id].address}: of {len(told)} readers, not told: {late}"

    def _is_due(self, seen: Seen, at: datetime) -> bool:
        return seen.now - max(at, self.clear_since) > _DELIVERED_WITHIN

    def the_dead_are_in_an_incident(self, seen: Seen) -> Iterator[str]:
        """Disconnected and an open outage are the same thing."""
        open_ = {
            it.channel_id
            for it in seen.incidents.values()
            if it.resolved_at is None and it.kind == IncidentKind.DEAD
        }
        for it in seen.channels.values():
            if (it.state is State.DISCONNECTED) is not (it.id in open_):
                yield f"{it.address} is {it.state}; its outage is {'open' if it.id in open_ else 'not open'}"

    # --- each told once

    def one_open_outage_each(self, seen: Seen) -> Iterator[str]:
        count = Counter(it.channel_id for it in seen.incidents.values() if it.resolved_at is None)
        yield from (f"{seen.channels[it].address} has {n}" for it, n in count.items() if n > 1)

    def one_notice_per_reader_and_outage(self, seen: Seen) -> Iterator[str]:
        alarms = [it for it in seen.notices.values() if it.kind == NoticeKind.INCIDENT]
        count = Counter((it.recipient, about) for it in alarms for about in seen.about.get(it.id, ()))
        yield from (f"{reader} has {n} about {it}" for (reader, it), n in count.items() if n > 1)

    def one_message_per_notice(self, seen: Seen) -> Iterator[str]:
        count = Counter(notice_of(said) for said in seen.standing if notice_of(said))
        yield from (f"{n} messages of {seen.notices[it].kind} {it}" for it, n in count.items() if n > 1)

    def what_was_said_stands(self, seen: Seen) -> Iterator[str]:
        """Nothing vanishes that its reader did not delete."""
        there = {notice_of(said) for said in seen.standing}
        for it in seen.notices.values():
            if it.ts is not None and it.id not in there and it.id not in self.deleted:
                yield f"the {it.kind} to {it.recipient} of {it.created_at} is not there"

    # --- nothing after its end

    def nothing_after_its_end(self, seen: Seen) -> Iterator[str]:
        """No alarm, reminder, relapse or count of what is over by then."""
        for _, notice_id, at in seen.posted():
            found = seen.notices[notice_id]
            if NoticeKind(found.kind) not in _WHILE_OPEN:
                continue
            spans = [(it.opened_at, it.resolved_at) for it in seen.outages_of(notice_id)]
            spans += [(it.opened_at, it.ended_at) for it in seen.holds_of(notice_id)]
            if not any(began <= at <= (over or _FUTURE) for began, over in spans):
                yield f"{found.kind} to {found.recipient} at {at}, though all of it was over"

    def who_is_on_it_is_not_reminded(self, seen: Seen) -> Iterator[str]:
        for _, notice_id, at in seen.posted():
            found = seen.notices[notice_id]
            if found.kind != NoticeKind.REMINDER:
                continue
            alarm = seen.notices[found.thread_of]
            if alarm.snoozed_until is not None and found.created_at < alarm.snoozed_until:
                yield f"{found.recipient} was reminded at {at}, though asleep until {alarm.snoozed_until}"
            open_ = [it for it in seen.outages_of(notice_id) if it.resolved_at is None]
            claims = [it.claimed_at for it in open_ if it.claimed_at is not None]
            if open_ and len(claims) == len(open_) and found.created_at < min(claims) + CLAIM_LASTS:
                yield f"{found.recipient} was reminded at {at}, though somebody is on it since {min(claims)}"

    def what_is_over_asks_for_nothing(self, seen: Seen) -> Iterator[str]:
        """A message that is current, and about nothing that is open, sends nobody to reconnect."""
        for said in seen.standing:
            found = seen.notices.get(notice_of(said))
            if found is None or found.kind != NoticeKind.INCIDENT or found.shown_rev < found.wanted_rev:
                continue
            about = seen.outages_of(found.id)
            if all(it.resolved_at is not None for it in about) and asks_to_reconnect(said):
                yield f"to {found.recipient}, {said.text!r}"

    # --- removed is final, and nothing is forgotten

    def removed_is_final(self, seen: Seen) -> Iterator[str]:
        restored = {it.channel_id for it in seen.happened if it.what == "restore_proven"}
        self.removed -= restored
        for it in seen.channels.values():
            if it.id in self.removed and it.state is not State.REMOVED:
                yield f"{it.address} came back as {it.state}"
            if it.state is State.REMOVED and (it.grant_id or it.id in seen.probes):
                yield f"{it.address} is removed, and looked at"
            if it.state is State.REMOVED and any(
                one.channel_id == it.id and one.resolved_at is None for one in seen.incidents.values()
            ):
                yield f"{it.address} is removed, and has an outage"

    def everything_is_looked_at(self, seen: Seen) -> Iterator[str]:
        for it in seen.channels.values():
            row = seen.probes.get(it.id)
            if it.state is not State.REMOVED and (row is None or row.grant_id != it.grant_id):
                yield f"{it.address} ({it.state}) has the row {row}"
            elif row is not None and seen.now - row.due_at > _ROW_LATE_BY:
                yield f"{it.address} ({it.state}) was to be looked at {seen.now - row.due_at} ago"

    def holds_hold_something(self, seen: Seen) -> Iterator[str]:
        yield from seen.held_by_nobody
        for it in seen.channels.values():
            if is_held(it) and not self._provider_outages(seen, it):
                yield f"{it.address} is held by no hold"

    def no_job_is_given_up(self, seen: Seen) -> Iterator[str]:
        yield from seen.dead_jobs

    def requests_end(self, seen: Seen) -> Iterator[str]:
        yield from seen.overdue


_PROMISES: Final[Mapping[str, Callable[[Promises, Seen], Iterator[str]]]] = {
    name.replace("_", " "): promise
    for name, promise in vars(Promises).items()
    if getattr(promise, "__annotations__", {}).get("return") == "Iterator[str]"
}


async def _seen(uow: UnitOfWork, since: datetime, office: Office) -> Seen:
    rows = uow.connection.rows
    ids = [it.id for it in await rows(select(channel.c.id))]
    channels = await uow.channels.by_ids(ids)
    grants = await uow.grants.by_ids([it.grant_id for it in channels.values() if it.grant_id])
    about: dict[str, list[str]] = {}
    for link in await rows(select(notice_incident)):
        about.setdefault(link.notice_id, []).append(link.incident_id)
    all_holds = await rows(select(hold))
    provider_outages = [it for it in all_holds if it.ended_at is None]
    held = [it for it in channels.values() if it.state is State.IMPAIRED and it.cause is Cause.HELD]
    return Seen(
        since=since,
        now=office.now,
        channels=channels,
        tokens={key: it.secret.reveal() for key, it in grants.items() if it.secret is not None},
        probes={it.channel_id: it for it in await rows(select(probe))},
        incidents={it.id: it for it in await rows(select(incident))},
        notices={it.id: it for it in await rows(select(notice))},
        about={key: tuple(found) for key, found in about.items()},
        held_by_nobody=[
            f"the hold of {it.provider} {it.tenant} since {it.opened_at}"
            for it in provider_outages
            if not any(it.tenant in {"", one.identity.tenant} for one in held)
        ],
        provider_outages=all_holds,
        open_holds=provider_outages,
        dead_jobs=[
            f"{it.kind} {it.last_class}" for it in await rows(select(job).where(job.c.dead_at.is_not(None)))
        ],
        overdue=await _overdue(uow, office.now),
        happened=[it for it in await uow.history.of_workspace(office.acme, since, 10_000) if it.at > since],
        standing=[it for told in office.town.slack.core.workspace.messages.values() for it in told],
    )


async def _overdue(uow: UnitOfWork, now: datetime) -> list[str]:
    waiting = select(request).where(request.c.state == RequestState.WAITING)
    gone = select(channel.c.id).where(channel.c.state == State.REMOVED)
    late = request.c.expires_at < now - _DELIVERED_WITHIN
    found = await uow.connection.rows(waiting.where(late | request.c.channel_id.in_(gone)))
    return [f"{it.operation} {it.address} of {it.requester}, until {it.expires_at}" for it in found]
