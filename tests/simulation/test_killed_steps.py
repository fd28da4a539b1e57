"""``kill -9`` at each step of what the bot does by itself, or for somebody who clicked: another process finds
what was left, and afterwards each message stands in Slack exactly once and says what is true.

``tests/services/messaging/test_delivery.py`` does the same for the calls to Slack of a single message.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Final

import pytest

from bot.domain.access import Actor, Operation
from bot.domain.channel import Channel, InboxSpec, State
from bot.domain.errors import GrantRejected, ProviderError, RequestClosed
from bot.domain.ids import RequestId, UserId
from bot.domain.request import APPROVAL_LASTS, RequestedChange, RequestState
from bot.services import Services
from bot.services.core.jobs import LEASE
from bot.services.monitoring.monitor import LEASE as LOOK_LEASE
from sandbox.slack.state import Message
from tests.services.play import on_both
from tests.simulation.mailhost import Mailbox, fair
from tests.simulation.office import OMAR, Office, Process, a_process, an_office
from tests.simulation.process_kill import Fate, Killed
from tests.simulation.rewind import Moment
from tests.simulation.slack_reader import asks_to_reconnect, words

ALICE: Final = UserId("U0ALICE")
_LEASES: Final = max(LEASE, LOOK_LEASE) + timedelta(minutes=1)
"""The longest lease, with something to spare."""


_STAYS_THE_SAME: Final = timedelta(minutes=20)
"""So long the clock may go on before it makes a difference."""
WHICH_STEPS: Final = (
    {"sqlite": (0, 1), "postgresql": (0, 1)}
    if os.environ.get("KILLS") == "all"
    else {"sqlite": (0, 2), "postgresql": (1, 2)}
)
"""The first one and how many further: the suite takes turns, and ``KILLS=all`` takes all on both."""


@dataclass
class Scene:
    """An office in which Omar alone looks after everything, and a second process that is killed again and
    again. Being dead, it keeps nothing that would matter to the next one."""

    office: Office
    doomed: Process
    fate: Fate
    omar: Actor
    alice: Actor
    first_step: int = 0
    stride: int = 1
    """Which of its steps it dies at."""
    places: int = 0
    steps_before: int = 0
    """Those that were begun before this death."""
    before: dict[UserId, int] = field(default_factory=dict)

    @property
    def services(self) -> Services:
        return self.office.services

    async def passes(self, **span: float) -> None:
        """A while in which nothing is due but at its end."""
        self.waits(**span)
        await self.settles()

    async def settles(self) -> None:
        while await looks(self.services):
            pass

    def waits(self, **span: float) -> None:
        """The same; what is due then is not done yet."""
        self.office.town.clock.advance(timedelta(**span))

    async def news(self, who: UserId = OMAR) -> list[Message]:
        """What this person was sent since the scene began."""
        return self.office.messages(who)[self.before.get(who, 0) :]

    async def a_channel(self) -> Channel:
        self.places += 1
        [channel] = await self.office.has_team_channels([f"desk{self.places}@acme.example"])
        return channel

    async def now_of(self, channel: Channel) -> Channel:
        return await self.services.channels.by_id(self.omar, channel.id)

    async def is_dead(self) -> Channel:
        """One more inbox is disconnected, and Omar knows it."""
        channel = await self.a_channel()
        self.office.host.at(channel.address).tokens.clear()
        await self.settles()
        await self.passes(seconds=30)
        await self.passes(seconds=1)
        return channel

    def works_again(self, channel: Channel) -> None:
        mailbox = self.office.host.at(channel.address)
        mailbox.tokens.add(f"{mailbox.subject}:{mailbox.issued}")

    async def asks(self) -> tuple[Channel, RequestId]:
        """Alice wishes that one more inbox were disabled; she and Omar have their messages."""
        channel = await self.a_channel()
        requested_change = RequestedChange(
            Operation.DISABLE, InboxSpec(channel.address, channel.kind), channel.id
        )
        asked = await self.services.approvals.ask(self.alice, requested_change, reason="")
        await self.settles()
        await self.passes(seconds=2)
        return channel, asked.request.id

    async def is_tidied(self) -> None:
        """Nothing of this scene is left to happen in the next one."""
        self.office.host.weather = fair
        for channel in await self.office.channels():
            if channel.state not in {State.REMOVED, State.DISABLED} and channel.name != "well":
                await self.services.channel_actions.disable(self.omar, channel.id)
        await self.passes(seconds=40)
        await self.passes(seconds=2)
        for who in (OMAR, ALICE):
            self.before[who] = len(self.office.messages(who))


Check = Callable[[], Awaitable[None]]
Turn = Callable[[Services], Awaitable[int]]


async def jobs(services: Services) -> int:
    return await services.jobs.run_due()


async def looks(services: Services) -> int:
    return await services.monitoring.run_due() + await services.jobs.run_due()


# --- what is about to happen, and what must have come of it


async def remind(scene: Scene) -> Check:
    """Four hours, and nobody has said that they are on it."""
    channel = await scene.is_dead()
    scene.waits(hours=4)

    async def check() -> None:
        alarm, reminder = await scene.news()
        assert reminder.thread_ts == alarm.ts
        assert channel.address in words(reminder) and "still does not work" in words(reminder)

    return check


async def count_storm(scene: Scene) -> Check:
    """Two outages within two minutes are one message, and one reply counts them."""
    await scene.is_dead()
    await scene.is_dead()
    scene.waits(minutes=2)

    async def check() -> None:
        alarm, total = await scene.news()
        assert total.thread_ts == alarm.ts
        assert "2 inboxes" in words(total) and "2 inboxes stopped working" in words(alarm)

    return check


def outage(_: Mailbox) -> ProviderError:
    return GrantRejected("invalid_grant")


async def hold_opened(scene: Scene) -> Check:
    """The provider refuses everybody."""
    for _ in range(2):
        await scene.a_channel()
    scene.waits(minutes=2)
    scene.office.host.weather = outage

    async def check() -> None:
        await scene.passes(seconds=4)  # it gathers for a moment who else is refused
        [said] = await scene.news()
        assert "Google refuses 3 inboxes at once" in words(said) and not asks_to_reconnect(said)

    return check


async def hold_told(scene: Scene) -> Check:
    """It has gathered all, and is about to be said."""
    await hold_opened(scene)
    await scene.settles()
    scene.waits(seconds=4)

    async def check() -> None:
        [said] = await scene.news()
        assert "Google refuses 3 inboxes at once" in words(said)

    return check


async def held(scene: Scene) -> None:
    check = await hold_opened(scene)
    await scene.settles()
    await scene.passes(seconds=31)
    await check()


async def hold_ripened(scene: Scene) -> Check:
    """It has lasted for a quarter of an hour."""
    await held(scene)
    scene.waits(minutes=15)

    async def check() -> None:
        [said] = await scene.news()
        assert "This has gone on too long" in words(said) and asks_to_reconnect(said)

    return check


async def hold_ended(scene: Scene) -> Check:
    """All of it works again."""
    await held(scene)
    scene.office.host.weather = fair
    scene.waits(minutes=4)

    async def check() -> None:
        [said] = await scene.news()
        assert "False alarm" in words(said) and not asks_to_reconnect(said)
        assert State.IMPAIRED not in await scene.office.states()

    return check


async def request_expired(scene: Scene) -> Check:
    """Nobody has answered in three days."""
    channel, _ = await scene.asks()
    scene.waits(seconds=APPROVAL_LASTS.total_seconds())

    async def check() -> None:
        [asked], [requested_change] = await scene.news(), await scene.news(ALICE)
        for said in (asked, requested_change):
            assert channel.address in words(said) and "nobody answered in time" in words(said)

    return check


async def relapse(scene: Scene) -> Check:
    """It worked again for a moment."""
    channel = await scene.is_dead()
    scene.works_again(channel)
    await scene.passes(minutes=15)
    assert (await scene.now_of(channel)).state is State.CONNECTED
    scene.office.host.at(channel.address).tokens.clear()
    await scene.passes(minutes=2)
    scene.waits(seconds=30)

    async def check() -> None:
        alarm, again = await scene.news()
        assert again.thread_ts == alarm.ts and "stopped working again" in words(again)
        assert "🔴" in words(alarm) and asks_to_reconnect(alarm)

    return check


@pytest.fixture
async def scene(database_url: str, database_kind: str) -> AsyncIterator[Scene]:
    fate = Fate()
    async with (
        an_office(database_url, SUPER_ADMINS=OMAR) as office,
        a_process(
            office.town,
            office.host,
            storage_class=fate.storage_class(),
            messenger=fate.messenger,
        ) as doomed,
    ):
        await office.has_team_channels(["well@acme.example"])
        omar, alice = await office.actor(OMAR), await office.actor(ALICE)
        yield Scene(office, doomed, fate, omar, alice, *WHICH_STEPS[database_kind])


async def killed_at(scene: Scene, step: int, turn: Turn) -> bool:
    """The doomed process does what is due, and dies at its ``step``-th step; whether it did."""
    scene.fate.is_dead = False
    scene.steps_before = len(scene.fate.steps)
    scene.fate.dooms(in_steps=step, after=False)
    try:
        while await turn(scene.doomed.services):
            scene.waits(milliseconds=2)
    except Killed:
        return True
    return False


async def killed_at_each_step(scene: Scene, begins: Callable[[Scene], Awaitable[Check]], turn: Turn) -> None:
    """Again and again the same moment: every time the process comes a step further."""
    steps = count(scene.first_step, scene.stride)
    was_killed = True
    while was_killed:
        check = await begins(scene)
        moment, until = await Moment.of(scene.office), scene.office.now + _STAYS_THE_SAME
        while was_killed and scene.office.now < until:
            await moment.comes_back(scene.office)
            was_killed = await killed_at(scene, step := next(steps), turn)
            scene.fate.is_dead = True
            await scene.passes(seconds=_LEASES.total_seconds())
            await scene.passes(seconds=4)  # a mass refusal gathers its first words for three
            await check()
        if was_killed:
            await scene.is_tidied()
    assert step >= 5


@on_both
@pytest.mark.parametrize(
    ("begins", "turn"),
    [
        (remind, jobs),
        (count_storm, jobs),
        (hold_opened, looks),
        (hold_told, jobs),
        (hold_ripened, jobs),
        (hold_ended, looks),
        (request_expired, jobs),
        (relapse, looks),
    ],
)
async def test_killed_at_each_step(
    scene: Scene, begins: Callable[[Scene], Awaitable[Check]], turn: Turn
) -> None:
    """However far it came, the next process brings it to its end, once."""
    await killed_at_each_step(scene, begins, turn)


@on_both
async def test_killed_at_each_step_of_an_answer(scene: Scene) -> None:
    """Omar says yes. Killed before that was written down, his click came to nothing and he clicks again; then
    it is done, and said, once."""
    waiting: list[RequestId] = []

    async def says_yes(services: Services) -> int:
        try:
            await services.approvals.answer(scene.omar, waiting[-1], approve=True)
        except RequestClosed:
            return await services.jobs.run_due()
        return 1

    async def is_asked(scene: Scene) -> Check:
        channel, request_id = await scene.asks()
        waiting.append(request_id)

        async def check() -> None:
            if (await scene.now_of(channel)).state is not State.DISABLED:
                assert len(scene.fate.steps) == scene.steps_before + 1, (
                    "his click was lost, though it was done"
                )
                await says_yes(scene.services)
            await scene.passes(seconds=2)
            await scene.passes(seconds=2)
            [asked], [requested_change, reply] = await scene.news(), await scene.news(ALICE)
            assert "approved by" in words(asked) and "approved by" in words(requested_change)
            assert reply.thread_ts == requested_change.ts and "approved by" in words(reply)
            async with scene.office.storage.reading() as uow:
                request = await uow.requests.find(request_id)
            assert request is not None and request.state is RequestState.DONE

        return check

    await killed_at_each_step(scene, is_asked, says_yes)
