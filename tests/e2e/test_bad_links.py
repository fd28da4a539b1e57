"""What a browser gets that opens a link twice, late, elsewhere or half: always a page with a way on."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode, urlsplit

import pytest

from tests.e2e.questions import asks_for_modal, in_time, modal_text, submits
from tests.stage import Browser, Page, Stage

ALICE = "alice@acme.example"
SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"])


async def link_of(stage: Stage, name: str = "alice") -> str:
    """The link in the modal of somebody who has just asked to connect their own inbox."""
    await asks_for_modal(stage, name, "/inbox connect")
    await submits(stage, name)
    return await stage.link_in_modal(name)


def callback_at(stage: Stage, **fields: str) -> str:
    return f"{stage.bot.services.core.policy.base_url}/callback/google?{urlencode(fields)}"


def is_page(page: Page, status: int, *words: str) -> None:
    """A whole page of ours, in words, that nobody may frame or keep."""
    assert page.status == status, page.text
    assert "<!doctype html>" in page.html.casefold() and page.headers["Cache-Control"] == "no-store"
    assert not [word for word in words if word not in page.text], page.text


async def test_a_link_preview_spends_nothing(stage: Stage) -> None:
    """Whatever opens a link without pressing its button leaves no cookie and takes nothing away."""
    link = await link_of(stage)
    preview = stage.browser()
    for method in ("GET", "HEAD", "GET"):
        page = await preview.opens(link, method=method)
        assert page.status == 200 and "Set-Cookie" not in page.headers
    is_page(await stage.consents(link, ALICE), 200, "Connected ✓")


@SQLITE
async def test_a_used_link_says_so(stage: Stage) -> None:
    """Opened again after success, in whatever browser, a link tells that it was used and where to look."""
    link, browser = await link_of(stage), stage.browser()
    await stage.consents(link, ALICE, browser=browser)
    for again in (browser, stage.browser()):
        for method in ("GET", "POST"):
            page = await again.opens(link, method=method)
            is_page(page, 410, "This link was used already", "If it is not, start again there.")


@SQLITE
async def test_an_expired_link_says_so_before_and_after_consent(stage: Stage) -> None:
    """After 15 minutes neither the link nor a consent begun in time connects anything."""
    link, browser = await link_of(stage), stage.browser()
    consent = await browser.goes_to_consent(link)
    callback = stage.town.google.consent(consent, ALICE)
    await stage.passes(minutes=15, seconds=1)
    expired = ("This link has expired", "Nothing has changed.", "Get a new link", "Open Slack (Acme)")
    is_page(await browser.opens(link), 410, *expired)
    is_page(await browser.opens(link, method="POST"), 410, *expired)
    is_page(await browser.opens(callback), 410, *expired)
    assert "Nothing is connected yet" in (await _listed(stage))


async def test_an_expired_link_leads_on_from_the_page(stage: Stage) -> None:
    """One press for a fresh one, in the browser that asked first; the dialog then shows what came of it."""
    link, browser = await link_of(stage), stage.browser()
    await stage.passes(minutes=15, seconds=1)
    expired = await browser.opens(link)
    assert urlsplit(expired.form_action).path.startswith("/renew/")
    landing = await browser.presses(expired)
    is_page(landing, 200, f"Connect {ALICE}", "Continue to Google")
    assert landing.url != link
    other = stage.browser()
    is_page(await other.presses(await other.opens(link)), 403, "Started in another browser")
    is_page(await stage.consents(landing.url, ALICE, browser=browser), 200, "Connected ✓")
    await stage.settles()
    assert "Connected ✓" in modal_text(await stage.person("alice").sees())


@SQLITE
async def test_the_dialog_turns_to_expired_and_gives_a_fresh_link(stage: Stage) -> None:
    """The green button that led nowhere any more is gone, and one press brings the next."""
    old = await link_of(stage)
    await stage.passes(minutes=14, seconds=50)
    assert "Link expired" not in modal_text(await stage.person("alice").sees())
    await stage.passes(seconds=20)
    screen = await stage.person("alice").sees()
    assert "Link expired" in modal_text(screen) and f"The link for {ALICE}" in modal_text(screen)
    in_time(await stage.person("alice").clicks("Get a new link"))
    fresh = await stage.link_in_modal("alice")
    assert fresh != old
    is_page(await stage.consents(fresh, ALICE), 200, "Connected ✓")


@SQLITE
async def test_a_dialog_that_goes_on_is_not_told_of_an_earlier_link(stage: Stage) -> None:
    """Chosen anew in the same dialog, the second link counts; done in time, the end stays on the screen."""
    first = await link_of(stage)
    await stage.passes(minutes=10)
    in_time(await stage.person("alice").clicks("Office 365"))
    second = await stage.link_in_modal("alice")
    assert second != first
    await stage.passes(minutes=6)
    assert "Link expired" not in modal_text(await stage.person("alice").sees())
    await stage.consents(second, ALICE)
    await stage.passes(minutes=20)
    assert "Connected ✓" in modal_text(await stage.person("alice").sees())


@SQLITE
async def test_a_link_never_given_out_is_not_valid(stage: Stage) -> None:
    """A mistyped or invented link, however long, is answered with where to start."""
    base = stage.bot.services.core.policy.base_url
    for secret in ("x", "x" * 5_000, "%00", "%F0%9F%92%A9", "..%2f..%2fetc"):
        for kind, status in (("go", 404), ("l", 410)):
            page = await stage.browser().opens(f"{base}/{kind}/{secret}")
            is_page(page, status, "Open Slack", "" if kind == "go" else "You can close this page.")
            assert "Acme" not in page.text


@pytest.mark.threaded
async def test_a_double_click_on_the_landing_page_is_one_browser(stage: Stage) -> None:
    """Both requests leave before the first cookie arrives; whichever page is shown leads to the end."""
    link, browser = await link_of(stage), stage.browser()
    landing = await browser.opens(link)
    pages = await asyncio.gather(browser.presses(landing), browser.presses(landing))
    for page in pages:
        is_page(page, 200, "Continue to Google")
    page = await stage.consents_at(pages[1].onward, ALICE, browser=browser)
    is_page(page, 200, "Connected ✓")


@pytest.mark.threaded
async def test_a_double_click_on_a_notices_link_is_one_browser(stage: Stage) -> None:
    """The same for the link in a message, which makes a ticket at each press."""
    await stage.connected("alice")
    stage.town.google.break_down("revoked", ALICE)
    await stage.passes(minutes=21)
    browser = stage.browser()
    landing = await browser.opens(await stage.link_in_dm("alice"))
    first, second = await asyncio.gather(browser.presses(landing), browser.presses(landing))
    is_page(await stage.consents_at(first.onward, ALICE, browser=browser), 200, "Reconnected ✓")
    is_page(await stage.consents_at(second.onward, ALICE, browser=browser), 200, "Reconnected ✓")


@SQLITE
async def test_another_browser_cannot_go_on(stage: Stage) -> None:
    """A sign-in ends in the browser in which it began; the other one is told so and spoils nothing."""
    link, first, other = await link_of(stage), stage.browser(), stage.browser()
    consent = await first.goes_to_consent(link)
    callback = stage.town.google.consent(consent, ALICE)
    words = ("Started in another browser", "Go back to that browser, or start again from Slack.")
    is_page(await other.presses(await other.opens(link)), 403, *words)
    is_page(await other.opens(callback), 403, *words)
    is_page(await first.opens(callback), 200, "Connected ✓")


@SQLITE
async def test_cancelling_at_google_can_be_tried_again(stage: Stage) -> None:
    """Cancel changes nothing; the page, the modal and one button lead on."""
    link, browser = await link_of(stage), stage.browser()
    callback = stage.town.google.consent(await browser.goes_to_consent(link), ALICE, cancel=True)
    page = await browser.opens(callback)
    is_page(page, 200, "You cancelled at Google. Nothing has changed.", "Try again")
    await stage.settles()
    shown = modal_text(await stage.person("alice").sees())
    assert "Cancelled" in shown and "Not connected" not in shown and "⚠️" not in shown
    consent = (await browser.presses(page)).onward
    is_page(await stage.consents_at(consent, ALICE, browser=browser), 200, "Connected ✓")
    assert "Connected ✓" in modal_text(await stage.person("alice").sees())


@SQLITE
@pytest.mark.parametrize("error", ["server_error", "<script>alert(1)</script>", "x" * 5_000])
async def test_an_error_from_google_is_worded_and_can_be_tried_again(stage: Stage, error: str) -> None:
    """Whatever Google says instead of a code, the page is words, and nothing of it runs."""
    browser = stage.browser()
    state = _state_of(await browser.goes_to_consent(await link_of(stage)))
    page = await browser.opens(callback_at(stage, state=state, error=error))
    is_page(page, 200, "Nothing has changed.", "Try again")
    assert "<script" not in page.html and len(page.html) < 5_000
    consent = (await browser.presses(page)).onward
    is_page(await stage.consents_at(consent, ALICE, browser=browser), 200, "Connected ✓")


@SQLITE
async def test_an_admins_policy_names_who_must_act(stage: Stage) -> None:
    """Where the organisation forbids the app, the page says who can change that, and blames no mailbox."""
    browser = stage.browser()
    state = _state_of(await browser.goes_to_consent(await link_of(stage)))
    page = await browser.opens(callback_at(stage, state=state, error="admin_policy_enforced"))
    is_page(
        page, 200, "Google refused", "Google admin does not allow this app.", "Ask that admin to allow it"
    )
    assert "You signed in" not in page.text


@SQLITE
async def test_a_callback_without_a_code_can_be_tried_again(stage: Stage) -> None:
    """Neither code nor error: the sign-in did not finish, and says so."""
    browser = stage.browser()
    state = _state_of(await browser.goes_to_consent(await link_of(stage)))
    is_page(await browser.opens(callback_at(stage, state=state)), 200, "Sign-in did not finish", "Try again")


@SQLITE
async def test_a_callback_with_an_invented_code_connects_nothing(stage: Stage) -> None:
    """Google refuses the code: nothing is connected, and the page leads on."""
    browser = stage.browser()
    state = _state_of(await browser.goes_to_consent(await link_of(stage)))
    page = await browser.opens(callback_at(stage, state=state, code="4/invented"))
    is_page(page, 200, "Nothing has changed.", "Try again")
    assert "Nothing is connected yet" in await _listed(stage)


@SQLITE
async def test_a_callback_that_belongs_to_nothing_is_not_valid(stage: Stage) -> None:
    """Without a state, with an invented one, or for a provider there is not: a page that leads to Slack."""
    base = stage.bot.services.core.policy.base_url
    for path in (
        "google",
        "google?state=&code=x",
        "google?state=x&code=y",
        "yahoo?state=x",
        "google?handle=x",
    ):
        page = await stage.browser().opens(f"{base}/callback/{path}")
        is_page(page, 404, "Slack")


async def test_reloading_after_success_shows_success(stage: Stage) -> None:
    """The outcome is kept for the browser that saw it: a reload asks Google nothing."""
    browser = stage.browser()
    consent = await browser.goes_to_consent(await link_of(stage))
    callback = stage.town.google.consent(consent, ALICE)
    is_page(await browser.opens(callback), 200, "Connected ✓")
    asked = stage.town.google.requests.copy()
    for _ in range(3):
        is_page(await browser.opens(callback), 200, "Connected ✓")
    assert stage.town.google.requests == asked
    await stage.passes(minutes=16)
    is_page(await browser.opens(callback), 410, "This link was used already")


@pytest.mark.threaded
async def test_a_double_click_at_google_connects_once(stage: Stage) -> None:
    """Two callbacks with two codes at once: one channel, one message, and both pages say Connected."""
    browser = stage.browser()
    consent = await browser.goes_to_consent(await link_of(stage))
    callbacks = [stage.town.google.consent(consent, ALICE) for _ in range(2)]
    pages = await asyncio.gather(*(browser.opens(callback) for callback in callbacks))
    await stage.passes(seconds=3)
    for page, callback in zip(pages, callbacks, strict=True):
        settled = page if "Connected ✓" in page.text else await browser.opens(callback)
        is_page(settled, 200, "Connected ✓")
    screen = await stage.person("alice").sees()
    assert screen.dm.plain.count("is connected.") == 1


@SQLITE
async def test_a_posted_callback_counts_like_an_opened_one(stage: Stage) -> None:
    """A provider that posts its answer is sent round to a GET, which brings the cookie along."""
    browser = stage.browser()
    consent = await browser.goes_to_consent(await link_of(stage))
    parts = urlsplit(stage.town.google.consent(consent, ALICE))
    fields = dict(pair.split("=", 1) for pair in parts.query.split("&"))
    page = await browser.opens(
        callback_at(stage), method="POST", data={"state": fields["state"], "error": "no"}
    )
    is_page(page, 200, "Nothing has changed.")


@SQLITE
async def test_a_link_to_an_inbox_removed_meanwhile_leads_back(stage: Stage) -> None:
    """Whoever consents after the inbox was removed connects nothing by surprise."""
    await stage.connected("alice")
    await stage.person("alice").closes()
    await asks_for_modal(stage, "alice", f"/inbox reconnect {ALICE}")
    link, browser = await stage.link_in_modal("alice"), stage.browser()
    callback = stage.town.google.consent(await browser.goes_to_consent(link), ALICE)
    await stage.person("alice").closes()
    await asks_for_modal(stage, "alice", f"/inbox remove {ALICE}")
    await submits(stage, "alice")
    await stage.person("alice").closes()
    is_page(await browser.opens(link), 404, "Go back to Slack and start again.")
    is_page(await browser.opens(callback), 404, "Go back to Slack and start again.")
    assert "Nothing is connected yet" in await _listed(stage)


@SQLITE
async def test_wrong_account_and_unticked_box_are_mended_on_the_page(stage: Stage) -> None:
    """Both are said in words, with both addresses or the box named; one button goes straight on."""
    link, browser = await link_of(stage), stage.browser()
    page = await stage.consents(link, "omar@acme.example", browser=browser)
    is_page(page, 200, "You signed in as omar@acme.example, but wanted to connect alice@acme.example.")
    page = await _again(stage, browser, page, untick=("gmail.labels",))
    is_page(page, 200, "this box was left unticked: “See and edit the mailbox's labels”")
    is_page(await _again(stage, browser, page), 200, "Connected ✓")


async def _again(stage: Stage, browser: Browser, page: Page, *, untick: tuple[str, ...] = ()) -> Page:
    consent = (await browser.presses(page)).onward
    return await stage.consents_at(consent, ALICE, untick=untick, browser=browser)


async def _listed(stage: Stage) -> str:
    await stage.person("alice").types("/inbox list")
    return (await stage.person("alice").sees()).messages("#general")[-1].plain


def _state_of(consent: str) -> str:
    fields = dict(pair.split("=", 1) for pair in urlsplit(consent).query.split("&"))
    return fields["state"]
