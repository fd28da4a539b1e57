"""*Why*, the drill and the export: reached by word and by button, and the file's page in the browser."""

from __future__ import annotations

import pytest

from bot.domain.errors import NotAllowed
from bot.views.blocks import value_of
from handlers.web_session import COOKIE
from tests.handlers.conftest import Bench
from tests.handlers.payloads import a_click, a_command
from tests.handlers.test_pages import OWN, Desk
from tests.handlers.test_pages import context as context  # noqa: PLC0414 - a fixture


async def answered(bench: Bench, text: str) -> str:
    """What a command's answer says."""
    return str((await bench.send(a_command(text))).body)


@pytest.mark.parametrize("verb", ["why", "理由"])
async def test_why_can_be_asked(bench: Bench, verb: str) -> None:
    """In both languages, about one inbox."""
    assert "Everything works." in await answered(bench, f"{verb} ann@example.com")


async def test_the_why_button_answers_beside_the_message(bench: Bench) -> None:
    """The notice that it stands in stays; only whoever asked sees the answer."""
    value = value_of(bench.services.channels.channels["c1"])
    container = {"type": "message", "is_ephemeral": False}
    url = bench.slack.response_url
    await bench.send(a_click("incident.why", value, response_url=url, container=container))
    (answer,) = bench.slack.of("respond")
    assert "Everything works." in str(answer)
    assert answer.get("replace_original") is not True


@pytest.mark.parametrize("verb", ["drill", "訓練"])
async def test_a_drill_can_be_held(bench: Bench, verb: str) -> None:
    """With rights that were just read; Home, which ticks it off, is drawn with those that are known."""
    assert "This was a drill." in await answered(bench, f"{verb} ann@example.com")
    assert bench.services.people.fresh == [True, False]


@pytest.mark.parametrize("verb", ["export", "書き出し"])
async def test_an_export_is_a_link_for_whoever_asked(bench: Bench, verb: str) -> None:
    """Ephemeral, with rights that were just read."""
    answer = (await bench.send(a_command(verb))).body
    assert answer is not None
    assert answer["response_type"] == "ephemeral"
    assert "/export/s1" in str(answer)
    assert bench.services.people.fresh == [True]


@pytest.mark.parametrize("text", ["why ann@example.com", "drill ann@example.com", "export"])
async def test_whoever_may_not_is_told_who_can(bench: Bench, text: str) -> None:
    """A refusal names people, whatever was asked."""
    bench.services.trouble.error = NotAllowed("export", ("U0BOB",))
    bench.services.people.trouble = type(bench.services.trouble)()
    assert "<@U0BOB>" in await answered(bench, text)


# --- the page


async def test_looking_at_the_page_spends_nothing(context: Desk) -> None:
    """It says whose history it is; a link preview is harmless."""
    for _ in range(2):
        answer = await context.get("/export/s1")
        html = await answer.text()
        assert (answer.status, "Set-Cookie" in answer.headers) == (200, False)
        assert "Ann" in html and "Acme" in html and 'action="/export/s1"' in html
    assert context.services.history_export.browsers == []


async def test_the_button_gives_the_file_once(context: Desk) -> None:
    """A CSV that Excel reads as UTF-8, never kept by anybody on the way; the second press is told so."""
    answer = await context.post("/export/s1")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="inboxkeeper-history.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert (await answer.read()).startswith(b"\xef\xbb\xbfat,address\r\n")
    assert COOKIE in answer.headers["Set-Cookie"]
    again = await context.post("/export/s1")
    assert again.status == 410
    assert "Each link downloads the file once." in await again.text()


async def test_a_strangers_form_gets_no_file(context: Desk) -> None:
    """It shows our own page instead, whose button decides."""
    answer = await context.post("/export/s1", headers={**OWN, "Sec-Fetch-Site": "cross-site"})
    assert (answer.status, answer.headers["Location"]) == (303, "/export/s1")
    assert context.services.history_export.browsers == []


async def test_an_unknown_link_is_said_to_be_one(context: Desk) -> None:
    """Mistyped, or long gone."""
    assert (await context.get("/export/unknown")).status == 404
