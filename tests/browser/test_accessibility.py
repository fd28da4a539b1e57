"""Every kind of page before axe-core: nothing to complain of, in light and dark, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Final

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, Route

from bot.domain import errors
from bot.domain.ticket import OutcomeKind, Purpose
from bot.domain.view_models import Completion, ExportLanding, Landing
from bot.views.i18n import Language
from bot.views.pages import errors as error_pages
from bot.views.pages.export import export_page
from bot.views.pages.imap_form import MailboxForm, mailbox_page
from bot.views.pages.oauth import (
    OutcomeLinks,
    approved_page,
    asked_page,
    landing_page,
    not_approved_page,
    onward_page,
    outcome_page,
    welcome_page,
)
from bot.views.pages.template import ICON, ICON_PATH, SCRIPT, SCRIPT_PATH, STYLESHEET, STYLESHEET_PATH, Team
from tests.views.samples import EN, JA, a_feature, an_outcome

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

AT: Final = "http://pages.example/"
TEAM: Final = Team("https://acme.slack.example", "Acme")
LINKS: Final = OutcomeLinks("/again/s", "/ask/s", "/receives/s")
FILES: Final = {
    STYLESHEET_PATH: (STYLESHEET, "text/css"),
    ICON_PATH: (ICON, "image/svg+xml"),
    SCRIPT_PATH: (SCRIPT, "text/javascript"),
}
FOUND: Final = {"host": "mail.example.com", "port": "993", "security": "tls", "user": "ann@example.com"}


def form(
    given: Mapping[str, str], error: errors.InboxkeeperError | None = None, left: int | None = None
) -> MailboxForm:
    return MailboxForm("ann@example.com", given, "gmx", "/go/s/form", error, left)


def kinds_of_pages(lang: Language) -> Iterator[tuple[str, str]]:
    """One of each layout, in each of its tones."""
    asked = Landing("ann@example.com", "Ann Lee", "Acme", Purpose.CONNECT, "Gmail", lang.code)
    crm = a_feature()
    yield "welcome", welcome_page(lang)
    yield "landing", landing_page(lang, asked, action_url="/go/s", mark="m")
    wants = Landing(
        "a@example.com",
        "Ann",
        "Acme",
        Purpose.SWITCH,
        "Gmail",
        "en",
        features=(crm,),
        scopes=crm.scopes_at("google"),
    )
    yield "landing with permissions", landing_page(lang, wants, action_url="/go/s")
    yield "onward", onward_page(lang, url=f"{AT}consent", provider_label="Gmail")
    for ending in (OutcomeKind.CONNECTED, OutcomeKind.DECLINED, OutcomeKind.NOT_PROVEN):
        done = Completion(an_outcome(ending), "Office 365", may_ask_admin=True)
        yield f"outcome {ending}", outcome_page(lang, done, links=LINKS, team=TEAM)
    wrong = Completion(an_outcome(OutcomeKind.WRONG_MAILBOX), "Gmail", may_confirm=True)
    yield "wrong account", outcome_page(lang, wrong, links=LINKS, team=TEAM)
    yield "expired", error_pages.refusal_page(lang, errors.TicketExpired(), team=TEAM, renew_url="/renew/s")
    yield "used", error_pages.refusal_page(lang, errors.TicketSpent(), team=TEAM)
    yield "over", error_pages.refusal_page(lang, errors.LinkClosed())
    yield "bug", error_pages.problem_page(lang, "7F3A-22")
    yield "busy", error_pages.busy_page(lang)
    yield "nothing there", error_pages.not_found_page(lang)
    yield "form", mailbox_page(lang, form({"port": "993", "security": "tls"}), team=TEAM)
    yield "form with its server", mailbox_page(lang, form(FOUND), team=TEAM)
    yield "form refused", mailbox_page(lang, form(FOUND, errors.GrantRejected(), 3), team=TEAM)
    yield (
        "form at fault",
        mailbox_page(lang, form(FOUND, errors.FormFault("port", "not_a_port"), 2), team=TEAM),
    )
    yield "form over", mailbox_page(lang, form(FOUND, errors.GrantRejected(), 0), team=TEAM)
    report = ExportLanding("Ann", "Acme", lang.code, 3, is_report=True)
    yield "report", export_page(lang, report, action_url="/export/s")
    yield "export", export_page(lang, ExportLanding("Ann", "Acme", lang.code, 3), action_url="/export/s")
    yield "asked", asked_page(lang, provider_label="Office 365", team=TEAM)
    yield "approved", approved_page(lang, address="ann@example.com", provider_label="Office 365")
    yield "not approved", not_approved_page(lang, provider_label="Office 365")


async def complaints(page: Page) -> list[str]:
    """What axe-core says against what is on the screen, and whether it is wider than the screen."""
    found = await Axe().run(page)
    said = [
        f"{one['id']}: {', '.join(str(node['target']) for node in one['nodes'])}"
        for one in found.response["violations"]
    ]
    is_too_wide = await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    return [*said, *(["wider than the screen"] if is_too_wide else [])]


async def shows(page: Page, html: str) -> None:
    """The page, from a server that has nothing else but the files it names."""

    async def serve(route: Route) -> None:
        path = route.request.url.removeprefix(AT.rstrip("/"))
        if path in FILES:
            file, kind = FILES[path]
            await route.fulfill(body=file.read_bytes(), content_type=kind)
        elif path == "/":
            await route.fulfill(body=html, content_type="text/html; charset=utf-8")
        else:
            await route.fulfill(status=204)

    await page.unroute_all()
    await page.route("**/*", serve)
    await page.goto(AT)


@pytest_asyncio.fixture(loop_scope="session", params=["light", "dark"])
async def context(chromium: Browser, request: pytest.FixtureRequest) -> AsyncIterator[BrowserContext]:
    made = await chromium.new_context(color_scheme=request.param, reduced_motion="reduce")
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("lang", "width"), [(EN, 1280), (EN, 390), (JA, 390)], ids=["en wide", "en narrow", "ja narrow"]
)
async def test_no_page_shuts_anybody_out(context: BrowserContext, lang: Language, width: int) -> None:
    """Contrast, names, landmarks, order: all that a machine can judge; and nothing is cut off on a phone."""
    page = await context.new_page()
    await page.set_viewport_size({"width": width, "height": 844})
    found = {}
    for name, html in kinds_of_pages(lang):
        await shows(page, html)
        found[name] = await complaints(page)
    assert {name: said for name, said in found.items() if said} == {}


async def test_a_password_can_be_looked_at_while_it_is_typed(context: BrowserContext) -> None:
    """The button shows and hides it and says which; sent off, it is a password again. The server stays folded
    away until somebody wants to see it."""
    page = await context.new_page()
    await shows(page, mailbox_page(EN, form(FOUND)))
    password, host = page.get_by_label("Password", exact=True), page.get_by_label("IMAP host")
    await password.fill("secret")
    for label, kind in (("Show", "text"), ("Hide", "password"), ("Show", "text")):
        await page.get_by_role("button", name=label, exact=True).click()
        assert await password.get_attribute("type") == kind
    assert not await host.is_visible()
    await page.get_by_text("Mail server: mail.example.com (found automatically)").click()
    assert await host.is_visible() and await host.input_value() == "mail.example.com"
    async with page.expect_request("**/go/s/form") as sent:
        await page.get_by_role("button", name="Check and connect").click()
    said = (await sent.value).post_data or ""
    assert said == "host=mail.example.com&port=993&security=tls&user=ann%40example.com&password=secret"
    assert await password.get_attribute("type") == "password"


async def test_the_form_works_without_its_script(chromium: Browser) -> None:
    """Then there is no button that does nothing."""
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    await shows(page, mailbox_page(EN, form(FOUND)))
    assert await page.get_by_role("button").all_inner_texts() == ["Check and connect"]
    await context.close()
