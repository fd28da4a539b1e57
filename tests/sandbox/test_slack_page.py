"""The page of the local Slack: safe markup, and usable in a real browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.driver import CannotDo
from tests.sandbox.slack_bot import World, world


async def test_what_people_and_bots_write_is_escaped() -> None:
    """Neither talk nor blocks can bring tags, scripts or odd links into the page."""
    async with world("http") as acme:
        await acme.driver.person("alice").types("<script>alert(1)</script> & *bold*", in_="#general")
        await acme.client.chat_postMessage(
            channel="U0ALICE",
            text="x",
            blocks=[
                {"type": "header", "text": {"type": "plain_text", "text": "<img src=x onerror=alert(1)>"}},
                {
                    "type": "section",
                    "text": {"type": "mrkdwn", "text": '<https://x.example/"onclick="alert(1)|go> `a&lt;b`'},
                },
            ],
        )
        html = ""
        for place in ("dm", "C0GENERAL"):
            async with acme.session.get(f"{acme.slack.public_url}/?as=U0ALICE&in={place}") as response:
                html += await response.text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; <strong>bold</strong>" in html
    assert "&lt;img src=x" in html
    assert 'href="https://x.example/&#34;onclick=&#34;alert(1)"' in html
    assert "<code>a&lt;b</code>" in html


async def test_a_chart_is_drawn_and_read_aloud() -> None:
    """A bar for each point, none of nothing; what people and bots write is escaped there, too."""
    data = [{"label": "<9 Nov>", "value": 0}, {"label": "16 Nov", "value": 2.5}]
    drawn = {
        "type": "bar",
        "series": [{"name": "Hours", "data": data}],
        "axis_config": {"categories": [one["label"] for one in data]},
    }
    chart = {"type": "data_visualization", "title": "By <week>", "chart": drawn}
    async with world("http") as acme:
        await acme.client.chat_postMessage(channel="U0ALICE", text="x", blocks=[chart])
        async with acme.session.get(f"{acme.slack.public_url}/?as=U0ALICE&in=dm") as response:
            html = await response.text()
        said = (await acme.driver.person("alice").sees()).dm.last.plain
    assert "By &lt;week&gt;" in html and 'title="&lt;9 Nov&gt;: 0"' in html
    assert "height: 0.0px" in html and "height: 100.0px" in html
    assert said == "(chart: By <week>)\nHours: <9 Nov> 0, 16 Nov 2.5"


async def test_nobody_writes_to_the_app() -> None:
    """The manifest keeps its conversation read-only: Slack shows no field there, and takes nothing."""
    async with world("http") as acme:
        with pytest.raises(CannotDo, match="Sending messages to this app has been turned off"):
            await acme.driver.person("alice").types("/inbox list", in_="dm")
        async with acme.session.get(f"{acme.slack.public_url}/?as=U0ALICE&in=dm") as response:
            html = await response.text()
        assert "Sending messages to this app has been turned off." in html and "composer-text" not in html
        assert acme.got == []


async def test_the_first_sight_is_home() -> None:
    """Whoever opens the address sees what the app has to say, and not an empty conversation."""
    async with world("http") as acme, acme.session.get(f"{acme.slack.public_url}/") as response:
        assert 'data-testid="home"' in await response.text()


async def test_looking_at_a_conversation_reads_it() -> None:
    """The badge goes once the page has shown it; the control API's look does not count."""
    async with world("http") as acme:
        await acme.client.chat_postMessage(channel="U0ALICE", text="News")
        async with acme.session.get(f"{acme.slack.public_url}/?as=U0ALICE&in=home") as response:
            assert 'data-testid="unread-dm">1<' in await response.text()
        async with acme.session.get(f"{acme.slack.public_url}/?as=U0ALICE&in=dm") as response:
            assert "News" in await response.text()
        assert (await acme.driver.person("alice").sees()).dm.unread == 0


async def test_a_button_that_was_redrawn_meanwhile_is_still_that_button() -> None:
    """An edit gives blocks new ids; what is clicked then does the same with the same value."""
    button = {
        "type": "button",
        "action_id": "go",
        "value": "v1",
        "text": {"type": "plain_text", "text": "Go"},
    }
    blocks = [{"type": "actions", "elements": [button]}]
    async with world("http") as acme:
        sent = await acme.client.chat_postMessage(channel="U0ALICE", text="x", blocks=blocks)
        async with acme.session.get(f"{acme.slack.public_url}/?as=U0ALICE&in=dm") as response:
            found = re.search(
                r'data-surface="([^"]+)" data-block="([^"]+)" data-action="(go)" data-value="([^"]+)"',
                await response.text(),
            )
        assert found is not None
        drawn = list(found.groups())
        await acme.client.chat_update(channel=sent["channel"], ts=sent["ts"], text="x", blocks=blocks)
        clicked = await acme.driver.post("/control/slack/act/click", {"as": "U0ALICE", "target": drawn})
        assert clicked["ok"]
        for gone in (drawn[:3], [*drawn[:3], "v2"]):
            with pytest.raises(CannotDo, match="no longer on the screen"):
                await acme.driver.post("/control/slack/act/click", {"as": "U0ALICE", "target": gone})


async def test_a_menu_that_was_redrawn_meanwhile_is_still_that_menu() -> None:
    """A row's, among others that offer the same."""

    def menu(row: str) -> dict[str, Any]:
        words = {"type": "plain_text", "text": "Go"}
        options = [{"text": words, "value": f"{deed}:{row}"} for deed in ("go", "stay")]
        return {
            "type": "actions",
            "elements": [{"type": "overflow", "action_id": "more", "options": options}],
        }

    blocks = [menu("first"), menu("second")]
    async with world("http") as acme:
        sent = await acme.client.chat_postMessage(channel="U0ALICE", text="x", blocks=blocks)
        async with acme.session.get(f"{acme.slack.public_url}/?as=U0ALICE&in=dm") as response:
            drawn = re.findall(
                r'data-surface="([^"]+)" data-block="([^"]+)" data-action="(more)" data-value="([^"]+)"',
                await response.text(),
            )
        await acme.client.chat_update(channel=sent["channel"], ts=sent["ts"], text="x", blocks=blocks)
        chosen = {"as": "U0ALICE", "target": list(drawn[-1]), "option": "Go"}
        assert (await acme.driver.post("/control/slack/act/choose", chosen))["ok"]
        assert acme.got[-1]["actions"][0]["selected_option"]["value"] == "go:second"


@pytest.fixture
async def browsed() -> AsyncIterator[tuple[World, Page]]:
    async with world("socket", frozen=False) as acme, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        page = await browser.new_page(locale="en-US")
        yield acme, page
        await browser.close()


@pytest.mark.browser
async def test_a_person_types_clicks_and_confirms(browsed: tuple[World, Page]) -> None:
    """A command, an ephemeral list, a dialog answered no and then yes."""
    acme, page = browsed
    await page.goto(f"{acme.slack.public_url}/?as=U0ALICE&in=C0GENERAL")
    await page.get_by_test_id("composer-text").fill("/inbox list")
    await page.keyboard.press("Enter")
    listed = page.get_by_test_id("message").filter(has_text="Only visible to you")
    await listed.get_by_role("button", name="Disable").last.click()
    await page.get_by_role("button", name="Keep it").click()
    await listed.get_by_role("button", name="Disable").last.click()
    await page.get_by_role("button", name="Yes, disable it").click()
    await page.get_by_test_id("composer-text").fill("/inbox done")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("You said done")).to_be_visible()
    clicks = [got for got in acme.got if got.get("type") == "block_actions"]
    assert [click["actions"][0]["value"] for click in clicks] == ["b@acme.example"]


@pytest.mark.browser
async def test_a_person_fills_in_a_form(browsed: tuple[World, Page]) -> None:
    """What is typed and chosen arrives; an error stands under its field; the modal then closes."""
    acme, page = browsed
    await page.goto(f"{acme.slack.public_url}/?as=U0KENJI&in=C0GENERAL")
    await page.get_by_test_id("composer-text").fill("/inbox connect")
    await page.keyboard.press("Enter")
    await page.get_by_label("Address").fill("bad@acme.example")
    await page.get_by_label("Team").check()
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_test_id("input-error")).to_have_text("No such mailbox")
    await page.get_by_label("Address").fill("kenji@acme.example")
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_test_id("modal")).to_have_count(0)
    values = acme.got[-1]["view"]["state"]["values"]
    assert values["address"]["typed"]["value"] == "kenji@acme.example"
    assert values["kind"]["chosen"]["selected_option"]["value"] == "team"


@pytest.mark.browser
async def test_news_appears_by_itself(browsed: tuple[World, Page]) -> None:
    """A message posted while the page is open shows, and raises the badge elsewhere."""
    acme, page = browsed
    await page.goto(f"{acme.slack.public_url}/?as=U0ALICE&in=C0GENERAL")
    posted = await acme.client.chat_postMessage(channel="U0ALICE", text="Your inbox stopped working")
    await expect(page.get_by_test_id("unread-dm")).to_have_text("1")
    await page.get_by_test_id("go-dm").click()
    await expect(page.get_by_text("Your inbox stopped working")).to_be_visible()
    await acme.client.chat_update(channel=posted["channel"], ts=posted["ts"], text="All is well again")
    await expect(page.get_by_text("All is well again")).to_be_visible()
    await expect(page.get_by_test_id("edited")).to_be_visible()
