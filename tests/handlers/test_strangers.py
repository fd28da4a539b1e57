"""Somebody else answers in Slack's place: a proxy, a portal, a broken release.

What was asked for is tried again later; nobody meets the ways in which the SDK stumbles.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.errors import DirectoryAway, SlackAway, SlackError
from bot.domain.ids import ConversationId, UserId
from bot.domain.notice import NoticeKind
from bot.notifier import SlackMessenger
from bot.slack.client import who_are_we
from bot.slack.directory import SlackDirectory
from bot.slack.views_api import ViewsApi
from tests.handlers.conftest import Bench
from tests.handlers.payloads import a_command
from tests.views.samples import ANN, NOW, a_picture

DEEP = "[" * 50_000 + "]" * 50_000
JSON = "application/json"
STRANGERS: dict[str, tuple[int, str | bytes, str]] = {
    "a page that is not UTF-8": (200, b"<html>\xff\xfe</html>", "text/html; charset=utf-8"),
    "text that is not UTF-8": (200, b"\xff\xfe\x00", "text/plain; charset=utf-8"),
    "JSON that is not UTF-8": (200, b'{"ok": true, "team": "\xff"}', JSON),
    "an unknown charset": (200, "{}", "application/json; charset=klingon"),
    "a number": (200, "5", JSON),
    "a text": (200, '"ok"', JSON),
    "a list": (200, '[{"ok": true}]', JSON),
    "nothing": (200, "", JSON),
    "null": (200, "null", JSON),
    "true": (200, "true", JSON),
    "an endless number": (200, "9" * 10_000, JSON),
    "deep nesting": (200, DEEP, JSON),
    "deep nesting inside": (200, f'{{"ok": true, "user": {DEEP}}}', JSON),
    "a gateway's page": (502, "<html>Bad gateway</html>", "text/html"),
    "a gateway's JSON": (502, '{"message": "upstream"}', JSON),
    "plain text": (200, "ok", "text/plain"),
    "bytes": (200, b"\x1f\x8b\x00", "application/gzip"),
    "an error that is no word": (200, '{"ok": false, "error": {"code": 5}}', JSON),
    "an error with a NUL": (200, '{"ok": false, "error": "a\\u0000b"}', JSON),
    "ok and nothing else": (200, '{"ok": true}', JSON),
    "ok and another shape": (
        200,
        '{"ok": true, "channel": [], "ts": 5, "user": [], "view": 1, "members": {}, "usergroups": 5,'
        ' "users": "x"}',
        JSON,
    ),
}


def a_messenger(bench: Bench) -> SlackMessenger:
    return SlackMessenger(bench.client)


def told(bench: Bench) -> list[Callable[[], Awaitable[Any]]]:
    """Every call that needs something of the answer."""
    messenger, there = a_messenger(bench), ConversationId("D1")
    model = a_picture(NoticeKind.SILENCE, notice={"subject": NOW.isoformat()})
    since = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        lambda: messenger.open_dm(UserId(ANN)),
        lambda: messenger.post(there, model, nonce="n"),
        lambda: messenger.find(there, "n", since=since, thread=None),
        lambda: messenger.find(there, "n", since=since, thread="1.2"),
    ]


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_a_message_waits(bench: Bench, stranger: str) -> None:
    """To be tried again in a minute, whatever the stranger said."""
    bench.slack.nonsense = STRANGERS[stranger]
    for call in told(bench):
        with pytest.raises(SlackAway):
            await call()
    with nullcontext() if stranger.startswith("ok") else pytest.raises(SlackAway):
        await a_messenger(bench).is_there()


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_nobody_is_taken_for_somebody(bench: Bench, stranger: str) -> None:
    """The directory is away, and whoever asked is told to try again."""
    bench.slack.nonsense = STRANGERS[stranger]
    directory = SlackDirectory(bench.client)
    for call in (
        directory.person(ANN),
        directory.groups(),
        directory.group("S1"),
        directory.page(""),
    ):
        with pytest.raises(DirectoryAway):
            await call
    answer = await bench.send(a_command("disable ann@example.com"))
    assert "try again" in str(answer.body)


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_a_screen_that_cannot_be_drawn_is_slack_being_away(bench: Bench, stranger: str) -> None:
    """Opening must know the view's id; the others need nothing of the answer but that Slack took it."""
    bench.slack.nonsense = STRANGERS[stranger]
    screen = ViewsApi(bench.client)
    with pytest.raises(SlackAway):
        await screen.open("t", {"type": "modal"})
    with nullcontext() if stranger.startswith("ok") else pytest.raises(SlackAway):
        await screen.update("V1", {"type": "modal"})


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_a_start_waits_for_slack_itself(bench: Bench, stranger: str) -> None:
    """Who we are is asked again until somebody says it who knows."""
    bench.slack.nonsense = STRANGERS[stranger]
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) > 1:
            raise TimeoutError("enough")

    with pytest.raises(TimeoutError, match="enough"):
        await who_are_we(bench.client, lambda: NOW, pause)
    assert pauses == [1, 2]


@pytest.mark.parametrize(
    ("asked", "most"),
    [
        ("7", 7),
        ("0", 0),
        ("999999999999", 3600),
        ("9" * 5_000, 3600),
        ("-5", 30),
        ("1.5", 30),
        ("Fri, 31 Dec 2999 23:59:59 GMT", 30),
        ("٣", 30),
    ],
)
async def test_no_method_rests_for_longer_than_an_hour(bench: Bench, asked: str, most: int) -> None:
    """Slack speaks of seconds; what is no number of seconds counts as none."""
    bench.slack.retry_after = asked
    with pytest.raises(SlackError) as met:
        await a_messenger(bench).open_dm(UserId(ANN))
    assert isinstance(met.value, SlackAway)
    assert met.value.retry_after == timedelta(seconds=most)
    with pytest.raises(DirectoryAway) as away:
        await SlackDirectory(bench.client).page("")
    assert away.value.retry_after == timedelta(seconds=most)


async def test_half_of_a_list_is_read(bench: Bench) -> None:
    """Members without an id, or that are nothing at all, hide nobody else."""
    members = '[5, null, {"name": "x"}, {"id": 5}, {"id": "U1", "profile": "x", "name": ["y"], "locale": 5}]'
    bench.slack.nonsense = (200, f'{{"ok": true, "members": {members}, "response_metadata": []}}', JSON)
    page = await SlackDirectory(bench.client).page("")
    assert [(one.id, one.name, one.locale) for one in page.people] == [("U1", "", "en-US")]
    assert page.further == ""
