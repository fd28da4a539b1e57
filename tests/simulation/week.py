"""A week in an office, as a walk that Hypothesis chooses: grants die, providers fail, processes are killed,
people do what people do. After every step all promises are looked at (``promises.py``).
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.domain.access import Actor, Operation, Role
from bot.domain.channel import Channel, InboxSpec, Kind, State
from bot.domain.errors import Refusal
from bot.domain.ids import NoticeId, UserId
from bot.domain.incident import Snooze
from bot.domain.notice import NoticeKind
from bot.domain.request import RequestedChange
from bot.domain.view_models import AuthorizationStart
from sandbox.slack.state import Message
from tests.simulation import weather
from tests.simulation.office import OMAR, SAKURA, Office, an_office
from tests.simulation.process_kill import Fate, Killed
from tests.simulation.promises import Promises, notice_of
from tests.simulation.weather import DEATHS, Weather

ALICE: Final = UserId("U0ALICE")
KENJI: Final = UserId("U0KENJI")
_MINUTE: Final = timedelta(minutes=1)
_SHARES: Final = (0.0, 0.0, 0.1, 0.5, 1.0, 2.0, 4.0)
"""How long a step lasts, in averages: much happens at once, and then nothing for hours."""
_TENANTS: Final = ("", "", "acme.example", "shop.example")
_STRUCK: Final = (1.0, 1.0, 0.8, 0.6)
_HOURS: Final = (0, 0, 0, 3, 20)
_WAVES: Final = (None, None, timedelta(minutes=12), timedelta(hours=2))
_OUTAGE_BEGINS: Final = 1 / 6
_OUTAGE_ENDS: Final = 1 / 4
_DIES: Final = 1 / 4
_IS_MENDED: Final = 1 / 3
_LEASES: Final = timedelta(seconds=200)
"""Until whatever a dead process had leased is anybody's."""


@dataclass(frozen=True)
class Scale:
    """How much of everything."""

    acme: int
    """Team addresses of one organisation at the provider …"""
    shop: int
    """… and of another one."""
    lasts: timedelta
    steps: int
    team_seconds: int = 60
    grain: timedelta = timedelta(seconds=10)

    @property
    def addresses(self) -> list[str]:
        acme = [f"desk{number}@acme.example" for number in range(self.acme)]
        return acme + [f"till{number}@shop.example" for number in range(self.shop)]


@dataclass
class Ledger:
    """What was tried and what came of it, for those who want to know whether it was much."""

    happened: Counter[str] = field(default_factory=Counter)
    told_after: list[timedelta] = field(default_factory=list)
    """From a grant's end to the disconnect, in fair weather."""
    goes_on: Callable[[timedelta], None] = lambda played: None
    """Called after each step with how much of the week is over: a long walk wants a sign of life."""

    def __str__(self) -> str:
        lines = [f"{n:6} {what}" for what, n in sorted(self.happened.items())]
        if told := sorted(self.told_after):
            slowest = f"p50 {told[len(told) // 2]}, p99 {told[len(told) * 99 // 100]}, at most {told[-1]}"
            lines.append(f"{len(told):6} disconnects in fair weather: {slowest}")
        return "\n".join(lines)


many = st.integers(0, 999)
"""One of however many there are."""
admins = st.sampled_from([OMAR, SAKURA, "access"])
anybody = st.sampled_from([OMAR, SAKURA, "access", ALICE, KENJI])


class Week(RuleBasedStateMachine):
    """Rules of three kinds: what happens to mailboxes, what happens to the process, and what people do."""

    def __init__(self, scale: Scale, database_url: str, ledger: Ledger) -> None:
        super().__init__()
        self.scale = scale
        self.ledger = ledger
        self.counts = ledger.happened
        self._url = database_url
        self._runner = asyncio.Runner()
        self._life = AsyncExitStack()
        self._steps_left = scale.steps
        self._chance = random.Random(0)
        self.fate = Fate()

    @initialize(seed=st.integers(0, 2**32 - 1))
    def begins(self, seed: int) -> None:
        assume(seed)  # the simplest of all walks, in which nothing ever happens, is none
        self._runner.run(self._begins(seed))

    async def _begins(self, seed: int) -> None:
        settings = {"PROBE_TEAM_SECONDS": str(self.scale.team_seconds)}
        self.office: Office = await self._life.enter_async_context(an_office(self._url, **settings))
        office = self.office
        office.grain = self.scale.grain
        self.weather = Weather(office.town.clock, seed)
        self._chance.seed(seed)
        office.host.weather = self.weather
        self.ends_at = office.now + self.scale.lasts
        [access] = await office.driver.add_people(1)
        self.access = UserId(access)
        async with office.storage.writing() as uow:
            await uow.roles.give(office.acme, Role.ACCOUNT_ACCESS, self.access, by=OMAR, at=office.now)
            await uow.commit()
        await office.services.people.read_all()
        await office.has_team_channels(self.scale.addresses)
        await self._another_process()
        patience = 2 * timedelta(seconds=self.scale.team_seconds) + timedelta(minutes=16)
        self.promises = Promises(office, self.weather, patience, told_after=self.ledger.told_after)

    def teardown(self) -> None:
        try:
            self._runner.run(self._life.aclose())
        finally:
            self._runner.close()

    @invariant()
    def promises_are_held(self) -> None:
        self._runner.run(self.promises.hold())

    # --- doing

    def _does(self, what: str, operation: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """One step; should the process die of it, another one takes over."""
        self._steps_left -= 1
        self._runner.run(self._done(what, operation))

    async def _done(self, what: str, operation: Callable[[], Awaitable[None]]) -> None:
        try:
            await self.office.passes(seconds=1)
            self._moment_passes()
            await self._tries(what, operation)
            self._moment_passes()
            await self._life_goes_on()
            await self._lets_pass(self._chance.choice(_SHARES))
        except Killed:
            self.counts["killed"] += 1
            await self._taken_over()
        self.ledger.goes_on(self.office.now - (self.ends_at - self.scale.lasts))

    def _moment_passes(self) -> None:
        """Nobody acts at the very instant at which something was said to them: what came first could not be
        told any more."""
        self.office.town.clock.advance(timedelta(seconds=1))

    async def _tries(self, what: str, operation: Callable[[], Awaitable[None]]) -> None:
        """Do it, or be told why not."""
        try:
            await operation()
        except Refusal as refused:
            what = f"{what}: {type(refused).__name__}"
        self.counts[what] += 1

    async def _life_goes_on(self) -> None:
        """What is bound to happen, whatever else is drawn: of all rules Hypothesis takes but a few for each
        walk."""
        self._weather_changes()
        if self._chance.random() < _DIES:
            self._mailbox(self._chance.randrange(1_000)).revokes(self.office.now)
        ailing = [it for it in await self._channels() if it.state is State.DISCONNECTED]
        if ailing and self._chance.random() < _IS_MENDED:
            channel = self._chance.choice(ailing)
            if self._chance.random() < 1 / 2:
                self.office.host.at(channel.address).reopens(self.office.now)
            else:
                await self._tries("mend", lambda: self._reconnects(SAKURA, channel, channel.address))

    def _weather_changes(self) -> None:
        if self.weather.outage is None and self._chance.random() < _OUTAGE_BEGINS:
            kind = self._chance.choice([*weather.Kind, weather.Kind.LYING])
            self._outage_begins(kind, self._chance.choice(_TENANTS))
            self.counts[f"outage: {kind}"] += 1
        elif self.weather.may_end and self._chance.random() < _OUTAGE_ENDS:
            self.weather.ends(bit_by_bit=self._chance.random() < 1 / 2)

    def _outage_begins(self, kind: weather.Kind, tenant: str) -> None:
        """One that lies may strike but some, in waves, and for very long."""
        if kind is not weather.Kind.LYING:
            self.weather.begins(kind, tenant)
            return
        share, hours, wave = (
            self._chance.choice(_STRUCK),
            self._chance.choice(_HOURS),
            self._chance.choice(_WAVES),
        )
        lasts = min(timedelta(hours=hours), self.scale.lasts / 6)
        self.weather.begins(kind, tenant, share=share, wave=wave, lasts=lasts)
        self.counts[f"outage: lying, of {share:.0%}, {'in waves' if wave else 'steady'}, {hours} h"] += 1

    async def _another_process(self) -> None:
        self.fate = Fate()
        await self.office.is_replaced(
            self.fate.provider(self.office.host),
            storage_class=self.fate.storage_class(),
            messenger=self.fate.messenger,
            jobs_at_once=1,
        )

    async def _taken_over(self) -> None:
        """As when there are several processes: the dead one's leases run out."""
        await self._another_process()
        self.office.town.clock.advance(_LEASES)
        await self.office.settles()
        self.promises.clear_since = self.office.now

    async def _lets_pass(self, share: float) -> None:
        """As much as makes the walk as long as it should be."""
        left = self.ends_at - self.office.now
        steps = max(self._steps_left, 0) + 1
        span = left if steps == 1 else min(left, share * left / steps)
        await self.office.passes(seconds=max(span.total_seconds(), 2))

    # --- time

    @rule(minutes=st.sampled_from([1, 3, 10]))
    def a_while_passes(self, minutes: int) -> None:
        self._does("a while passes", lambda: self.office.passes(minutes=minutes))

    # --- mailboxes

    @rule(which=many, more=st.sampled_from([0, 0, 0, 1, 3]))
    def people_take_grants_back(self, which: int, more: int) -> None:
        async def operation() -> None:
            for number in range(more + 1):
                self._mailbox(which + number).revokes(self.office.now)

        self._does("grants taken back", operation)

    @rule(which=many, why=st.integers(0, len(DEATHS) - 1))
    def a_mailbox_is_shut(self, which: int, why: int) -> None:
        async def operation() -> None:
            self._mailbox(which).shuts(self.office.now, DEATHS[why])

        self._does("mailbox shut", operation)

    @rule(which=many)
    def a_mailbox_reopens(self, which: int) -> None:
        async def operation() -> None:
            shut = [
                it for it in self.office.host.mailboxes.values() if any(s.ended is None for s in it.spells)
            ]
            if shut:
                shut[which % len(shut)].reopens(self.office.now)

        self._does("mailbox reopens", operation)

    @precondition(lambda self: self.weather.outage is None)
    @rule(kind=st.sampled_from(weather.Kind), tenant=st.sampled_from(_TENANTS))
    def an_outage_begins(self, kind: weather.Kind, tenant: str) -> None:
        async def operation() -> None:
            self._outage_begins(kind, tenant)

        self._does(f"outage: {kind}", operation)

    @precondition(lambda self: self.weather.may_end)
    @rule(minutes=st.sampled_from([0, 2, 8, 40, 70]), bit_by_bit=st.booleans())
    def an_outage_ends(self, minutes: int, bit_by_bit: bool) -> None:
        async def operation() -> None:
            await self.office.passes(minutes=minutes)
            self.weather.ends(bit_by_bit=bit_by_bit)
            await self.office.passes(minutes=2)

        self._does("outage ends", operation)

    # --- processes

    @rule()
    def the_process_restarts(self) -> None:
        self._does("restart", self._another_process)

    @precondition(lambda self: not self.fate.is_doomed)
    @rule(
        at=st.sampled_from(["commit", "post", "edit", "redeem", "revoke"]),
        in_steps=st.integers(0, 9),
        after=st.booleans(),
    )
    def the_process_will_be_killed(self, at: str, in_steps: int, after: bool) -> None:
        self._steps_left -= 1
        self.fate.dooms(at=at, in_steps=in_steps, after=after)

    @rule(minutes=st.sampled_from([1, 5, 20]))
    def slack_is_away(self, minutes: int) -> None:
        async def operation() -> None:
            await self.office.driver.break_("away")
            try:
                await self.office.passes(minutes=minutes)
            finally:
                await self.office.driver.mend()
                self.promises.clear_since = self.office.now
            await self.office.passes(seconds=65)

        self._does("Slack away", operation)

    # --- people and channels

    @rule(
        who=anybody,
        operation=st.sampled_from([Operation.DISABLE, Operation.ENABLE, Operation.REMOVE]),
        which=many,
    )
    def somebody_changes_a_channel(self, who: str, operation: Operation, which: int) -> None:
        async def doing() -> None:
            if operation is Operation.REMOVE and which % 3:
                return  # not so often: in the end there would be nothing left
            channel, actor = await self._channel(which), await self._actor(who)
            if channel is not None:
                await getattr(self.office.services.channel_actions, operation.value)(actor, channel.id)

        self._does(operation.value, doing)

    @rule(who=anybody, which=many, mistaken=st.sampled_from([False, False, False, True]))
    def somebody_reconnects(self, who: str, which: int, mistaken: bool) -> None:
        async def operation() -> None:
            ailing = [it for it in await self._channels() if it.needs_reconnect] or await self._channels()
            if not ailing:
                return
            channel = ailing[which % len(ailing)]
            account = self._mailbox(which).address if mistaken else channel.address
            await self._reconnects(who, channel, account)

        self._does("reconnect", operation)

    @rule(who=admins, which=many)
    def an_admin_connects(self, who: str, which: int) -> None:
        """Whatever is not connected: a new one now and then, one that was removed again."""

        async def operation() -> None:
            known = {it.address for it in await self._channels()}
            free = [it for it in [*self.scale.addresses, f"new{which % 5}@acme.example"] if it not in known]
            if not free:
                return
            address = free[which % len(free)]
            if f"sub-{address}" not in self.office.host.mailboxes:
                self.office.host.opens(address)
            plan = InboxSpec(address, Kind.TEAM, use="Zendesk reads it", name="Desk", provider="google")
            await self._signs_in(
                await self.office.services.connections.begin(await self._actor(who), plan), address
            )

        self._does("connect", operation)

    async def _reconnects(self, who: str, channel: Channel, account: str) -> None:
        outcome = await self.office.reconnects(self._id(who), channel.address, account=account)
        self.counts[f"signed in: {outcome.ending.value}"] += 1

    async def _signs_in(self, begun: AuthorizationStart, account: str) -> None:
        outcome = await self.office.signs_in(begun, account)
        self.counts[f"signed in: {outcome.ending.value}"] += 1

    # --- people and messages

    @rule(who=admins, which=many, snoozes=st.booleans())
    def somebody_answers_an_alarm(self, who: str, which: int, snoozes: bool) -> None:
        async def operation() -> None:
            alarms = await self._alarms(self._id(who))
            if alarms:
                incidents, notice = self.office.services.incidents, alarms[which % len(alarms)]
                actor = await self._actor(who)
                if snoozes:
                    await incidents.snooze(actor, notice, Snooze.FOUR_HOURS)
                else:
                    await incidents.claim(actor, notice)

        self._does("snooze" if snoozes else "claim", operation)

    @rule(who=anybody, which=many, all_of_them=st.sampled_from([False, False, True]))
    def somebody_deletes_messages(self, who: str, which: int, all_of_them: bool) -> None:
        async def operation() -> None:
            said = self.office.messages(self._id(who))
            for message in said if all_of_them else said[which % len(said) :][:1] if said else []:
                self._deletes(message)

        self._does("delete messages", operation)

    def _deletes(self, message: Message) -> None:
        self.promises.deleted.add(notice_of(message))
        self.office.town.slack.core.workspace.remove(message)

    @rule(
        who=st.sampled_from([ALICE, KENJI]),
        operation=st.sampled_from([Operation.DISABLE, Operation.ENABLE, Operation.REMOVE]),
        which=many,
    )
    def a_member_asks(self, who: UserId, operation: Operation, which: int) -> None:
        async def doing() -> None:
            channel = await self._channel(which)
            if channel is not None:
                requested_change = RequestedChange(
                    operation, InboxSpec(channel.address, channel.kind), channel.id
                )
                await self.office.services.approvals.ask(
                    await self._actor(who), requested_change, reason="Spring cleaning"
                )

        self._does("ask", doing)

    @rule(who=admins, which=many, approve=st.booleans())
    def an_admin_answers(self, who: str, which: int, approve: bool) -> None:
        async def operation() -> None:
            asked = await self._asked()
            if asked:
                request = asked[which % len(asked)]
                await self.office.services.approvals.answer(await self._actor(who), request, approve=approve)

        self._does("approve" if approve else "decline", operation)

    @rule(which=many)
    def a_member_thinks_better_of_it(self, which: int) -> None:
        async def operation() -> None:
            asked = await self._asked()
            if asked:
                await self.office.services.approvals.cancel(
                    await self._actor(ALICE), asked[which % len(asked)]
                )

        self._does("cancel", operation)

    @rule(who=st.sampled_from([OMAR, ALICE]), is_noticed=st.booleans())
    def somebody_leaves_or_comes_back(self, who: UserId, is_noticed: bool) -> None:
        async def operation() -> None:
            person = self.office.town.slack.core.workspace.people[who]
            person.deleted = not person.deleted
            self.promises.left.add(who)
            if is_noticed:
                await self.office.services.people.read_all()

        self._does("leaves or comes back", operation)

    # --- finding

    def _mailbox(self, which: int) -> Any:
        mailboxes = list(self.office.host.mailboxes.values())
        return mailboxes[which % len(mailboxes)]

    async def _channels(self) -> list[Channel]:
        found = [it for it in await self.office.channels() if it.state is not State.REMOVED]
        return sorted(found, key=lambda it: it.address)

    async def _channel(self, which: int) -> Channel | None:
        channels = await self._channels()
        return channels[which % len(channels)] if channels else None

    def _id(self, who: str) -> UserId:
        return self.access if who == "access" else UserId(who)

    async def _actor(self, who: str) -> Actor:
        return await self.office.actor(self._id(who))

    async def _alarms(self, reader: UserId) -> list[NoticeId]:
        """What stands in their messages about outages, the oldest first."""
        found = [notice_of(said) for said in self.office.messages(reader)]
        async with self.office.storage.reading() as uow:
            notices = [await uow.notices.find(it) for it in found if it]
        return [it.id for it in notices if it is not None and it.kind is NoticeKind.INCIDENT]

    async def _asked(self) -> list[Any]:
        async with self.office.storage.reading() as uow:
            found = [
                *await uow.requests.unfinished_by(self.office.acme, ALICE),
                *await uow.requests.unfinished_by(self.office.acme, KENJI),
            ]
        return [it.id for it in found]
