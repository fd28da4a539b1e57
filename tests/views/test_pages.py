"""Web pages: whole, in the reader's language, without script or third parties, inert to what was typed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import errors
from bot.domain.access import Operation
from bot.domain.channel import Cause
from bot.domain.request import RequestState
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
from bot.views.pages.template import STYLESHEET, Team
from tests.views.gallery import REFUSALS
from tests.views.samples import (
    ANN,
    EN,
    GMAIL,
    HOSTILE,
    JA,
    LANGUAGES,
    a_feature,
    a_request,
    a_wish,
    an_outcome,
    many_features,
)

VOID = {"meta", "link", "input"}


class Reader(HTMLParser):
    """Reads a page as strictly as a few lines can: every tag is closed, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def landing(lang: Language = EN, **changes: Any) -> str:
    asked = Landing("ann@example.com", "Ann Lee", "Acme", Purpose.CONNECT, "Gmail", "en")
    return landing_page(lang, replace(asked, **changes), action_url="/go/secret")


def completed(lang: Language, done: Completion, again_url: str = "/again/secret") -> str:
    links = OutcomeLinks(again_url, "/ask/secret", "/receives/secret")
    return outcome_page(lang, done, links=links, team=Team("https://app.slack.com/client/T1", "Acme"))


def outcome(
    ending: OutcomeKind, lang: Language = EN, *, again_url: str = "/again/secret", **changes: Any
) -> str:
    return completed(lang, Completion(an_outcome(ending, **changes), "Gmail"), again_url)


def wrong(
    lang: Language = EN,
    *,
    purpose: Purpose = Purpose.CONNECT,
    signed_in: str = "bob@example.com",
    may_confirm: bool = False,
) -> str:
    """Somebody signed in to another account."""
    came = an_outcome(OutcomeKind.WRONG_MAILBOX, signed_in=signed_in)
    came = replace(came, ticket=replace(came.ticket, purpose=purpose))
    return completed(lang, Completion(came, "Gmail", may_confirm=may_confirm))


def every_page(lang: Language) -> Iterator[str]:
    for purpose in Purpose:
        yield landing(lang, purpose=purpose)
    for text in ("", *HOSTILE[:3]):
        features = many_features(10, text)
        yield landing(
            lang,
            features=features,
            scopes=frozenset(one for it in features for one in it.scopes_at("google")),
        )
    yield onward_page(lang, url="https://accounts.google.com/?a=1&b=2", provider_label="Gmail")
    for ending in OutcomeKind:
        yield outcome(ending, lang)
    for purpose in (Purpose.CONNECT, Purpose.RECONNECT):
        for signed_in in ("bob@example.com", "ann@example.com"):
            yield wrong(lang, purpose=purpose, signed_in=signed_in)
    yield wrong(lang, may_confirm=True)
    yield landing(lang, account="bob@example.com")
    for refusal in REFUSALS:
        yield error_pages.refusal_page(lang, refusal)
    microsoft: dict[str, Any] = {"provider_label": "Office 365"}
    yield landing(lang, is_shared=True, **microsoft)
    yield completed(lang, Completion(an_outcome(OutcomeKind.DECLINED), may_ask_admin=True, **microsoft))
    yield asked_page(lang, team=Team("https://app.slack.com", "Acme"), **microsoft)
    yield approved_page(lang, address="ann@example.com", **microsoft)
    yield approved_page(lang, address="", **microsoft)
    yield approved_page(lang, address="ann@example.com", is_over=True, **microsoft)
    yield not_approved_page(lang, **microsoft)
    yield error_pages.problem_page(lang, "7F3A-22")
    for page in (
        error_pages.not_found_page,
        error_pages.busy_page,
        error_pages.too_large_page,
        error_pages.wrong_method_page,
        welcome_page,
    ):
        yield page(lang)


FOUND = {"host": "mail.example.com", "port": "1993", "security": "tls", "user": "ann@example.com"}


def form(
    error: errors.InboxkeeperError | None = None,
    *,
    lang: Language = EN,
    left: int | None = None,
    **given: str,
) -> Reader:
    """The form for a mail host that was found, unless ``host`` says otherwise."""
    asked = MailboxForm("ann@example.com", {**FOUND, **given}, "", "/go/s/form", error, left)
    return Reader(mailbox_page(lang, asked, team=Team("https://acme.slack.example", "Acme")))


REFUSED = errors.GrantRejected(cause=Cause.PASSWORD_REFUSED)


@pytest.mark.parametrize(
    ("page", "is_folded"),
    [
        (form(), True),
        (form(host=""), False),
        (form(REFUSED, left=3), True),
        (form(errors.TooManyLogins(timedelta(minutes=3)), left=3), True),
        (form(errors.FormFault("password", "missing"), left=3), True),
        (form(errors.FormFault("port", "not_a_port"), left=3), False),
        (form(errors.FormFault("host", "unknown_host"), left=3), False),
        (form(errors.ProviderUnavailable("certificate"), left=3), False),
        (form(errors.ProviderUnavailable("no_tls"), left=3), False),
    ],
)
def test_what_was_found_is_folded_away_until_it_is_at_fault(page: Reader, is_folded: bool) -> None:
    """Nobody reads host, port and security who need not; they are sent all the same."""
    assert bool(page.all("details")) is is_folded
    assert {field["name"] for field in page.all("input")} == {"host", "port", "user", "password"}
    assert [field["name"] for field in page.all("select")] == ["security"]
    # A browser cannot point at a field that is folded away.
    needed = {field["name"] for field in page.all("input") if "required" in field}
    assert needed == ({"user", "password"} if is_folded else {"host", "port", "user", "password"})


def test_the_form_says_app_password_before_the_first_failure() -> None:
    """Beside the field, for hosts nobody knows as well."""
    page = form()
    assert "Many hosts require an app password here" in page.text
    [password] = [field for field in page.all("input") if field["name"] == "password"]
    assert (password["type"], password["value"], password["aria-describedby"]) == (
        "password",
        "",
        "password-hint",
    )


def test_no_way_of_securing_names_another_port_than_the_one_that_was_found() -> None:
    """993 is what most hosts use, said as a hint and not as a choice."""
    page = form(host="")
    assert "TLS (993)" not in page.text and "STARTTLS (143)" not in page.text
    assert [field["value"] for field in page.all("input") if field["name"] == "port"] == ["1993"]


def test_the_title_says_what_was_wrong_and_the_last_try_leads_to_slack() -> None:
    """A tab in the background is known by its title; without a form there is the way back."""
    assert "Sign in to ann@example.com · Inboxkeeper" in form().text
    assert "Not accepted · Inboxkeeper" in form(REFUSED, left=2).text
    over = form(REFUSED, left=0)
    assert not over.all("form") and over.all("a")[-1]["href"] == "https://acme.slack.example"


@pytest.mark.parametrize("lang", LANGUAGES, ids=[lang.code for lang in LANGUAGES])
def test_the_form_has_one_script_and_it_is_a_file_of_ours(lang: Language) -> None:
    """Every other page has none."""
    assert form(lang=lang).all("script") == [{"src": "/static/reveal.js", "defer": None}]


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        (OutcomeKind.SWITCHED, "ann@example.com now works through Office 365. We just checked it."),
        (OutcomeKind.SWITCHED_STILL_DISABLED, "is signed in at Office 365 now. It stays disabled"),
    ],
)
def test_the_page_after_a_switch_names_the_new_provider(ending: OutcomeKind, said: str) -> None:
    """Whoever chose between two wants to read which it is now."""
    assert said in Reader(completed(EN, Completion(an_outcome(ending), "Office 365"))).text


@pytest.mark.parametrize("lang", LANGUAGES, ids=[lang.code for lang in LANGUAGES])
def test_every_page_is_whole_and_says_its_language(lang: Language) -> None:
    """One heading, a title, a viewport for phones, the language for screen readers."""
    for html in every_page(lang):
        page = Reader(html)
        assert html.startswith("<!doctype html>")
        assert page.all("html") == [{"lang": lang.code}]
        assert len(page.all("h1")) == 1
        assert any(meta.get("name") == "viewport" for meta in page.all("meta"))
        assert page.all("main")


@pytest.mark.parametrize("lang", LANGUAGES, ids=[lang.code for lang in LANGUAGES])
def test_every_page_has_a_title_a_mark_and_a_way_on(lang: Language) -> None:
    """A button or a link, be it to Slack, on each but those for an admin who has never seen our Slack."""
    for html in every_page(lang):
        page = Reader(html)
        assert re.search(r"<title>[^<]+</title>", html)
        assert page.all("svg") == [
            {
                "class": "mark",
                "viewbox": "0 0 64 64",
                "width": "28",
                "height": "28",
                "aria-hidden": "true",
                "focusable": "false",
            }
        ]
        is_for_their_admin = any(
            words in page.text for words in (lang.say("Thank you"), lang.say("Not approved"))
        )
        assert is_for_their_admin or page.all("a") or page.all("form"), page.text


def test_a_link_that_has_expired_can_be_had_anew() -> None:
    """Where it is known whose it is; elsewhere Slack is the way on. A stranger learns no workspace."""
    acme = Team("https://acme.slack.example", "Acme")
    expired = Reader(error_pages.refusal_page(EN, errors.TicketExpired(), team=acme, renew_url="/renew/s"))
    assert expired.all("form") == [{"method": "post", "action": "/renew/s"}]
    assert "Get a new link" in expired.text and "start again" not in expired.text
    assert "Open Slack (Acme)" in expired.text
    assert [heading["class"] for heading in expired.all("h1")] == ["calm"]
    unknown = Reader(error_pages.refusal_page(EN, errors.TicketUnknown()))
    assert [link["href"] for link in unknown.all("a")] == ["https://app.slack.com/client"]
    assert "Open Slack" in unknown.text and not unknown.all("form")


@pytest.mark.parametrize("lang", LANGUAGES, ids=[lang.code for lang in LANGUAGES])
def test_no_page_needs_more_than_the_strict_policy_allows(lang: Language) -> None:
    """No script, no inline style, nothing loaded but our own stylesheet."""
    for html in every_page(lang):
        page = Reader(html)
        assert not {"script", "style", "img", "iframe"} & {tag for tag, _ in page.tags}
        assert [link["href"] for link in page.all("link")] == ["/static/icon.svg", "/static/page.css"]
        assert not any(name.startswith("on") or name == "style" for _, attrs in page.tags for name in attrs)
    assert "url(" not in STYLESHEET.read_text() and "@import" not in STYLESHEET.read_text()


def test_the_landing_page_says_who_asked_for_what() -> None:
    """Address, requester, workspace; one button that posts."""
    page = Reader(landing())
    assert "Ann Lee asked to connect this inbox to the Slack workspace Acme." in page.text
    assert "ann@example.com" in page.text
    assert page.all("form") == [{"method": "post", "action": "/go/secret"}]
    assert page.text.count("Continue to Google") == 1


def test_the_landing_page_says_what_will_be_asked() -> None:
    """Each permission with its reason, as a list; a form of ours asks for none."""
    crm = a_feature()
    page = Reader(landing(scopes=crm.scopes_at("google"), features=(crm,)))
    assert len(page.all("li")) == 1
    assert "Read mail for CRM: to log what customers write" in " ".join(page.text.split())
    assert not Reader(landing(takes_password=True)).all("li")


def test_a_feature_that_was_unticked_is_named_after_a_good_ending() -> None:
    """Connected all the same; what cannot be used, and the way to it."""
    html = completed(EN, Completion(an_outcome(OutcomeKind.CONNECTED), "Gmail", lacking=(a_feature(),)))
    assert "Connected ✓" in html
    assert "CRM cannot use this inbox yet: a permission is missing at Google." in Reader(html).text


def test_the_wrong_account_leaves_every_way_open() -> None:
    """Another account; for groups and forwarding addresses a mailbox that receives their mail; for a super
    admin the word that this one does."""
    page = Reader(wrong(may_confirm=True))
    assert "You signed in as bob@example.com, but wanted to connect ann@example.com." in page.text
    assert "Google groups, Microsoft distribution lists" in page.text
    assert "Does bob@example.com receive the mail of ann@example.com?" in page.text
    assert [form["action"] for form in page.all("form")] == ["/again/secret", "/receives/secret"]
    assert [form["method"] for form in page.all("form")] == ["post", "post"]
    assert "receive the mail of" not in Reader(wrong()).text


def test_reconnecting_takes_the_same_account_and_offers_no_other_way() -> None:
    """Unless the address has another account by now: then it is removed and connected anew."""
    other = Reader(wrong(purpose=Purpose.RECONNECT)).text
    assert "Sign in with the account ann@example.com." in other and "Google groups" not in other
    renamed = Reader(wrong(purpose=Purpose.RECONNECT, signed_in="ann@example.com")).text
    assert "remove the inbox in Slack and connect it again" in renamed


def test_as_whom_to_sign_in_is_said_where_it_is_not_the_address_itself() -> None:
    """Whoever reconnects a group's address needs the account that receives its mail."""
    page = Reader(landing(account="bob@example.com"))
    assert "sign in as bob@example.com" in page.text and "Connect ann@example.com" in page.text


def test_a_refusal_leaves_no_sentence_without_its_end() -> None:
    """Slack shows whom to ask by their ids; a page names the role instead of ending in a colon."""
    html = error_pages.refusal_page(EN, errors.NotAllowed("remove", ("U0ANN",)))
    assert "These people can" not in html
    assert "Ask a super admin." in html


def test_the_way_on_is_a_page_with_a_link() -> None:
    """A redirect would be stopped by ``form-action``."""
    url = "https://accounts.google.com/o/oauth2/v2/auth?client_id=1&state=2"
    page = Reader(onward_page(EN, url=url, provider_label="Gmail"))
    refresh = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "refresh"]
    assert refresh == [f"0;url={url}"]
    assert page.all("a")[0]["href"] == url


@pytest.mark.parametrize("ending", OutcomeKind)
def test_trying_again_is_offered_where_it_can_help(ending: OutcomeKind) -> None:
    """As a form that posts, and only after an ending that allows it."""
    forms = Reader(outcome(ending)).all("form")
    assert bool(forms) == ending.may_try_again
    assert all(form == {"method": "post", "action": "/again/secret"} for form in forms)
    assert not Reader(outcome(ending, again_url="")).all("form")


@pytest.mark.parametrize(
    ("ending", "label"),
    [
        (OutcomeKind.WRONG_MAILBOX, "Sign in with another account"),
        (OutcomeKind.PERMISSION_WITHHELD, "Allow and continue"),
        (OutcomeKind.DECLINED, "Try again"),
    ],
)
def test_the_way_to_try_again_is_named_after_the_mistake(ending: OutcomeKind, label: str) -> None:
    """What is needed stands on the button."""
    assert label in Reader(outcome(ending)).text


def test_a_good_ending_sends_people_back_to_slack() -> None:
    """Big, clear, done."""
    page = Reader(outcome(OutcomeKind.CONNECTED))
    assert "Connected ✓" in page.text
    assert "You can close this page and go back to Slack." in page.text
    assert page.all("a")[0]["href"] == "https://app.slack.com/client/T1"


def test_a_check_that_is_not_finished_looks_again_by_itself() -> None:
    """A second request that was faster than the first shows the result in a moment."""
    page = Reader(outcome(OutcomeKind.PENDING))
    assert [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "refresh"] == ["2"]


def test_a_bug_shows_its_reference_and_nothing_else() -> None:
    """The reference leads whoever runs the bot to the log."""
    assert "7F3A-22" in Reader(error_pages.problem_page(JA, "7F3A-22")).text


@given(st.one_of(st.text(), st.sampled_from(HOSTILE)))
def test_what_people_typed_stays_text(text: str) -> None:
    """No tag, attribute or entity can be smuggled into a page."""
    hostile = Reader(landing(address=text, requester_name=text, workspace_name=text))
    plain = Reader(landing())
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in plain.tags]
    wrong = Reader(outcome(OutcomeKind.WRONG_MAILBOX, signed_in=text))
    assert [tag for tag, _ in wrong.tags] == [
        tag for tag, _ in Reader(outcome(OutcomeKind.WRONG_MAILBOX)).tags
    ]
    landing(address=text).encode()


def test_colours_have_enough_contrast() -> None:
    """Text and buttons reach 4.5 to 1 in light and in dark."""
    css = STYLESHEET.read_text()
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part)) for part in css.split("@media", 2)[:2]
    )
    pairs = [("ink", "card"), ("quiet", "card"), ("link", "card"), ("good", "card"), ("bad", "card")]
    pairs += [("action-ink", "action"), ("action-ink", "action-hover")]
    for colours in (light, {**light, **dark}):
        for front, back in pairs:
            assert contrast(colours[front], colours[back]) >= 4.5, (front, back)


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_refusal_names_no_scope_and_no_class() -> None:
    """People read words."""
    for refusal in (*REFUSALS, errors.Refusal()):
        text = Reader(error_pages.refusal_page(EN, refusal)).text
        assert "googleapis" not in text and type(refusal).__name__ not in text


CLOSED = errors.SignInClosed("Office 365", errors.ProviderUnavailable("timeout"))
OURS = errors.SignInClosed("Office 365", errors.ProviderMisconfigured("invalid_client"))


def refused(refusal: errors.InboxkeeperError, lang: Language = EN) -> Reader:
    return Reader(error_pages.refusal_page(lang, refusal))


def test_a_sign_in_that_cannot_begin_does_not_go_on_by_itself() -> None:
    """Nobody keeps trying for whoever wanted to sign in, and nobody has been told."""
    away, ours = refused(CLOSED).text, refused(OURS).text
    assert "Microsoft does not answer" in away and "Nothing has changed." in away
    assert "Try again from Slack in a few minutes." in away
    assert "Microsoft cannot be connected right now" in ours and "Tell whoever runs Inboxkeeper" in ours
    assert not any("You don't need to do anything" in said for said in (away, ours))


@pytest.mark.parametrize(
    ("refusal", "step"),
    [
        (errors.NotAllowed("cancel", ("U0ANN",)), "Talk to them about it."),
        (errors.NotAllowed("go_on", ("U0ANN",)), "Talk to them about it."),
        (errors.NotAllowed("answer", ("U0ANN",)), "Only the person who got it can answer it."),
        (errors.NotAllowed("reconnect", ("U0ANN",)), "Ask the inbox's owner."),
        (errors.NotAllowed("approve", ("U0ANN",)), "Ask a super admin."),
        (
            errors.RequestClosed(a_request(state=RequestState.APPROVED, answered_by=ANN)),
            "There is nothing left to do.",
        ),
        (
            errors.RequestClosed(a_request(state=RequestState.DECLINED, answered_by=ANN)),
            "Talk to an admin if you still need it.",
        ),
    ],
)
def test_a_page_sends_people_to_somebody_who_can_help(refusal: errors.Refusal, step: str) -> None:
    """A page cannot name people; a super admin is no answer to everything."""
    said = refused(refusal).text
    assert step in said
    assert ("super admin" in said) == ("super admin" in step)


@pytest.mark.parametrize(
    ("html", "tone"),
    [
        (outcome(OutcomeKind.OURS_BROKEN), "calm"),
        (outcome(OutcomeKind.PENDING), "calm"),
        (outcome(OutcomeKind.PROVIDER_AWAY), "bad"),
        (error_pages.busy_page(EN), "calm"),
        (error_pages.refusal_page(EN, OURS), "calm"),
        (error_pages.refusal_page(EN, CLOSED), "bad"),
        *(
            (error_pages.refusal_page(EN, errors.RequestClosed(a_request(state=state))), tone)
            for state, tone in [
                (RequestState.WAITING, "calm"),
                (RequestState.APPROVED, "calm"),
                (RequestState.CANCELLED, "calm"),
                (RequestState.REPLACED, "calm"),
                (RequestState.DECLINED, "bad"),
            ]
        ),
    ],
)
def test_what_is_harmless_looks_harmless(html: str, tone: str) -> None:
    """Red is for what went wrong for the reader."""
    assert [heading["class"] for heading in Reader(html).all("h1")] == [tone]


def test_a_broken_registration_is_named_in_the_title() -> None:
    """That it is nobody's fault does not say what happened; the operator hears of it by themselves."""
    said = Reader(outcome(OutcomeKind.OURS_BROKEN)).text
    assert "Google cannot be connected right now" in said and "has been told" in said


def test_boxes_are_ticked_not_left_ticked() -> None:
    """They are unticked at first; of one box nobody reads as if it were several."""
    one = frozenset({f"{GMAIL}gmail.labels"})
    for scopes, boxes in ((one, "the box"), (one | {f"{GMAIL}gmail.send"}, "all boxes")):
        assert f"sign in as ann@example.com and tick {boxes}." in Reader(landing(scopes=scopes)).text
    withheld = outcome(OutcomeKind.PERMISSION_WITHHELD, missing=one)
    assert "Sign in again and tick it; without that" in Reader(withheld).text


def test_what_the_consent_page_names_besides_is_said_before_it() -> None:
    """Nobody reads there for the first time that their address is asked for."""
    said = Reader(
        landing(scopes=frozenset({f"{GMAIL}gmail.labels"}), sign_in_scopes=frozenset({"openid", "email"}))
    )
    assert said.text.count("See the account's e-mail address") == 1
    assert "See and edit the mailbox's labels" in said.text


def test_another_account_comes_with_its_reason() -> None:
    """Nobody signs in as bob for ann's address without knowing why."""
    why = "ann@example.com is opened via bob@example.com, which receives its mail."
    assert why in Reader(landing(account="bob@example.com")).text
    assert "which receives" not in Reader(landing(account="ann@example.com")).text
    assert "which receives" not in Reader(landing(account="bob@example.com", takes_password=True)).text


def test_every_refusal_of_a_request_says_what_to_do_next() -> None:
    """Also one that was too large, or not filled in right."""
    assert "Go back to Slack and start again." in Reader(error_pages.too_large_page(EN)).text
    assert "Go back and correct it" in refused(errors.FormFault("host", "not_a_host_name")).text


def test_a_switch_says_who_is_about_to_do_it() -> None:
    """And for which workspace, quoted where Japanese quotes names."""
    said = Reader(landing(purpose=Purpose.SWITCH, provider_label="Office 365")).text
    assert "Ann Lee is about to switch this inbox to Office 365" in said
    for purpose in (Purpose.CONNECT, Purpose.RECONNECT, Purpose.SWITCH):
        assert "「Acme」" in Reader(landing(JA, purpose=purpose)).text
    report = ExportLanding("Ann", "Acme", "ja", 3, is_report=True)
    assert (
        "「Acme」の受信トレイの稼働状況" in Reader(export_page(JA, report, action_url="/export/secret")).text
    )
    export = export_page(JA, ExportLanding("Ann", "Acme", "ja", 3), action_url="/export/secret")
    assert "「Acme」" in Reader(export).text


def test_a_page_says_until_when_in_words() -> None:
    """Slack's own dates mean nothing there."""
    said = refused(
        errors.UnknownAddress("support@example.com", (), a_request(a_wish(Operation.CONNECT)))
    ).text
    assert "It is valid until 26 Nov 2026, 14:05 UTC." in said and "<!date" not in said
