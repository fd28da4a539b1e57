"""A webhook is edited: what it becomes, where it is told meanwhile, and what nobody's edit loses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from bot.domain.channel import State
from bot.domain.errors import OutOfDate
from bot.domain.grant import Secret
from bot.domain.ids import ChannelId, JobId, WebhookId
from bot.domain.job import Job, JobKind
from bot.domain.webhook import OffReason, WebhookAccess, WebhookFault, WebhookRefused
from bot.services.connections.webhooks import (
    Edited,
    SendsWebhooks,
    WebhookAnswer,
    WebhookChanges,
    WebhookDelivery,
    Webhooks,
    WebhookSpec,
)
from bot.services.core.notifications import Notifications
from sandbox.receiver import PATH
from tests.services.play import ACME, Play, on_both
from tests.services.test_webhooks import SUPPORT, Desk, desk, play

__all__ = ["desk", "play"]
SALES: Final = "sales@acme.example"
ELSEWHERE: Final = "elsewhere.sandbox.example"


def elsewhere(desk: Desk) -> Secret:
    """Another address of the receiver, with a secret in it."""
    desk.play.stage.town.names.hosts[ELSEWHERE] = (ip_address("127.0.0.1"),)
    return Secret(f"http://{ELSEWHERE}:{urlsplit(desk.url).port}{PATH}?token=hidden-word")


async def edited(desk: Desk, **changes: Any) -> Edited:
    done = await desk.webhooks.edit(desk.id, WebhookChanges(**changes))
    assert done is not None
    return done


async def access(desk: Desk) -> WebhookAccess:
    async with desk.play.storage.reading() as uow:
        found = await uow.webhooks.access(desk.id)
    assert found is not None
    return found


async def one_waits(play: Play, desk: Desk) -> None:
    """An event that was not taken, by a receiver that works again."""
    support = await play.connect_team(SUPPORT)
    await play.settles()
    desk.receiver.behaves("500")
    await play.disable("sakura", support)
    await play.settles()
    assert (await desk.now()).failures
    desk.receiver.behaves("takes")
    desk.receiver.received.clear()


def hosts(desk: Desk) -> list[str]:
    """Where was told what, in order."""
    return [it.headers["Host"].partition(":")[0] for it in desk.receiver.received]


@dataclass
class Meanwhile:
    """A way out on which something happens before the first answer comes; what follows goes the usual way."""

    happens: Callable[[], Awaitable[object]]
    answer: WebhookAnswer
    usual: SendsWebhooks | None = None
    is_over: bool = False

    async def send(self, url: Secret, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        if self.is_over and self.usual is not None:
            return await self.usual.send(url, headers, body)
        self.is_over = True
        await self.happens()
        return self.answer


def beside(desk: Desk, sender: SendsWebhooks) -> Webhooks:
    """Somebody else's command line."""
    return Webhooks(desk.play.storage, lambda: desk.play.now, sender)


@on_both
async def test_another_address_is_told_once_it_has_taken_a_test(play: Play, desk: Desk) -> None:
    """Until then nothing is changed, and the one before is told. The secret is the same."""
    before = await desk.made()
    support = await play.connect_team(SUPPORT)
    desk.receiver.behaves("500")
    with pytest.raises(WebhookRefused) as caught:
        await edited(desk, url=elsewhere(desk), name="Moved")
    assert (caught.value.fault, caught.value.what) == (WebhookFault.NOT_TAKEN, "500")
    desk.receiver.behaves("takes")
    await play.passes(seconds=10)
    desk.receiver.received.clear()
    assert (await desk.now()).name == before.name
    await play.disable("sakura", support)
    await play.settles()
    play.stage.town.clock.advance(timedelta(minutes=1))
    done = await edited(desk, url=elsewhere(desk), name="Moved")
    assert done.is_moved
    await play.enable("sakura", support)
    await play.passes(minutes=5)
    assert desk.heard()[:3] == ["channel.disabled", "endpoint.test", "channel.recovered"]
    assert hosts(desk)[:3] == [urlsplit(desk.url).hostname, ELSEWHERE, ELSEWHERE]
    after = await desk.now()
    assert (after.name, after.host, after.is_on) == ("Moved", ELSEWHERE, True)
    assert before.proven_at is not None and after.proven_at is not None
    assert after.proven_at > before.proven_at and after.rotated_at is None
    assert desk.receiver.secrets == [desk.secret]  # it takes what is signed with that alone


@on_both
async def test_what_waits_is_told_at_the_new_address(play: Play, desk: Desk) -> None:
    """At once, whatever pause it was in."""
    await desk.made()
    await one_waits(play, desk)
    await edited(desk, url=elsewhere(desk))
    await play.settles()
    assert list(zip(desk.heard(), hosts(desk), strict=True)) == [
        ("endpoint.test", ELSEWHERE),
        ("channel.disabled", ELSEWHERE),
    ]
    assert (await desk.now()).failing_since is None


@pytest.mark.parametrize("answer", [WebhookAnswer(410), WebhookAnswer(500), WebhookAnswer(200)])
async def test_what_the_former_address_answers_late_says_nothing_of_the_new(
    play: Play, desk: Desk, answer: WebhookAnswer
) -> None:
    """What was under way to it is told to the new one; that it is gone switches nothing off."""
    await desk.made()
    await one_waits(play, desk)
    play.stage.town.clock.advance(timedelta(minutes=1))
    core, now = play.services.core, play.now
    sender = Meanwhile(lambda: edited(desk, url=elsewhere(desk)), answer, usual=desk.webhooks.sender)
    job = Job(JobId("j"), "lane", JobKind.TELL_WEBHOOK, "lane", now, now, payload={"webhook": desk.id})
    assert await WebhookDelivery(core, Notifications(core), sender).run(job) is None
    after = await desk.now()
    assert (after.is_on, after.failures) == (True, 0)
    assert desk.heard() == ["endpoint.test", "channel.disabled"]
    assert set(hosts(desk)) == {ELSEWHERE}


@on_both
async def test_of_two_who_edit_at_once_the_second_is_told(play: Play, desk: Desk) -> None:
    """Whether both began with the same form, or one saves while the other's address takes its test."""
    await desk.made()
    seen = await desk.now()
    assert await desk.webhooks.edit(desk.id, WebhookChanges(name="First"), seen=seen)
    with pytest.raises(OutOfDate):
        await desk.webhooks.edit(desk.id, WebhookChanges(name="Second"), seen=seen)
    same = await desk.webhooks.edit(desk.id, WebhookChanges(name="First"), seen=seen)
    assert same is not None and same.is_unchanged
    sender = Meanwhile(lambda: edited(desk, name="Third"), WebhookAnswer(204))
    with pytest.raises(OutOfDate):
        await beside(desk, sender).edit(desk.id, WebhookChanges(url=elsewhere(desk)))
    assert (await desk.now()).name == "Third"
    assert (await access(desk)).url == Secret(desk.url)
    both = [desk.webhooks.edit(desk.id, WebhookChanges(name=name)) for name in ("Fourth", "Fifth")]
    came = await asyncio.gather(*both, return_exceptions=True)
    kept = [it.after.name for it in came if isinstance(it, Edited)]
    assert all(isinstance(it, Edited | OutOfDate) for it in came), came
    assert (await desk.now()).name in kept


@on_both
async def test_a_secret_made_meanwhile_stays(play: Play, desk: Desk) -> None:
    """Nobody need know of the other: the address and the secret are both the new ones, in either order."""
    await desk.made()
    made: list[Secret | None] = []

    async def rotates() -> None:
        made.append(await desk.webhooks.rotate(desk.id))

    done = await beside(desk, Meanwhile(rotates, WebhookAnswer(204))).edit(
        desk.id, WebhookChanges(url=elsewhere(desk))
    )
    assert done is not None and done.is_moved
    now = await access(desk)
    assert [now.url, now.secret, now.former] == [elsewhere(desk), made[0], Secret(desk.secret)]
    play.stage.town.clock.advance(timedelta(minutes=1))
    back = beside(desk, Meanwhile(lambda: asyncio.sleep(0), WebhookAnswer(204)))
    _, third = await asyncio.gather(
        back.edit(desk.id, WebhookChanges(url=Secret(desk.url))), desk.webhooks.rotate(desk.id)
    )
    now = await access(desk)
    assert [now.url, now.secret] == [Secret(desk.url), third]


@on_both
async def test_one_removed_meanwhile_is_not_there_again(play: Play, desk: Desk) -> None:
    await desk.made()
    sender = Meanwhile(lambda: desk.webhooks.revoke(desk.id), WebhookAnswer(204))
    assert await beside(desk, sender).edit(desk.id, WebhookChanges(url=elsewhere(desk))) is None
    assert await desk.webhooks.of_workspace(ACME) == ()
    assert await desk.webhooks.edit(WebhookId("wh_none"), WebhookChanges(name="x")) is None


async def test_a_test_of_the_former_address_switches_nothing_on(play: Play, desk: Desk) -> None:
    """It was under way when the webhook got another one, which is gone since."""
    await desk.made()

    async def moves() -> None:
        await edited(desk, url=elsewhere(desk))
        async with play.storage.writing() as uow:
            assert await uow.webhooks.switch_off(desk.id, OffReason.GONE, "410", play.now)
            await uow.commit()

    assert await beside(desk, Meanwhile(moves, WebhookAnswer(204))).test(desk.id)
    assert not (await desk.now()).is_on


@on_both
async def test_only_a_new_address_switches_it_on(play: Play, desk: Desk) -> None:
    """Not another name or other inboxes. Whoever was told that it is off sees what became of it."""
    await desk.made()
    await play.connect_team(SALES)
    support = await play.connect_team(SUPPORT)
    desk.receiver.behaves("410")
    await play.disable("sakura", support)
    await play.passes(seconds=5)
    desk.receiver.behaves("takes")
    desk.receiver.received.clear()
    await edited(desk, name="Renamed", is_for_team=False, addresses=[SALES])
    await play.passes(seconds=5)
    assert (await desk.now()).off_at is not None and desk.heard() == []
    assert len(await play.told("sakura", "Renamed")) == 1
    await edited(desk, url=elsewhere(desk))
    await play.passes(seconds=5)
    assert (await desk.now()).is_on
    assert len(await play.told("sakura", "復旧しました。対応は不要です")) == 1


@on_both
async def test_it_is_for_other_inboxes_from_now_on(play: Play, desk: Desk) -> None:
    """What waited of those that it is no more for is dropped; the history of all of them has it."""
    support, sales = await play.connect_team(SUPPORT), await play.connect_team(SALES)
    await desk.made(is_for_team=False, addresses=[SUPPORT], created_by="U0OMAR")
    desk.receiver.behaves("500")
    await play.disable("sakura", support)
    await play.passes(seconds=2)
    desk.receiver.behaves("takes")
    desk.receiver.received.clear()
    done = await desk.webhooks.edit(
        desk.id, WebhookChanges(is_for_team=False, channels=[sales.id]), by="U0SAKURA"
    )
    assert done is not None and done.after.channels == {sales.id}
    await play.disable("sakura", sales)
    await play.passes(minutes=10)
    assert [it.body["data"]["channel"]["id"] for it in desk.receiver.received] == [sales.id]
    await edited(desk, is_for_team=True, channels=[sales.id], url=elsewhere(desk))
    now = await desk.now()
    assert (now.is_for_team, now.channels) == (True, frozenset())
    assert await history(play, support.id) == [("U0SAKURA", "")]
    assert await history(play, sales.id) == [("U0SAKURA", ""), (None, ELSEWHERE)]
    await edited(desk, name="For all")
    assert await history(play, ChannelId("")) == [(None, "")]


async def history(play: Play, channel_id: ChannelId) -> list[tuple[str | None, str]]:
    """Who edited it, and where it is told since."""
    async with play.storage.reading() as uow:
        entries = await uow.history.of_channel(channel_id, limit=50)
    found = sorted((it for it in entries if it.what == "webhook_edited"), key=lambda it: it.at)
    return sorted(
        ((it.actor, it.details.get("host", "")) for it in found), key=lambda it: (it[0] is None, it[1])
    )


async def test_a_removed_inbox_stays_named_until_it_is_forgotten(play: Play, desk: Desk) -> None:
    """No list shows it, so nobody can choose it: an edit of others takes it away from nobody."""
    support, sales = await play.connect_team(SUPPORT), await play.connect_team(SALES)
    await desk.made(is_for_team=False, addresses=[SUPPORT])
    await play.remove("sakura", support)
    await play.settles()
    assert (await play.now_of(support)).state is State.REMOVED
    await edited(desk, is_for_team=False, addresses=[SALES])
    assert (await desk.now()).channels == {support.id, sales.id}


async def test_an_edit_that_changes_nothing_writes_nothing(play: Play, desk: Desk) -> None:
    """Nor is its receiver asked."""
    support = await play.connect_team(SUPPORT)
    await desk.made(is_for_team=False, addresses=[SUPPORT])
    before = await desk.now()
    for changes in (
        {},
        {"name": " Help desk "},
        {"url": Secret(desk.url)},
        {"is_for_team": False, "addresses": [SUPPORT]},
        {"is_for_team": False, "channels": [support.id]},
    ):
        assert (await edited(desk, **changes)).is_unchanged
    assert await desk.now() == before and desk.heard() == []
    assert await history(play, support.id) == []


async def test_what_a_webhook_cannot_become(play: Play, desk: Desk) -> None:
    """Each is named as when it is made, and nothing of the edit is done."""
    support = await play.connect_team(SUPPORT)
    alice = await play.connect("alice")
    await desk.made()
    before, far = await desk.now(), Secret("https://127.0.0.1/x?token=hidden-word")
    faults: list[tuple[WebhookFault, dict[str, Any]]] = [
        (WebhookFault.NAME, {"name": " "}),
        (WebhookFault.NAME, {"name": "a" * 61}),
        (WebhookFault.URL, {"url": Secret("ftp://desk.example.com")}),
        (WebhookFault.URL, {"url": Secret("")}),
        (WebhookFault.NOTHING_NAMED, {"is_for_team": False}),
        (WebhookFault.NOTHING_NAMED, {"is_for_team": True, "addresses": [SUPPORT]}),
        (WebhookFault.NOTHING_NAMED, {"is_for_team": True, "channels": [support.id]}),
        (WebhookFault.UNKNOWN_ADDRESS, {"is_for_team": False, "addresses": ["nobody@acme.example"]}),
        (WebhookFault.UNKNOWN_ADDRESS, {"is_for_team": False, "channels": [ChannelId("none")]}),
        (WebhookFault.PERSONAL, {"is_for_team": False, "addresses": ["alice@acme.example"]}),
        (WebhookFault.PERSONAL, {"is_for_team": False, "channels": [alice.id]}),
        (WebhookFault.NOT_TAKEN, {"url": far}),
    ]
    for fault, changes in faults:
        with pytest.raises(WebhookRefused) as caught:
            await edited(desk, **{"name": "Other", **changes})
        assert caught.value.fault is fault, changes
        assert "hidden-word" not in repr(caught.value)
    assert await desk.now() == before


async def test_one_that_never_took_a_test_is_proven_by_a_new_address(play: Play, desk: Desk) -> None:
    """A slip in the address need not cost a new secret."""
    spec = WebhookSpec("Desk", Secret("https://nowhere.example/hook"), is_for_team=True)
    webhook, secret = await desk.webhooks.create(ACME, spec)
    desk.id = webhook.id
    desk.receiver.learns(secret.reveal())
    assert (await edited(desk, url=Secret(desk.url))).is_moved
    assert (await desk.now()).is_on
