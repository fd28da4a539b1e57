"""Keys of programs: made for what is connected, refused in one way, kept as digests only."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from bot.domain.api_key import KeyFault, KeyRefused, mint
from bot.domain.features import Feature, Features, Wording
from bot.domain.ids import ApiKeyId
from bot.services.connections.api_keys import ApiKeys, BadKey, KeySpec, Together
from storage import StorageAway
from tests.services.play import ACME, Play, on_both
from tests.services.test_secrets import everything_stored

SUPPORT = "support@acme.example"
CRM = Feature("crm", Wording("CRM"), Wording("to log"), {"google": frozenset({"https://mail.google.com/"})})


def service(play: Play) -> ApiKeys:
    return ApiKeys(play.storage, clock=lambda: play.now, features=Features((CRM,)))


def spec(**changes: object) -> KeySpec:
    return KeySpec(**({"name": "Help desk", "addresses": [SUPPORT], "features": ["crm"]} | changes))  # type: ignore[arg-type]


async def refused(play: Play, **changes: object) -> KeyFault:
    with pytest.raises(KeyRefused) as caught:
        await service(play).create(ACME, spec(**changes))
    return caught.value.fault


@dataclass
class Reader:
    """Answers with how often it has read by then; a reading under way ends when it is let."""

    readings: list[set[str]] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    fails: bool = False

    async def __call__(self, asked: Collection[str]) -> dict[str, int]:
        self.readings.append(set(asked))
        said = dict.fromkeys(asked, len(self.readings))
        self.begun.set()
        await self.goes_on.wait()
        if self.fails:
            raise StorageAway
        return {question: answer for question, answer in said.items() if question != "nothing"}


async def test_whoever_asks_while_others_are_answered_is_told_what_was_read_after() -> None:
    """A key that was revoked meanwhile works for nobody who asks from then on; and many cost one reading."""
    reader = Reader()
    together = Together(reader)
    first = asyncio.create_task(together.ask("a"))
    await reader.begun.wait()
    later = [asyncio.create_task(together.ask(question)) for question in ("a", "b", "nothing", "a")]
    await asyncio.sleep(0)
    reader.goes_on.set()
    assert await first == 1
    assert await asyncio.gather(*later) == [2, 2, None, 2]
    assert reader.readings == [{"a"}, {"a", "b", "nothing"}]


async def test_a_crowd_is_answered_in_parts() -> None:
    reader = Reader()
    reader.goes_on.set()
    together = Together(reader)
    asked = [str(number) for number in range(450)]
    assert set(await asyncio.gather(*map(together.ask, asked))) == {1, 2, 3}
    assert [len(one) for one in reader.readings] == [200, 200, 50]


async def test_a_reading_that_fails_is_told_to_all_and_the_next_one_works() -> None:
    """And whoever hangs up takes nobody's answer along."""
    reader = Reader(fails=True)
    together = Together(reader)
    gone, *asked = (asyncio.create_task(together.ask(question)) for question in "abc")
    await reader.begun.wait()
    gone.cancel()
    reader.goes_on.set()
    told = await asyncio.gather(gone, *asked, return_exceptions=True)
    assert [type(one) for one in told] == [asyncio.CancelledError, StorageAway, StorageAway]
    reader.fails = False
    assert await together.ask("a") == 2


@on_both
async def test_a_key_is_told_by_its_digest_alone(play: Play) -> None:
    """It works, and nothing that is stored holds it."""
    support = await play.connect_team(SUPPORT)
    key, secret = await service(play).create(ACME, spec(networks=["127.0.0.0/8"]))
    assert key.channels == {support.id}
    assert await service(play).authenticated(secret.reveal(), "127.0.0.1") == key
    stored = await everything_stored(play)
    assert key.id in stored
    assert secret.reveal() not in stored
    assert secret.reveal()[12:] not in stored


@on_both
async def test_every_bad_key_gets_the_same_answer(play: Play) -> None:
    """Unknown, mistyped, from elsewhere, expired, revoked."""
    await play.connect_team(SUPPORT)
    key, secret = await service(play).create(ACME, spec(networks=["10.0.0.0/8"]))
    text, here = secret.reveal(), "10.0.0.1"
    other, _ = await service(play).create(ACME, spec(name="Another"))
    forged = text.replace(key.id, other.id)
    for presented, address in (
        ("", here),
        (text[:-1], here),
        (forged, here),
        (text, "192.0.2.1"),
        (text, ""),
    ):
        with pytest.raises(BadKey):
            await service(play).authenticated(presented, address)
    assert await service(play).revoke(key.id)
    with pytest.raises(BadKey):
        await service(play).authenticated(text, here)
    assert not await service(play).revoke(key.id)
    assert not await service(play).revoke(ApiKeyId("nokey123"))


@on_both
async def test_every_key_costs_the_same_work(play: Play) -> None:
    """The same statements, whichever it is: how long it took teaches nobody anything."""
    await play.connect_team(SUPPORT)
    _, secret = await service(play).create(ACME, spec(networks=["10.0.0.0/8"]))
    over, old = await service(play).create(ACME, spec(name="Over"))
    assert await service(play).revoke(over.id)
    text, here = secret.reveal(), "10.0.0.1"
    unknown = mint()[1].reveal()
    done: list[list[str]] = []
    async with play.another_process() as other:

        def note(_: Any, __: Any, statement: str, *___: Any) -> None:
            done[-1].append(statement)

        await other.api_keys.authenticated(text, here)  # the first connection has more to say
        engine = other.core.storage._engine.sync_engine
        event.listen(engine, "before_cursor_execute", note)
        for presented, address in (
            (text, here),
            ("", here),
            (text[:-1], here),
            (unknown, here),
            (text, "192.0.2.1"),
            (old.reveal(), here),
            ("x" * 5_000, here),
        ):
            done.append([])
            with suppress(BadKey):
                await other.api_keys.authenticated(presented, address)
        event.remove(engine, "before_cursor_execute", note)
    assert len(done[0]) > 1
    assert all(one == done[0] for one in done)


@on_both
async def test_a_key_that_is_over_gets_no_door(play: Play) -> None:
    """Whether it has run out or was revoked."""
    await play.connect_team(SUPPORT)
    key, _ = await service(play).create(ACME, spec(lasts=timedelta(days=1)))
    assert await service(play).open_door(key.id) is not None
    [listed] = await service(play).of_workspace(ACME)
    assert listed.has_door and not key.has_door
    play.stage.town.clock.advance(timedelta(days=1))
    assert await service(play).open_door(key.id) is None
    other, _ = await service(play).create(ACME, spec())
    assert await service(play).revoke(other.id)
    assert await service(play).open_door(other.id) is None


async def test_a_key_runs_out(play: Play) -> None:
    await play.connect_team(SUPPORT)
    _, secret = await service(play).create(ACME, spec(lasts=timedelta(days=2)))
    play.stage.town.clock.advance(timedelta(days=1, hours=23))
    await service(play).authenticated(secret.reveal(), "")
    play.stage.town.clock.advance(timedelta(hours=1))
    with pytest.raises(BadKey):
        await service(play).authenticated(secret.reveal(), "")


async def test_what_a_key_cannot_be_made_for(play: Play) -> None:
    """Each mistake is told apart, before anything is stored."""
    await play.connect_team(SUPPORT)
    assert await refused(play, addresses=["nobody@acme.example"]) is KeyFault.UNKNOWN_ADDRESS
    assert await refused(play, addresses=[]) is KeyFault.NOTHING_NAMED
    assert await refused(play, is_for_team=True) is KeyFault.NOTHING_NAMED
    assert await refused(play, features=[]) is KeyFault.NO_FEATURE
    assert await refused(play, features=["crm", "zap"]) is KeyFault.UNKNOWN_FEATURE
    assert await refused(play, networks=["10.0.0.1/8"]) is KeyFault.NETWORK
    assert await refused(play, name="  ") is KeyFault.NAME
    assert await refused(play, name="a\nb") is KeyFault.NAME
    assert await refused(play, lasts=timedelta()) is KeyFault.LIFE
    assert await service(play).of_workspace(ACME) == ()
