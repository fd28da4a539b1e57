"""What the five things cost that people feel: an ack, a list, a click, a look, a message.

Counted in statements and commits, which are the same on every machine; never in time.

A number that goes up is a decision; one that goes down is written down here, so that it stays there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

import pytest
from sqlalchemy import event

from bot.domain.ids import ChannelId
from bot.services import Services
from handlers.slack_request import Answer
from tests.driver import Person
from tests.services.play import on_both
from tests.stage import Stage

ACK: Final = 1
LIST: Final = 6
HOME: Final = 6
LOOK: Final = (5, 4)
"""Statements and commits."""
CLICK: Final = (17, 1)
DELIVERY: Final = (18, 6)


@dataclass
class Cost:
    """What was spent."""

    statements: list[str] = field(default_factory=list)
    transactions: int = 0

    def __str__(self) -> str:
        return "\n".join(
            [f"{len(self.statements)} statements, {self.transactions} commits:", *self.statements]
        )


@contextmanager
def counted(services: Services) -> Iterator[Cost]:
    """Of everything that the bot does meanwhile."""
    cost, engine = Cost(), services.core.storage._engine.sync_engine

    def statement(_c: Any, _k: Any, words: str, *_: Any) -> None:
        if not words.startswith("BEGIN"):
            cost.statements.append(" ".join(words.split())[:100])

    def commit(_c: Any) -> None:
        cost.transactions += 1

    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", commit)
    try:
        yield cost
    finally:
        event.remove(engine, "before_cursor_execute", statement)
        event.remove(engine, "commit", commit)


async def spent(stage: Stage, act: Callable[[], Awaitable[object]]) -> Cost:
    """By ``act`` alone: what Home still draws of things done before is waited for."""
    await stage.bot.slack._tasks.drain(within=10)
    with counted(stage.bot.services) as cost:
        await act()
    return cost


async def spent_again(stage: Stage, act: Callable[[], Awaitable[object]], *, least: int = 0) -> Cost:
    """The least of some times, until one takes ``least`` statements: on PostgreSQL whatever is committed on
    the server counts as a change, and another test may commit there at the same moment."""
    costs: list[Cost] = []
    for _ in range(50):
        costs.append(await spent(stage, act))
        if len(costs[-1].statements) <= least:
            break
    return min(costs, key=lambda it: len(it.statements))


async def has_team_addresses(stage: Stage, *numbers: int) -> None:
    for number in numbers:
        address = f"desk{number}@acme.example"
        await stage.opens_account(address)
        await stage.team_connected(address, name=f"Desk {number}")
    await stage.settles()


async def looks(stage: Stage) -> Cost:
    """Everybody is due, and looked at."""
    stage.town.clock.advance(timedelta(minutes=20))

    async def act() -> None:
        assert await stage.bot.services.monitoring.run_due() > 0

    cost = await spent(stage, act)
    await stage.settles()
    return cost


@on_both
async def test_an_ack_asks_who_it_is_for(stage: Stage) -> None:
    """And nothing else: help is known, and so is the language. Asked again, not even that, until something
    has changed: whoever may do more reads more."""
    alice = stage.person("alice")
    await alice.types("/inbox help")
    again = await spent_again(stage, lambda: alice.types("/inbox help"))
    assert again.statements == [], again
    await has_team_addresses(stage, 0)
    changed = await spent(stage, lambda: alice.types("/inbox help"))
    assert len(changed.statements) == ACK, changed


@on_both
async def test_a_list_takes_the_same_however_long_it_is(stage: Stage) -> None:
    """Once more, while nothing has changed, it takes nothing at all."""
    await stage.connected("alice")
    await has_team_addresses(stage, 0)
    alice = stage.person("alice")
    few = await spent(stage, lambda: alice.types("/inbox list"))
    await has_team_addresses(stage, 1, 2, 3)
    many = await spent(stage, lambda: alice.types("/inbox list"))
    assert len(many.statements) == len(few.statements) == LIST, f"{few}\n{many}"
    again = await spent_again(stage, lambda: alice.types("/inbox list"))
    assert again.statements == [], again


@on_both
async def test_a_list_asked_for_ten_times_at_once_is_drawn_once(stage: Stage) -> None:
    """By the same person: an impatient one, or one in several windows."""
    await stage.connected("alice")
    alice, bot = stage.person("alice"), stage.bot.slack
    one = await spent(stage, lambda: alice.types("/inbox list"))
    typed = {"command": "/inbox", "text": "list", "user_id": "U0ALICE"}
    ours = {**typed, "team_id": stage.bot.services.workspace.id}

    async def act() -> None:
        stage.town.clock.advance(timedelta(seconds=6))
        await asyncio.gather(*(bot.dispatch(ours) for _ in range(10)))

    ten = await spent_again(stage, act, least=LIST)
    assert len(ten.statements) == len(one.statements) == LIST, f"{one}\n{ten}"


@on_both
async def test_a_home_takes_the_same_however_long_it_is(stage: Stage) -> None:
    """Once more, while nothing has changed, it takes nothing at all, and soon it is read anew: some of it
    changes by the clock alone."""
    await stage.connected("alice")
    await has_team_addresses(stage, 0)
    alice = stage.person("alice")
    few = await spent(stage, lambda: opened(stage, alice))
    await has_team_addresses(stage, 1, 2, 3)
    many = await spent(stage, lambda: opened(stage, alice))
    assert len(many.statements) == len(few.statements) == HOME, f"{few}\n{many}"
    again = await spent_again(stage, lambda: opened(stage, alice))
    assert again.statements == [], again
    published = len(await stage.driver.calls("views.publish"))
    shown = [await opened(stage, alice) for _ in range(5)]
    assert len(set(shown)) == 1
    assert len(await stage.driver.calls("views.publish")) < published + 5
    await stage.passes(seconds=6)
    later = await spent(stage, lambda: opened(stage, alice))
    assert len(later.statements) == HOME, later


@on_both
async def test_a_home_asked_for_ten_times_at_once_is_drawn_once(stage: Stage) -> None:
    """By one person who presses reload; and nobody else is shown it."""
    await stage.connected("alice")
    bot, ours = stage.bot.slack, stage.bot.services.workspace.id
    event = {"type": "app_home_opened", "user": "U0ALICE", "tab": "home"}
    body = {"type": "event_callback", "team_id": ours, "event_id": "Ev0", "event": event}

    async def ten() -> None:
        await asyncio.gather(*(bot.dispatch(body) for _ in range(10)))
        await bot._tasks.drain(within=10)

    await stage.person("kenji").opens_home()
    cost = await spent(stage, ten)
    assert len(cost.statements) == HOME, cost


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_what_is_known_takes_not_one_turn_of_the_event_loop(stage: Stage) -> None:
    """As long as nobody has committed anything; nor is anything known of another workspace."""
    alice, bot = stage.person("alice"), stage.bot.slack
    for text in ("help", "list"):
        await alice.types(f"/inbox {text}")
        typed = {"command": "/inbox", "text": text, "user_id": "U0ALICE"}
        ours = {**typed, "team_id": stage.bot.services.workspace.id}
        ended, answer = one_step(bot.dispatch(ours))
        assert ended and answer is not None and answer.body is not None and answer.body["blocks"]
        assert not one_step(bot.dispatch({**typed, "team_id": "T0ELSEWHERE"}))[0]
        async with stage.bot.services.core.storage.writing() as uow:
            await uow.meta.add(f"changed by {text}", "")
            await uow.commit()
        assert not one_step(bot.dispatch(ours))[0]


def one_step(work: Coroutine[Any, Any, Answer]) -> tuple[bool, Answer | None]:
    """Whether ``work`` waits for nothing, and what it then returns."""
    try:
        work.send(None)
    except StopIteration as ended:
        return True, ended.value
    work.close()
    return False, None


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_many_who_look_at_once_ask_the_server_twice(stage: Stage) -> None:
    """One has asked already, and all who come meanwhile ask together: for them it begins after they came, so
    that what was committed until then is news to them."""
    channels, storage = stage.bot.services.channels, stage.bot.services.core.storage
    before = await channels.mark()
    assert before is not None and storage._marking is not None
    asked: list[str] = []
    event.listen(storage._marking.sync_engine, "before_cursor_execute", lambda *words: asked.append(words[2]))
    first = asyncio.create_task(channels.mark())
    await asyncio.sleep(0)  # it is on its way
    async with storage.writing() as uow:
        await uow.meta.add("changed", "")
        await uow.commit()
    others = await asyncio.gather(*(channels.mark() for _ in range(20)))
    assert before not in others and None not in others
    assert await first is not None
    del asked[:]
    assert None not in await asyncio.gather(*(channels.mark() for _ in range(20)))
    assert len(asked) == 2, asked


@on_both
async def test_a_click_writes_once(stage: Stage) -> None:
    """From *Yes, disable it* to the answer, and to the Home that shows it."""
    await stage.connected("alice")
    alice = stage.person("alice")
    await alice.types("/inbox disable alice@acme.example")

    async def act() -> None:
        await alice.clicks("Yes, disable it")
        await stage.bot.slack._tasks.drain(within=10)

    cost = await spent(stage, act)
    assert (len(cost.statements), cost.transactions) == CLICK, cost


@on_both
async def test_looks_take_the_same_however_many_there_are(stage: Stage) -> None:
    """Claimed together, refreshed under one lease, and written back together."""
    await stage.connected("alice")
    few = await looks(stage)
    await has_team_addresses(stage, 0, 1, 2)
    many = await looks(stage)
    for cost in (few, many):
        assert (len(cost.statements), cost.transactions) == LOOK, cost


@on_both
async def test_a_message_is_delivered_in_few_statements(stage: Stage) -> None:
    """From a refusal that is certain to the owner's message."""
    await stage.connected("alice")
    await stage.connected("kenji")
    stage.town.google.break_down("revoked", "alice@acme.example")
    await stage.passes(minutes=15, seconds=5)
    stage.town.clock.advance(timedelta(seconds=31))
    assert await stage.bot.services.monitoring.run_due() == 1
    with counted(stage.bot.services) as cost:
        while await stage.bot.services.jobs.run_due():
            pass
    dm = (await stage.person("alice").sees()).messages("dm")
    assert "🔴" in dm[-1].plain
    assert (len(cost.statements), cost.transactions) == DELIVERY, cost


@on_both
async def test_a_list_is_never_of_yesterday(stage: Stage) -> None:
    """Whoever changed something, and in whatever process: the next list shows it. Each person has their own,
    in their language."""
    await stage.connected("alice")
    await has_team_addresses(stage, 0)
    alice, omar = stage.person("alice"), stage.person("omar")
    assert "desk0" in await listed(alice)
    assert "Other people's" not in await listed(alice)
    assert "Other people's" in await listed(omar)
    await omar.types("/inbox disable desk0@acme.example")
    await omar.clicks("Yes, disable it")
    assert "Disabled" in await listed(alice)
    services = stage.bot.services
    async with services.core.storage.writing() as uow:
        [channel] = [it for it in await uow.channels.all(services.workspace.id) if it.is_personal]
        await uow.channels.save(replace(channel, name="Named elsewhere"))
        await uow.commit()
    assert "Named elsewhere" in await listed(alice)
    assert "チームアドレス" in await listed(stage.person("kenji"))


async def listed(person: Person) -> str:
    await person.types("/inbox list")
    return (await person.sees()).messages("#general")[-1].plain


@on_both
async def test_a_home_is_never_of_yesterday(stage: Stage) -> None:
    """Whoever changed something, and in whatever process: whoever looks next sees it, in the language and
    with the rights that they have by then."""
    await stage.connected("alice")
    await has_team_addresses(stage, 0)
    alice, omar = stage.person("alice"), stage.person("omar")
    assert "desk0" in await opened(stage, alice)
    assert "alice@acme.example" in await opened(stage, omar)
    await omar.types("/inbox disable desk0@acme.example")
    await omar.clicks("Yes, disable it")
    assert "Disabled" in await opened(stage, alice)
    services = stage.bot.services
    async with services.core.storage.writing() as uow:
        [channel] = [it for it in await uow.channels.all(services.workspace.id) if it.is_personal]
        await uow.channels.save(replace(channel, name="Named elsewhere"))
        await uow.commit()
    assert "Named elsewhere" in await opened(stage, alice)
    assert "Named elsewhere" in await opened(stage, omar)
    await stage.driver.edit_person("omar", is_owner=False, is_admin=False)
    assert "Named elsewhere" not in await opened(stage, omar)
    await stage.driver.edit_person("alice", locale="ja-JP")
    assert "チームアドレス" in await opened(stage, alice)


@on_both
async def test_each_page_of_a_home_is_its_own(stage: Stage) -> None:
    """One that was turned to is not the one before, nor what the next visit begins with."""
    await has_team_addresses(stage, 0)
    services, alice = stage.bot.services, stage.person("alice")
    async with services.core.storage.writing() as uow:
        [first] = await uow.channels.all(services.workspace.id)
        for number in range(10, 50):
            address = f"desk{number}@acme.example"
            await uow.channels.add(replace(first, id=ChannelId(address), address=address, grant_id=None))
        await uow.commit()
    one = await opened(stage, alice)
    assert "desk10@" in one and "desk49@" not in one
    await alice.clicks("Next page")
    other = await drawn(stage, alice)
    assert "desk49@" in other and "desk10@" not in other
    assert await opened(stage, alice) == other  # back within minutes: where they were
    await alice.clicks("Previous")
    assert await drawn(stage, alice) == one


async def opened(stage: Stage, person: Person) -> str:
    """Their Home, once they have opened it."""
    await person.opens_home()
    return await drawn(stage, person)


async def drawn(stage: Stage, person: Person) -> str:
    """Their Home, once it is drawn."""
    await stage.bot.slack._tasks.drain(within=10)
    home = (await person.sees()).home
    assert home is not None
    return home.plain
