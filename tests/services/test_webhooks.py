"""Programs are told what becomes of team addresses: signed, again until taken, whatever others do."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select, update
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError
from structlog.testing import capture_logs

from bot.app import real_clock, sending_webhooks
from bot.doctor import webhook_words
from bot.domain.channel import Cause, Channel, State
from bot.domain.channel_event import ChannelEvent, EventType
from bot.domain.grant import Secret
from bot.domain.ids import ChannelId
from bot.domain.webhook import PAUSES, OffReason, Webhook, WebhookFault, WebhookRefused
from bot.services.connections.channel_actions import TeamDetails
from bot.services.connections.webhooks import Webhooks, WebhookSpec
from sandbox.receiver import HOST, PATH
from storage import rekey
from storage.tables import webhook
from tests.services.play import ACME, Play, on_both
from tests.services.test_census import shown
from tests.services.test_secrets import Unfiltered, everything_stored, log
from tests.stage import KEY, a_stage

__all__ = ["log"]
SUPPORT = "support@acme.example"


@pytest.fixture
async def play(settled_url: str, inline_sqlite: None) -> AsyncIterator[Play]:
    """The usual play, where programs are let in."""
    async with a_stage(settled_url, key=KEY, API="true") as stage:
        await stage.settles()
        yield Play(stage)


@pytest.fixture
async def desk(play: Play) -> AsyncIterator[Desk]:
    """An operator's command line beside the bot."""
    async with sending_webhooks(play.stage.town.settings, play.stage.town.world) as sender:
        yield Desk(play, Webhooks(play.storage, lambda: play.now, sender))


@dataclass
class Desk:
    """Whoever makes webhooks, and the receiver in town."""

    play: Play
    webhooks: Webhooks
    secret: str = ""
    id: Any = ""

    @property
    def receiver(self) -> Any:
        return self.play.stage.town.receiver

    @property
    def url(self) -> str:
        return f"http://{HOST}:{urlsplit(self.play.stage.town.url).port}{PATH}"

    async def made(self, **changes: Any) -> Webhook:
        """One that has taken its test."""
        spec: dict[str, Any] = {"name": "Help desk", "url": Secret(self.url), "is_for_team": True} | changes
        webhook, secret = await self.webhooks.create(ACME, WebhookSpec(**spec))
        self.secret, self.id = secret.reveal(), webhook.id
        self.receiver.learns(self.secret)
        assert (tested := await self.webhooks.test(webhook.id)) is not None and tested.answer.is_taken
        self.receiver.received.clear()
        return await self.now()

    async def now(self) -> Webhook:
        found = {it.id: it for it in await self.webhooks.of_workspace(ACME)}
        webhook: Webhook = found[self.id]
        return webhook

    def heard(self) -> list[str]:
        return [it.body["type"] for it in self.receiver.received]


async def later(play: Play, span: timedelta) -> None:
    """At once, without all that would be due on the way."""
    play.stage.town.clock.advance(span)
    await play.settles()


async def broken(play: Play) -> Channel:
    """A team address that programs know as disconnected."""
    support = await play.connect_team(SUPPORT)
    await play.stage.breaks(SUPPORT, "invalid_rapt")
    assert (await play.now_of(support)).state is State.DISCONNECTED
    return support


@on_both
async def test_a_program_hears_of_an_inbox_that_becomes_the_teams(play: Play, desk: Desk) -> None:
    """At once, and in which state it is."""
    await desk.made()
    well, ill = await play.connect("alice"), await play.connect("kenji")
    play.google.break_down("revoked", "kenji@acme.example")
    await play.passes(minutes=16)
    omar, details = await play.actor("omar"), TeamDetails(name="Desk")
    for inbox in (well, ill):
        await play.services.channel_actions.take_over(omar, inbox.id, details)
        await play.settles()
    heard = [(it.body["type"], it.body["data"]["channel"]["id"]) for it in desk.receiver.received]
    assert heard == [("channel.connected", well.id), ("channel.disconnected", ill.id)]
    await play.signs_in(await play.reconnect("omar", ill), "kenji@acme.example")
    await play.settles()
    assert desk.heard()[-1] == "channel.recovered"


@on_both
async def test_a_program_hears_of_each_step_that_matters(play: Play, desk: Desk) -> None:
    """Connected, disconnected, recovered, disabled, removed: once each, with a growing version, and
    nothing secret or of a personal inbox in it."""
    await desk.made()
    await play.connect("alice")
    support = await broken(play)
    play.google.mend(SUPPORT)
    await play.passes(minutes=15)
    await play.disable("sakura", support)
    await play.settles()
    await play.enable("sakura", support)
    await play.passes(minutes=5)
    await play.remove("sakura", support)
    await play.settles()
    # Enabled and found to work within the same moment: the former is not sent any more.
    types = ("connected", "disconnected", "recovered", "disabled", "recovered", "removed")
    assert desk.heard() == [f"channel.{it}" for it in types]
    told = [it.body["data"] for it in desk.receiver.received]
    assert {it["channel"]["address"] for it in told} == {SUPPORT}
    assert [it["version"] for it in told] == sorted({it["version"] for it in told})
    assert (told[1]["state"], told[1]["cause"]) == ("disconnected", "sign_in_again")
    assert not desk.receiver.refused


async def test_the_library_of_the_standard_verifies_what_is_sent(play: Play, desk: Desk) -> None:
    """Header names, body and secret; while a secret is rotated, with either."""
    desk.receiver.clock = real_clock
    webhooks = Webhooks(play.storage, real_clock, desk.webhooks.sender)
    webhook, first = await webhooks.create(ACME, WebhookSpec("Desk", Secret(desk.url), is_for_team=True))
    desk.receiver.learns(first.reveal())
    assert (await webhooks.test(webhook.id)) is not None
    second = await webhooks.rotate(webhook.id)
    assert second is not None
    assert (await webhooks.test(webhook.id)) is not None
    yesterday = Webhooks(play.storage, lambda: real_clock() - timedelta(hours=25), desk.webhooks.sender)
    third = await yesterday.rotate(webhook.id)
    assert third is not None
    desk.receiver.learns(third.reveal())
    assert (await webhooks.test(webhook.id)) is not None
    posts = desk.receiver.received
    assert [fitting(it, first, second, third) for it in posts] == [
        (True, False, False),
        (True, True, False),
        (False, False, True),
    ]


def fitting(post: Any, *secrets: Secret) -> tuple[bool, ...]:
    return tuple(_fits(post, secret) for secret in secrets)


def _fits(post: Any, secret: Secret) -> bool:
    try:
        told = Verifier(secret.reveal()).verify(post.raw, dict(post.headers))
    except WebhookVerificationError:
        return False
    return bool(told["type"] == "endpoint.test")


async def test_what_is_not_taken_comes_again_for_three_days_and_then_ends(play: Play, desk: Desk) -> None:
    """Nine pauses of growing length; then it is switched off, the super admins are told once, and a test that
    is taken switches it on again, whereupon their message says so."""
    await desk.made()
    desk.receiver.behaves("500")
    began = play.now
    await play.connect_team(SUPPORT)
    await play.settles()
    ids = set()
    for pause in PAUSES:
        attempts, retry_at = len(desk.receiver.received), (await desk.now()).retry_at
        assert retry_at is not None
        assert pause - timedelta(seconds=3) < retry_at - play.now <= pause
        await later(play, retry_at - play.now - timedelta(seconds=1))
        assert len(desk.receiver.received) == attempts
        await later(play, timedelta(seconds=2))
        assert len(desk.receiver.received) == attempts + 1
        ids.add(desk.receiver.received[-1].name)
    assert len(ids) == 1
    assert timedelta(hours=75) < play.now - began < timedelta(hours=76, minutes=30)
    off = await desk.now()
    assert (off.is_on, off.off_reason, off.last_answer) == (False, OffReason.FAILING, "500")
    await later(play, timedelta(seconds=5))
    [told] = await play.told("sakura", "停止しました")
    assert HOST in told.plain and "500" in told.plain and desk.url not in told.plain
    attempts = len(desk.receiver.received)
    await later(play, timedelta(days=2))
    assert len(desk.receiver.received) == attempts
    desk.receiver.behaves("takes")
    await desk.webhooks.test(desk.id)
    assert (await desk.now()).is_on
    await play.passes(seconds=5)
    assert not await play.told("sakura", "停止しました")
    assert len(await play.told("sakura", "復旧しました")) == 1


@on_both
async def test_a_message_of_a_webhook_that_was_switched_off_is_put_right(play: Play, desk: Desk) -> None:
    """Each by what became of that time: it works again; it was revoked."""
    await desk.made()
    support = await play.connect_team(SUPPORT)
    desk.receiver.behaves("410")
    await play.disable("sakura", support)
    await play.passes(seconds=5)
    desk.receiver.behaves("takes")
    await desk.webhooks.test(desk.id)
    await play.passes(seconds=5)
    desk.receiver.behaves("410")
    await play.enable("sakura", support)
    await play.passes(seconds=5)
    assert len(await play.told("sakura", "今後は受け付けない")) == 1
    assert len(await play.told("sakura", "復旧しました。対応は不要です")) == 1
    await desk.webhooks.revoke(desk.id)
    await play.passes(seconds=5)
    assert not await play.told("sakura", "今後は受け付けない")
    assert len(await play.told("sakura", "この Webhook は削除されました")) == 1


@on_both
async def test_after_a_test_what_waits_is_told_at_once(play: Play, desk: Desk) -> None:
    """However long its pause was by then."""
    await desk.made()
    desk.receiver.behaves("500")
    await play.connect_team(SUPPORT)
    await play.settles()
    for _ in PAUSES[:5]:
        retry_at = (await desk.now()).retry_at
        assert retry_at is not None
        await later(play, retry_at - play.now + timedelta(seconds=1))
    desk.receiver.behaves("takes")
    desk.receiver.received.clear()
    await desk.webhooks.test(desk.id)
    await play.passes(seconds=2)
    assert desk.heard() == ["endpoint.test", "channel.connected"]


async def test_figures_and_doctor_say_how_webhooks_do(play: Play, desk: Desk) -> None:
    """On, failing, off; and how many events wait."""

    async def states() -> dict[str, float]:
        found = await shown(play, "inboxkeeper_webhooks")
        return {labels.split('"')[1]: number for labels, number in found.items()}

    async def said() -> str:
        async with play.storage.reading() as uow:
            waiting = await uow.webhooks.waiting()
        return webhook_words(await desk.now(), waiting.get(desk.id, 0))

    await desk.made()
    assert await states() == {"on": 1.0}
    assert await said() == f"Help desk ({desk.id}) at {HOST}: on"
    desk.receiver.behaves("500")
    await play.connect_team(SUPPORT)
    await play.settles()
    assert await states() == {"failing": 1.0}
    failing = await said()
    assert "failing since" in failing and "last answer 500" in failing and failing.endswith("1 event waits")
    desk.receiver.behaves("410")
    await later(play, timedelta(days=1))
    assert await states() == {"off": 1.0}
    assert "switched off" in await said()


async def test_a_receiver_that_is_gone_ends_at_once(play: Play, desk: Desk) -> None:
    await desk.made()
    desk.receiver.behaves("410")
    await play.connect_team(SUPPORT)
    await play.settles()
    assert (await desk.now()).off_reason is OffReason.GONE
    await play.passes(minutes=5)
    assert len(await play.told("sakura", "今後は受け付けない")) == 1


@pytest.mark.parametrize("behaviour", ["redirects", "500", "429", "floods"])
async def test_a_bad_answer_is_no_success_nor_is_it_read(play: Play, desk: Desk, behaviour: str) -> None:
    """A redirect is not followed, a gigabyte not fetched (that is a 200, and taken), a pause that
    is asked for is kept."""
    await desk.made()
    desk.receiver.behaves(behaviour)
    await play.connect_team(SUPPORT)
    await play.settles()
    webhook = await desk.now()
    if behaviour == "floods":
        assert webhook.failures == 0
        return
    assert webhook.failures == 1
    assert webhook.last_answer == {"redirects": "302"}.get(behaviour, behaviour)
    await play.passes(seconds=30)
    assert (await desk.now()).failures == (1 if behaviour == "429" else 2)
    desk.receiver.behaves("takes")
    await play.passes(minutes=11)
    assert (await desk.now()).failures == 0
    assert desk.heard()[-1] == "channel.connected"


@pytest.mark.parametrize("behaviour", ["takes", "500"])
@pytest.mark.parametrize(
    "said",
    [
        "Mon, 01 Jan 99999999999999 00:00:00 GMT",
        "Sat, 28 Nov 2026 15:06:30 99999999999",
        "Mon, 01 Jan 0001 00:00:00 +2359",
    ],
)
async def test_a_pause_out_of_all_range_is_none(play: Play, desk: Desk, behaviour: str, said: str) -> None:
    """What was taken is not sent again, and what was not comes again as ever."""
    await desk.made()
    desk.receiver.behaves(behaviour)
    desk.receiver.retry_after = said
    await play.connect_team(SUPPORT)
    await play.settles()
    await play.passes(seconds=10)
    is_taken = behaviour == "takes"
    assert (await desk.now()).failures == (0 if is_taken else 2)
    assert desk.heard() == ["channel.connected"] * (1 if is_taken else 2)


async def test_one_that_hangs_holds_up_nobody(play: Play, desk: Desk) -> None:
    """Another receiver, and everything else that waits, goes on meanwhile; and it is still at it."""
    await desk.made(name="Hangs")
    hanging = desk.id
    await desk.made(name="Good", url=Secret(f"{desk.url}?good"))
    desk.receiver.behaves("hangs")
    await play.connect_team(SUPPORT)
    await play.settles()
    assert desk.heard() == ["channel.connected"]
    found = {it.id: it for it in await desk.webhooks.of_workspace(ACME)}
    assert (found[hanging].succeeded_at, found[hanging].failures) == (found[hanging].proven_at, 0)
    desk.receiver.behaves("takes")


async def test_the_newest_takes_the_place_of_what_was_not_taken(play: Play, desk: Desk) -> None:
    """Whoever was away for a while hears one thing of each inbox: how it is now."""
    await desk.made()
    support = await play.connect_team(SUPPORT)
    await play.settles()
    desk.receiver.behaves("500")
    await play.disable("sakura", support)
    await play.settles()
    await play.remove("sakura", support)
    await play.settles()
    desk.receiver.behaves("takes")
    desk.receiver.received.clear()
    await play.passes(minutes=12)
    assert desk.heard() == ["channel.removed"]


async def test_a_webhook_for_one_address_hears_of_no_other(play: Play, desk: Desk) -> None:
    await play.connect_team(SUPPORT)
    await desk.made(is_for_team=False, addresses=[SUPPORT])
    sales = await play.connect_team("sales@acme.example")
    await play.disable("sakura", sales)
    await play.settles()
    assert desk.heard() == []


@on_both
async def test_history_says_who_had_which_webhook(play: Play, desk: Desk) -> None:
    """In each inbox that it names; a removal that came too late is none."""
    support = await play.connect_team(SUPPORT)
    webhook = await desk.made(is_for_team=False, addresses=[SUPPORT], created_by="U0OMAR")
    await desk.webhooks.rotate(webhook.id, by="U0SAKURA")
    assert await desk.webhooks.revoke(webhook.id)
    assert not await desk.webhooks.revoke(webhook.id)
    async with play.storage.reading() as uow:
        entries = await uow.history.of_channel(support.id, limit=20)
    told = [(it.what, it.actor, it.details) for it in entries if it.what.startswith("webhook_")]
    about = {"program": "Help desk", "webhook": webhook.id}
    assert sorted(told, key=str) == [
        ("webhook_made", "U0OMAR", about),
        ("webhook_revoked", None, about),
        ("webhook_rotated", "U0SAKURA", about),
    ]


async def test_nothing_is_sent_before_a_test_was_taken(play: Play, desk: Desk) -> None:
    """Nor to one that was revoked."""
    await desk.webhooks.create(ACME, WebhookSpec("Desk", Secret(desk.url), is_for_team=True))
    webhook = await desk.made(name="Another")
    assert await desk.webhooks.revoke(webhook.id)
    await play.connect_team(SUPPORT)
    await play.settles()
    assert (desk.heard(), desk.receiver.refused) == ([], [])
    assert not await desk.webhooks.revoke(webhook.id)
    assert await desk.webhooks.test(webhook.id) is None


@pytest.mark.parametrize(
    ("url", "trouble"),
    [
        ("https://127.0.0.1/x", "not_a_host_name"),
        ("https://[::1]/x", "not_a_host_name"),
        ("https://2130706433/x", "not_a_host_name"),
        ("https://localhost/x", "not_a_full_name"),
        ("https://metadata.inner.example/x", "host_refused"),
        ("https://receiver.sandbox.example:22/x", "host_refused"),
        ("http://public.inner.example/x", "not_encrypted"),
        ("https://user:word@metadata.inner.example/x", "host_refused"),
    ],
)
async def test_no_inner_host_is_reached(play: Play, desk: Desk, url: str, trouble: str) -> None:
    """However it is written, and whatever its name leads to."""
    hosts = play.stage.town.names.hosts
    hosts["metadata.inner.example"] = (ip_address("169.254.169.254"),)
    hosts["public.inner.example"] = (ip_address("93.184.216.34"),)
    webhook, _ = await desk.webhooks.create(ACME, WebhookSpec("Desk", Secret(url), is_for_team=True))
    tested = await desk.webhooks.test(webhook.id)
    assert tested is not None
    assert tested.answer.in_a_word == trouble


async def test_what_a_webhook_cannot_be_made_for(play: Play, desk: Desk) -> None:
    """Each is named."""
    await play.connect("alice")
    faults: dict[WebhookFault, dict[str, Any]] = {
        WebhookFault.NAME: {"name": " "},
        WebhookFault.URL: {"url": Secret("ftp://desk.example.com")},
        WebhookFault.NOTHING_NAMED: {"is_for_team": False},
        WebhookFault.UNKNOWN_ADDRESS: {"is_for_team": False, "addresses": ["nobody@acme.example"]},
        WebhookFault.PERSONAL: {"is_for_team": False, "addresses": ["alice@acme.example"]},
    }
    for fault, changes in faults.items():
        with pytest.raises(WebhookRefused) as caught:
            await desk.made(**changes)
        assert caught.value.fault is fault


@on_both
async def test_address_and_secret_are_nowhere_in_clear(play: Play, desk: Desk, log: io.StringIO) -> None:
    """Neither in the database nor in the log, after success, failure, rotation and new keys."""
    unfiltered = Unfiltered()
    logging.getLogger().addHandler(unfiltered)
    await desk.made(url=Secret(f"{desk.url}?token=hidden-word"))
    rotated = await desk.webhooks.rotate(desk.id)
    assert rotated is not None
    desk.receiver.behaves("500")
    await play.connect_team(SUPPORT)
    await play.passes(seconds=10)
    await rekey(play.storage)
    desk.receiver.behaves("410")
    await play.passes(minutes=6)
    stored, written, passed = await everything_stored(play), log.getvalue(), "\n".join(unfiltered.lines)
    for secret in (desk.secret, rotated.reveal(), "hidden-word"):
        assert secret not in stored
        assert secret not in written
        assert secret not in passed


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_events_are_numbered_when_they_are_there_for_all_to_see(play: Play) -> None:
    """One that was written first and is committed last comes last: whoever read up to the other misses
    nothing. SQLite's writers take turns, and cannot overlap."""
    first, second = an_event("one"), an_event("two")
    async with play.storage.writing() as slow:
        await slow.channel_events.add(first)
        async with play.storage.writing() as quick:
            await quick.channel_events.add(second)
            await quick.commit()
        async with play.storage.writing() as placing:
            [placed] = await placing.channel_events.place(10)
            await placing.commit()
        assert placed.name == "two"
        await slow.commit()
    async with play.storage.writing() as placing:
        [late] = await placing.channel_events.place(10)
        await placing.commit()
    assert late.name == "one"
    assert (placed.position or 0) < (late.position or 0)


def an_event(name: str) -> ChannelEvent:
    return ChannelEvent(
        name=name,
        workspace_id=ACME,
        channel_id=ChannelId(name),
        type=EventType.CONNECTED,
        at=real_clock(),
        provider="google",
        state=State.CONNECTED,
        cause=Cause.NONE,
        since=real_clock(),
        version=1,
    )


@on_both
async def test_a_lost_key_is_no_fault_of_the_receiver(play: Play, desk: Desk) -> None:
    """Nothing is counted against it, and it is told once the key is there again."""
    made = await desk.made()
    mine = webhook.c.id == made.id
    async with play.storage.writing() as uow:
        sealed = await uow.connection.value(select(webhook.c.sealed).where(mine))
        await uow.connection.count(update(webhook).where(mine).values(sealed=b"of another key"))
        await uow.commit()
    await play.connect_team(SUPPORT)
    with capture_logs() as logs:
        await later(play, timedelta(days=4))
    assert "no key opens a webhook" in {it["event"] for it in logs}
    now = await desk.now()
    assert (now.is_on, now.failures, now.failing_since, now.last_answer) == (True, 0, None, made.last_answer)
    async with play.storage.writing() as uow:
        await uow.connection.count(update(webhook).where(mine).values(sealed=sealed))
        await uow.commit()
    await later(play, timedelta(minutes=16))
    assert desk.heard() == ["channel.connected"]
