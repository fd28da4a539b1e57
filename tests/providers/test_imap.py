"""IMAP against the local mail host: the contract, every refusal, and what never leaves us in plain text."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from html import escape
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import pytest

from bot.domain.channel import Cause
from bot.domain.errors import (
    AdminActionNeeded,
    FormFault,
    GrantRejected,
    InboxkeeperError,
    MailboxGone,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
    SignInElsewhere,
)
from bot.domain.grant import Grant, MailboxIdentity, Revocation, Secret
from providers.base import Form, RefreshedGrant
from providers.detect import Service
from providers.imap.autoconfig import read_config
from providers.imap.errors import EXAMINE_ERRORS, LOGIN_ERRORS, ImapErrors, alert_of
from providers.imap.protocol import ImapAnswer, ImapSession, quoted, read_answer
from providers.imap.provider import traits_of, without_secrets
from sandbox.imap.faults import EXAMINE, LOGIN
from tests.providers.contract import NOW, ProviderContract, a_consent, a_grant, connected
from tests.providers.imap_stage import ALICE, KENJI, ImapStage, Names, an_imap_stage

NEVER_MEANT_HERE: Any = None


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[ImapStage]:
    async with an_imap_stage(tmp_path) as made:
        yield made


class TestImap(ProviderContract):
    """IMAP keeps the contract of every provider, as far as a form and a password have a part in it.

    There is no consent page: no state, verifier, code, Cancel or box to untick, and no permission apart from
    the password; a host names no time to come back. What replaces revoking and probing is tested below.
    """

    test_the_state_must_come_back = NEVER_MEANT_HERE
    test_the_code_opens_only_with_its_verifier = NEVER_MEANT_HERE
    test_a_code_redeemed_twice_is_refused = NEVER_MEANT_HERE
    test_a_callback_without_a_code_is_refused = NEVER_MEANT_HERE
    test_cancel_is_told_apart = NEVER_MEANT_HERE
    test_a_withheld_permission_is_named_and_the_grant_can_be_given_back = NEVER_MEANT_HERE
    test_a_withdrawn_permission_is_met_by_the_probe = NEVER_MEANT_HERE
    test_throttling_says_when_to_come_back = NEVER_MEANT_HERE
    test_a_plain_refusal_has_its_cause = NEVER_MEANT_HERE
    test_revoking_is_confirmed_by_a_refused_refresh = NEVER_MEANT_HERE
    test_a_revocation_still_travelling_is_only_requested = NEVER_MEANT_HERE
    test_a_failing_revocation_is_to_be_retried = NEVER_MEANT_HERE
    test_nobody_at_the_other_end_is_nobodys_fault = NEVER_MEANT_HERE
    test_no_secret_shows = NEVER_MEANT_HERE


async def refusal(stage: ImapStage, grant: Grant) -> ProviderError:
    """What a look at the mailbox meets."""
    with pytest.raises(ProviderError) as refused:
        await stage.provider.probe(grant, await stage.provider.refresh(grant))
    return refused.value


async def test_one_login_shows_both(stage: ImapStage) -> None:
    """The password is accepted and INBOX opens: one login for a whole look, hosts lock out who does more."""
    grant = await connected(stage)
    before = stage.imap.requests["login"]
    evidence = await stage.provider.probe(grant, await stage.provider.refresh(grant))
    assert (evidence.what, evidence.at) == ("imap.examine", NOW)
    assert stage.imap.requests["login"] == before + 1
    strangers = RefreshedGrant(Secret("x"), Secret("x"), frozenset(), None)
    assert await stage.provider.probe(grant, strangers)
    assert stage.imap.requests["examine"] == stage.imap.requests["login"]


# Every line that a host is known to answer with: what it becomes, and its cause if it has one.
LOGIN_ROWS: dict[str, tuple[type[ProviderError], Cause | None]] = {
    "lockout": (GrantRejected, Cause.PASSWORD_REFUSED),
    "app_password": (GrantRejected, Cause.PASSWORD_REFUSED),
    "web_login": (GrantRejected, Cause.SIGN_IN_AGAIN),
    "alert": (ProviderUnavailable, None),
    "echo": (ProviderUnavailable, None),
    "expired": (GrantRejected, Cause.PASSWORD_REFUSED),
    "no_code": (ProviderUnavailable, None),
    "trouble": (ProviderUnavailable, None),
    "too_many": (ProviderUnavailable, None),
    "generic_failure": (ProviderUnavailable, None),
    "invalid": (ProviderUnavailable, None),
    "no_mechanism": (ProviderUnavailable, None),
    "contact_admin": (AdminActionNeeded, Cause.ADMIN_POLICY),
    "not_authorized": (AdminActionNeeded, Cause.ADMIN_POLICY),
    "privacy_required": (ProviderMisconfigured, None),
    "unavailable": (ProviderUnavailable, None),
    "server_bug": (ProviderUnavailable, None),
    "in_use": (ProviderUnavailable, None),
    "limit": (ProviderUnavailable, None),
    "over_quota": (ProviderUnavailable, None),
    "unknown_code": (ProviderUnavailable, None),
    "bad": (ProviderUnavailable, None),
    "not_connected": (MailboxGone, Cause.MAILBOX_MISSING),
}
EXAMINE_ROWS: dict[str, tuple[type[ProviderError], Cause | None]] = {
    "no_inbox": (MailboxGone, Cause.MAILBOX_MISSING),
    "no_permission": (AdminActionNeeded, Cause.ADMIN_POLICY),
    "inbox_unavailable": (ProviderUnavailable, None),
    "inbox_refused": (ProviderUnavailable, None),
    "unsafe_login": (ProviderUnavailable, None),
    "inbox_unknown_code": (ProviderUnavailable, None),
}
CONNECTION_ROWS: dict[str, tuple[type[ProviderError], str]] = {
    "bye": (ProviderUnavailable, "UNAVAILABLE"),
    "slow": (ProviderUnavailable, "timeout"),
    "drops": (ProviderUnavailable, "unreachable"),
    "drops_at_login": (ProviderUnavailable, "hung_up"),
    "huge_lines": (ProviderUnavailable, "oversized_reply"),
    "endless": (ProviderUnavailable, "oversized_reply"),
    "garbage": (ProviderUnavailable, "no_imap_greeting"),
    "preauth": (ProviderUnavailable, "PREAUTH"),
    "bad_certificate": (ProviderUnavailable, "certificate"),
    "expired_certificate": (ProviderUnavailable, "certificate"),
    "literals": (ProviderUnavailable, "oversized_reply"),
    "slow_login": (ProviderUnavailable, "timeout"),
    "silent": (ProviderUnavailable, "timeout"),
    "login_disabled": (AdminActionNeeded, "LOGINDISABLED"),
}


@pytest.mark.parametrize("fault", LOGIN)
async def test_every_answer_to_a_login_has_its_error(stage: ImapStage, fault: str) -> None:
    """Owner, admin, operator or nobody: named by code, and by shape where hosts know no codes."""
    grant = await connected(stage)
    stage.imap.break_down(fault, ALICE)
    error = await refusal(stage, grant)
    assert (type(error), getattr(error, "cause", None)) == LOGIN_ROWS[fault]


@pytest.mark.parametrize("fault", EXAMINE)
async def test_every_answer_of_the_mailbox_has_its_error(stage: ImapStage, fault: str) -> None:
    """The login works, the mailbox does not: refreshing alone sees nothing wrong."""
    grant = await connected(stage)
    stage.imap.break_down(fault, ALICE)
    assert await stage.provider.refresh(grant)
    error = await refusal(stage, grant)
    assert (type(error), getattr(error, "cause", None)) == EXAMINE_ROWS[fault]


@pytest.mark.parametrize("fault", CONNECTION_ROWS)
async def test_a_broken_connection_is_never_the_mailboxs_fault(stage: ImapStage, fault: str) -> None:
    """Silence, hanging up, floods, another protocol, a wrong certificate: nobody is asked to reconnect."""
    grant = await connected(stage)
    stage.imap.break_down(fault)
    error = await refusal(stage, grant)
    assert (type(error), error.code) == CONNECTION_ROWS[fault]


@pytest.mark.parametrize("table", [LOGIN_ERRORS, EXAMINE_ERRORS])
def test_the_tables_hold_no_code_untested(table: dict[str, Any]) -> None:
    """Each row makes the error it says, with its own code, whoever the host is."""
    errors = ImapErrors()
    for code, make in table.items():
        shape = {
            "NO": "NO",
            "BYE": "BYE",
            "APP_PASSWORD": "",
            "NO_MAILBOX": "",
            "MECHANISM": "",
            "CREDENTIALS": "",
        }.get(code)
        if shape is None:
            answer = ImapAnswer("NO", code, "whatever")
            error = errors.of_login(answer) if table is LOGIN_ERRORS else errors.of_examine(answer)
            assert (type(error), error.code) == (type(make(code)), code)
        elif shape:
            error = (
                errors.of_login(ImapAnswer(shape))
                if table is LOGIN_ERRORS
                else errors.of_examine(ImapAnswer(shape))
            )
            assert (type(error), error.code) == (type(make(code)), code)
    named = {line.partition("[")[2].partition("]")[0].partition(" ")[0] for line in LOGIN.values()}
    assert named - {"", "ALERT", "MERCURY-RETROGRADE"} <= set(LOGIN_ERRORS)


async def test_nobody_at_the_other_end_is_nobodys_fault(stage: ImapStage) -> None:
    """No connection: unavailable, whatever was to be done."""
    grant = await connected(stage)
    consent, fields = await stage.visit(a_consent(ALICE))
    with pytest.raises(ProviderUnavailable):
        await stage.unreachable.redeem(consent, fields)
    with pytest.raises(ProviderUnavailable):
        await stage.unreachable.refresh(grant)
    with pytest.raises(ProviderUnavailable):
        await stage.unreachable.revoke(grant)


# --- what travels, and how


async def test_starttls_is_as_good(stage: ImapStage) -> None:
    """The other port leads to the same mailbox, inside TLS as well."""
    consent = a_consent(ALICE)
    got = await stage.provider.redeem(consent, stage.starttls())
    assert await stage.provider.refresh(a_grant(got))


@pytest.mark.parametrize("fault", ["no_starttls", "bad_certificate", "expired_certificate"])
async def test_without_tls_no_password_leaves(stage: ImapStage, fault: str) -> None:
    """An offer that was taken away, or a stranger's certificate: no login, no way back to plain text."""
    stage.imap.break_down(fault)
    with pytest.raises(ProviderUnavailable):
        await stage.provider.redeem(a_consent(ALICE), stage.starttls())
    assert stage.imap.requests["login"] == 0


async def test_words_from_before_tls_are_forgotten(stage: ImapStage) -> None:
    """What somebody slips in behind the answer to STARTTLS is not taken for the server's."""
    stage.imap.break_down("injected")
    got = await stage.provider.redeem(a_consent(ALICE), stage.starttls())
    assert await stage.provider.refresh(a_grant(got))


async def test_what_a_greeting_says_need_not_be_asked(stage: ImapStage) -> None:
    """It names what is offered (RFC 3501, 7.1). Before STARTTLS that is anybody's word."""
    stage.imap.break_down("telling")
    await stage.provider.redeem(a_consent(ALICE), stage.filled_in())
    assert stage.imap.requests["capability"] == 1  # after the login: more may be offered then
    await stage.provider.redeem(a_consent(ALICE), stage.starttls())
    assert stage.imap.requests["capability"] == 1 + 3  # before, inside and after
    assert stage.imap.requests["login"] == 2


async def test_a_tls_port_gets_no_plain_text(stage: ImapStage) -> None:
    """STARTTLS on the port that is private from the start, and the other way round: nothing is sent."""
    crossed = stage.filled_in(port=str(stage.imap.starttls_port))
    for fields in (crossed, stage.filled_in(security="starttls")):
        with pytest.raises(ProviderUnavailable):
            await stage.provider.redeem(a_consent(ALICE), fields)
    assert stage.imap.requests["login"] == 0


async def test_the_certificate_must_be_for_the_host(stage: ImapStage) -> None:
    """A good certificate of another name is no certificate."""
    stage.names.hosts["imap.other.example"] = "127.0.0.1"
    with pytest.raises(ProviderUnavailable) as refused:
        await stage.provider.redeem(a_consent(ALICE), stage.filled_in(host="imap.other.example"))
    assert refused.value.code == "certificate"


@pytest.mark.parametrize(
    "password", ["with space", 'quo"te', "back\\slash", "{5}", "パスワード", "naïve", "*", "a" * 900]
)
async def test_every_password_arrives_as_it_is(stage: ImapStage, password: str) -> None:
    """Blanks, quotes, backslashes and all the world's letters."""
    stage.imap.change_password(ALICE, password)
    assert await connected(stage)


def test_nothing_can_end_the_line() -> None:
    """A name with a line break would be a second command."""
    assert quoted('a"b\\') == '"a\\"b\\\\"'
    for sign in "\r\n\0":
        with pytest.raises(ValueError, match="line"):
            quoted(f"a{sign}b")


# --- the form


@pytest.mark.parametrize(
    ("changes", "name", "code"),
    [
        ({"host": ""}, "host", "not_a_host_name"),
        ({"host": "mail"}, "host", "not_a_full_name"),
        ({"host": "127.0.0.1"}, "host", "not_a_host_name"),
        ({"host": "nowhere.example"}, "host", "unknown_host"),
        ({"port": "25"}, "port", "port_not_allowed"),
        ({"port": "x"}, "port", "port_not_allowed"),
        ({"port": "９９３"}, "port", "port_not_allowed"),
        ({"security": "none"}, "security", "not_a_choice"),
        ({"user": " "}, "user", "missing"),
        ({"password": ""}, "password", "missing"),
        ({"user": "a\r\nb"}, "user", "not_possible"),
        ({"password": "a\nb"}, "password", "not_possible"),
        ({"password": "x" * 1001}, "password", "not_possible"),
    ],
)
async def test_a_field_that_makes_no_sense_is_named(
    stage: ImapStage, changes: dict[str, str], name: str, code: str
) -> None:
    """Before anything is dialled: which field, and why."""
    with pytest.raises(FormFault) as refused:
        await stage.provider.redeem(a_consent(ALICE), stage.filled_in(**changes))
    assert (refused.value.name, refused.value.code) == (name, code)
    assert stage.imap.requests["connect"] == 0


async def test_an_inner_host_is_not_dialled(stage: ImapStage) -> None:
    """The guard stands before the form, too."""
    stage.names.hosts["imap.evil.example"] = "169.254.169.254"
    with pytest.raises(FormFault) as refused:
        await stage.provider.redeem(a_consent(ALICE), stage.filled_in(host="imap.evil.example"))
    assert refused.value.code == "not_a_public_host"


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("imap.gmail.com", "google"),
        ("IMAP.GoogleMail.com.", "google"),
        ("outlook.office365.com", "microsoft"),
        ("imap-mail.outlook.com", "microsoft"),
        ("imap.outlook.com", "microsoft"),
    ],
)
async def test_google_and_microsoft_have_a_sign_in_of_their_own(
    stage: ImapStage, host: str, provider: str
) -> None:
    """No password is taken for them; the refusal says whose sign-in to use."""
    with pytest.raises(SignInElsewhere) as refused:
        await stage.provider.redeem(a_consent(ALICE), stage.filled_in(host=host))
    assert (refused.value.provider, refused.value.address) == (provider, ALICE)
    assert stage.imap.requests["connect"] == 0


@pytest.mark.parametrize("address", ["a@gmail.com", "a@outlook.com", "a@hotmail.com", "a@live.com"])
async def test_nobody_is_shown_a_form_for_them(stage: ImapStage, address: str) -> None:
    """The address alone says it."""
    with pytest.raises(SignInElsewhere):
        await stage.provider.begin(a_consent(address))


async def test_an_unknown_domain_gets_an_empty_form(stage: ImapStage) -> None:
    """With what is most often right, and nothing made up."""
    form = await stage.provider.begin(a_consent("a@unheard-of.example"))
    assert form == Form({"user": "a@unheard-of.example", "port": "993", "security": "tls"})


# --- whose mailbox


async def test_a_login_name_that_is_an_address_speaks_for_itself(stage: ImapStage) -> None:
    """Somebody else's login does not connect this address; a name without @ is the person's word."""
    consent = a_consent(ALICE)
    got = await stage.provider.redeem(consent, stage.filled_in(KENJI))
    assert got.addresses == {KENJI}
    stage.imap.add("alice", "secret")
    got = await stage.provider.redeem(consent, stage.filled_in("alice"))
    assert got.addresses == {ALICE}


async def test_a_mailbox_is_its_host_and_login(stage: ImapStage) -> None:
    """However the name is written; another port of ours is another server, STARTTLS for TLS is not."""
    consent = a_consent(ALICE)
    got = await stage.provider.redeem(
        consent, stage.filled_in(host="IMAP.Harbor.Example.", user=ALICE.upper())
    )
    port = stage.imap.tls_port
    assert got.identity == MailboxIdentity("imap", f"{ALICE}@imap.harbor.example:{port}")
    assert got.identity.tenant == "imap.harbor.example"


# --- both sides


async def test_only_the_person_can_end_a_password(stage: ImapStage) -> None:
    """As long as it works it is said to; refused for another reason it is not called gone."""
    grant = await connected(stage)
    assert await stage.provider.revoke(grant) is Revocation.BY_HAND
    for fault in ("contact_admin", "not_connected"):
        stage.imap.break_down(fault, ALICE)
        assert await stage.provider.revoke(grant) is Revocation.BY_HAND
        stage.imap.mend()
    before = stage.imap.requests["login"]
    stage.imap.change_password(ALICE)
    assert await stage.provider.revoke(grant) is Revocation.CONFIRMED
    assert stage.imap.requests["login"] == before + 1


async def test_an_erased_password_asks_nobody(stage: ImapStage) -> None:
    """Without it nothing can be asked, and nothing is."""
    grant = replace(await connected(stage), secret=None)
    asked = stage.imap.requests["connect"]
    assert await stage.provider.revoke(grant) is Revocation.NOT_CONFIRMED
    with pytest.raises(GrantRejected):
        await stage.provider.refresh(grant)
    assert stage.imap.requests["connect"] == asked


def test_hosts_are_asked_rarely() -> None:
    """Never under 15 min, a second witness after 10, one login a day once disconnected, two looks in all."""
    traits = traits_of()
    minutes = [
        span.total_seconds() / 60
        for span in (traits.least_interval, traits.witness_after or traits.least_interval)
    ]
    assert minutes == [15, 10]
    assert traits.after_disconnect is not None
    assert traits.after_disconnect.days == 1
    assert (traits.revokes, traits.looks_after, traits.most_looks) == (False, (), 2)
    assert (traits.refused_logins, traits.refused_within.total_seconds()) == (5, 3600)


# --- what is shown


async def test_a_hosts_alert_is_handed_on(stage: ImapStage) -> None:
    """RFC 3501 wants people to read it."""
    grant = await connected(stage)
    stage.imap.break_down("alert", ALICE)
    error = await refusal(stage, grant)
    assert error.said == "Please accept the new terms at https://harbor.example/terms"


async def test_an_alert_with_the_password_in_it_is_not(stage: ImapStage) -> None:
    """A host that repeats what it was told is not repeated."""
    grant = await connected(stage)
    stage.imap.break_down("echo", ALICE)
    assert (await refusal(stage, grant)).said == ""


@pytest.mark.parametrize("password", ["correct horse battery", "p4ss&w<rd/1", "öffne-dich"])
@pytest.mark.parametrize("before", [0, 150, 186, 192])
def test_no_part_of_a_repeated_password_is_shown(password: str, before: int) -> None:
    """Nor where the words were cut within it, nor in another spelling."""
    for spelt in (password, quoted(password), quote(password, safe=""), escape(password)):
        error = ImapErrors().of_login(
            ImapAnswer("NO", "ALERT", "x" * before + f" {spelt} is not yours" + "." * 99)
        )
        kept = without_secrets(error, ALICE, Secret(password))
        assert kept.said == "", spelt


def test_words_that_only_end_like_a_password_begins_are_shown() -> None:
    """Nothing was cut."""
    error = ImapErrors().of_login(ImapAnswer("NO", "ALERT", "This is not correct"))
    assert without_secrets(error, ALICE, Secret("correct horse")).said == "This is not correct"


def test_an_alert_is_short_and_inert() -> None:
    """No line breaks, no hidden signs, no flood; a plain refusal's text is nobody's business."""
    said = alert_of(ImapAnswer("NO", "ALERT", "a\tb\u202ec\x07 " + "x" * 500))
    assert said.startswith("a b c x")
    assert len(said) == 200
    assert alert_of(ImapAnswer("NO", "AUTHENTICATIONFAILED", "secret")) == ""
    assert alert_of(ImapAnswer("NO", "", "", ("OK [ALERT] Read me",))) == "Read me"


async def test_no_secret_shows(stage: ImapStage, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong: no exception, log line or repr holds the password."""
    caplog.set_level(logging.DEBUG)
    consent, fields = await stage.visit(a_consent(ALICE))
    got = await stage.provider.redeem(consent, fields)
    fresh = await stage.provider.refresh(a_grant(got))
    seen = [repr(it) for it in (got, a_grant(got), fresh, vars(stage.provider), vars(fresh_wire(stage)))]
    passwords = [fields["password"]]
    for fault in [*LOGIN, *EXAMINE, *CONNECTION_ROWS]:
        grant = await connected(stage)
        stage.imap.break_down(fault)
        try:
            await stage.provider.probe(grant, await stage.provider.refresh(grant))
        except InboxkeeperError as error:
            seen += [
                repr(error),
                str(error),
                repr(error.args),
                repr(error.__context__),
                repr(error.__cause__),
            ]
        stage.imap.mend()
    seen.append(caplog.text)
    assert not [shown for shown in seen for password in passwords if password in shown]


def fresh_wire(stage: ImapStage) -> Any:
    return vars(stage.provider)["_wire"]


# --- a host's own ways


async def looked(stage: ImapStage, grant: Grant) -> str:
    """What a look at the mailbox saw."""
    return (await stage.provider.probe(grant, await stage.provider.refresh(grant))).what


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("AUTHENTICATIONFAILED", "Application password is REQUIRED"),
        ("", "Application password is REQUIRED"),
        ("ALERT", "Application-specific password required"),
        ("", "LOGIN Please using authorized code to login"),
        ("AUTHENTICATIONFAILED", "Use an app password"),
    ],
)
def test_a_host_that_wants_an_app_password_is_understood(code: str, text: str) -> None:
    """Whatever it calls it, and with which code: the usual password will never do."""
    error = ImapErrors().of_login(ImapAnswer("NO", code, text))
    assert isinstance(error, GrantRejected)
    assert (error.code, error.cause) == ("APP_PASSWORD", Cause.PASSWORD_REFUSED)


@pytest.mark.parametrize(
    "line", ["trouble", "too_many", "generic_failure", "invalid", "no_code", "unknown_code", "alert"]
)
async def test_a_no_without_a_reason_is_weak_evidence(stage: ImapStage, line: str) -> None:
    """Its own trouble or the password: nobody has to act yet; its words are kept, and it is counted."""
    grant = await connected(stage)
    stage.imap.break_down(line, ALICE)
    error = await refusal(stage, grant)
    assert isinstance(error, ProviderUnavailable)
    assert (error.doubt, error.is_counted) == (Cause.LOGIN_UNCLEAR, True)
    assert error.said and error.said in LOGIN[line]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Invalid credentials (Failure)", "CREDENTIALS"),
        ("Incorrect password or account name", "CREDENTIALS"),
        ("LOGIN Error: password is wrong", "CREDENTIALS"),
        ("bad username or password", "CREDENTIALS"),
        ("LOGIN failed.", "NO"),
        ("Login failed: generic failure", "NO"),
        ("Authentication server is not available", "NO"),
        ("Password server unreachable", "NO"),
        ("Authentication failed.", "NO"),
        # A word of the password among others: nobody knows which of them it was.
        (
            "Login fail. Account is abnormal, service is not open, password is incorrect, login frequency "
            "limited, or system is busy.",
            "NO",
        ),
        ("Too many wrong password attempts, try again later", "NO"),
        ("Incorrect password or IMAP is disabled", "NO"),
        ("Your address is blocked: bad password repeated", "NO"),
    ],
)
def test_only_plain_words_speak_of_the_password(text: str, code: str) -> None:
    """For whoever has just typed one; what is concluded from it is the same."""
    error = ImapErrors().of_login(ImapAnswer("NO", "", text))
    assert isinstance(error, ProviderUnavailable)
    assert (error.code, error.doubt, error.said) == (code, Cause.LOGIN_UNCLEAR, text)


@pytest.mark.parametrize("code", ["X-GM/2.1_B", "NETEASE.LIMIT", "E042", "A-B"])
def test_a_code_is_any_atom(code: str) -> None:
    """Slashes, dots, underscores and digits occur."""
    assert answer_of(f"NO [{code} 17] Not now.") == (code, "Not now.")


def answer_of(line: str) -> tuple[str, str]:
    answer = read_answer(line, [])
    return answer.code, answer.text


@pytest.mark.parametrize("fault", ["sasl_login", "only_sasl_login"])
@pytest.mark.parametrize("password", ["plain", "パスワード"])
async def test_the_way_in_is_the_one_that_is_offered(stage: ImapStage, fault: str, password: str) -> None:
    """SASL LOGIN alone, said or only found out: a way that the host does not know is no wrong password."""
    stage.imap.change_password(ALICE, password)
    stage.imap.break_down(fault)
    assert await looked(stage, await connected(stage)) == "imap.examine"
    stage.imap.change_password(ALICE, "changed")
    with pytest.raises(GrantRejected):
        await stage.provider.redeem(a_consent(ALICE), stage.filled_in(password=password))


async def test_no_way_that_we_know_is_no_wrong_password(stage: ImapStage) -> None:
    """Nobody is asked to check theirs."""
    stage.imap.break_down("no_mechanism")
    with pytest.raises(ProviderUnavailable) as refused:
        await stage.provider.redeem(a_consent(ALICE), stage.filled_in())
    assert (refused.value.code, refused.value.doubt, refused.value.is_counted) == (
        "MECHANISM",
        Cause.NONE,
        False,
    )


async def test_we_say_who_we_are_where_that_is_offered(stage: ImapStage) -> None:
    """Some hosts open no mailbox to strangers; the others are not bothered."""
    assert await looked(stage, await connected(stage)) == "imap.examine"
    assert not stage.imap.requests["id"]
    stage.imap.break_down("wants_id")
    assert await looked(stage, await connected(stage)) == "imap.examine"
    assert stage.imap.requests["id"]


@pytest.mark.parametrize("fault", ["inbox_refused", "unsafe_login", "inbox_unavailable"])
async def test_a_closed_inbox_is_no_silence(stage: ImapStage, fault: str) -> None:
    """The password was accepted: no refused login, and what the host said is kept."""
    grant = await connected(stage)
    stage.imap.break_down(fault, ALICE)
    error = await refusal(stage, grant)
    assert isinstance(error, ProviderUnavailable)
    assert (error.doubt, error.is_counted) == (Cause.INBOX_CLOSED, False)
    assert error.said in EXAMINE[fault]
    assert error.said


async def test_what_was_said_before_the_silence_is_kept(stage: ImapStage) -> None:
    """The answer never comes; what the host said instead is more than a time-out."""
    grant = await connected(stage)
    stage.imap.break_down("silent")
    with pytest.raises(ProviderUnavailable) as refused:
        await stage.provider.refresh(grant)
    assert refused.value.said.endswith("Please enable IMAP in the settings of your mail.")
    assert not refused.value.is_counted


class Speaker:
    """The writing end of a session that is only listened to."""

    def __init__(self, *lines: str) -> None:
        self.reader = asyncio.StreamReader()
        self.reader.feed_data("".join(f"{line}\r\n" for line in lines).encode())
        self.reader.feed_eof()

    async def greets(self, *, is_private: bool = True) -> ProviderUnavailable:
        with pytest.raises(ProviderUnavailable) as away:
            await ImapSession(self.reader, cast(Any, None)).greeted(is_private=is_private)
        return away.value


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (
            "* BYE [ALERT] Too many connections from your address",
            "BYE",
            "Too many connections from your address",
        ),
        (
            "* BYE Temporary problem, please try again later",
            "BYE",
            "Temporary problem, please try again later",
        ),
        ("* BYE [LIMIT] Rate limit hit", "LIMIT", "Rate limit hit"),
        ("* BYE [X-BUSY/1] Not now", "BYE", "Not now"),
        ("* NO [ALERT] Server is full", "NO", "Server is full"),
        ("* bye [unavailable] Later", "UNAVAILABLE", "Later"),
        ("* PREAUTH Welcome", "PREAUTH", "Welcome"),
        ("HTTP/1.1 400 Bad Request", "no_imap_greeting", ""),
        ("+OK POP3 ready", "no_imap_greeting", ""),
        ("220 mail.example ESMTP", "no_imap_greeting", ""),
        ("* 5 EXISTS", "no_imap_greeting", ""),
    ],
)
async def test_a_host_that_lets_nobody_in_says_why(line: str, code: str, said: str) -> None:
    """Whatever its code, it is a mail host; only other protocols are none."""
    away = await Speaker(line).greets()
    assert (away.code, away.said) == (code, said)


async def test_words_that_anybody_can_have_said_are_not_shown() -> None:
    """Before STARTTLS they may come from whoever stands between."""
    away = await Speaker("* BYE [ALERT] Send your password elsewhere").greets(is_private=False)
    assert (away.code, away.said) == ("BYE", "")


async def test_a_goodbye_before_the_answer_is_not_the_answer(stage: ImapStage) -> None:
    """The tagged line still says what it was."""
    grant = await connected(stage)
    stage.imap.break_down("bye_first")
    stage.imap.change_password(ALICE)
    assert isinstance(await refusal(stage, grant), GrantRejected)


@pytest.mark.parametrize("fault", ["slow_login", "drops_at_login"])
async def test_a_login_without_an_answer_counts_as_refused(stage: ImapStage, fault: str) -> None:
    """The password has been sent: the host may well have counted it."""
    grant = await connected(stage)
    stage.imap.break_down(fault)
    error = await refusal(stage, grant)
    assert isinstance(error, ProviderUnavailable)
    assert error.is_counted


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ("proxied", "hung_up", "internal server error"),
        ("proxied_politely", "BYE", "internal server error Closing"),
    ],
)
async def test_a_refusal_that_a_proxy_made_a_hang_up_of_is_in_doubt(
    stage: ImapStage, fault: str, code: str, said: str
) -> None:
    """The password was changed, or what is behind the proxy is down: both sound like this, with a goodbye or
    without one."""
    grant = await connected(stage)
    stage.imap.break_down(fault)
    assert await looked(stage, grant) == "imap.examine"
    stage.imap.change_password(ALICE)
    error = await refusal(stage, grant)
    assert isinstance(error, ProviderUnavailable)
    assert (error.code, error.doubt, error.said) == (code, Cause.LOGIN_UNCLEAR, said)
    assert error.is_counted


@pytest.mark.parametrize(
    ("lines", "is_in_doubt"),
    [
        (["* BAD Internal error", "* BYE Closing"], True),
        (["* BAD Internal error"], True),
        (["* BYE Too many connections"], False),
        (["* OK Still here", "* BYE Closing"], False),
    ],
)
async def test_a_goodbye_alone_puts_no_password_in_doubt(lines: list[str], is_in_doubt: bool) -> None:
    """What stood before it does."""
    session = ImapSession(Speaker(*lines).reader, cast(Any, Written()))
    session.is_login_open = True
    with suppress(EOFError):
        await session.command("LOGIN a b")
    assert session.was_turned_away is is_in_doubt


class Written:
    """What is said to nobody."""

    def write(self, _: bytes) -> None: ...


async def test_a_mailbox_may_have_many_keywords(stage: ImapStage) -> None:
    """A line of 16 KB that nobody asked for is passed over."""
    stage.imap.break_down("keywords")
    assert await looked(stage, await connected(stage)) == "imap.examine"


@pytest.mark.parametrize(
    "dead", ["127.9.9.9", "127.9.9.9 127.9.9.8", "2001:db8::1", "2001:db8::1 2001:db8::2"]
)
@pytest.mark.parametrize("is_first", [True, False])
async def test_a_dead_address_is_passed_over(stage: ImapStage, dead: str, is_first: bool) -> None:
    """Refused or without a route: the host's other address is dialled."""
    names = Names({stage.imap.name: f"{dead} 127.0.0.1" if is_first else f"127.0.0.1 {dead}"})
    provider = stage.at(names, ip_network("2001:db8::/32"))
    assert await provider.redeem(a_consent(ALICE), stage.filled_in())


@pytest.mark.parametrize("greeting", [b"* BYE [UNAVAILABLE] Away.\r\n", b"HTTP/1.1 400 No\r\n", b"", None])
async def test_whatever_is_wrong_with_the_first_address_the_second_is_tried(
    stage: ImapStage, greeting: bytes | None
) -> None:
    """Goodbyes, another protocol, hanging up, silence: of STARTTLS ports, where anybody can say anything."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if greeting is not None:
            writer.write(greeting)
            writer.close()
        else:
            await reader.read()
            writer.close()

    server = await asyncio.start_server(serve, "127.8.8.8", stage.imap.starttls_port)
    async with server:
        provider = stage.at(Names({stage.imap.name: "127.8.8.8 127.0.0.1"}))
        assert await provider.redeem(a_consent(ALICE), stage.starttls())


async def test_every_address_is_judged_before_the_first_is_dialled(stage: ImapStage) -> None:
    """One inner address among them, and none is tried."""
    provider = stage.at(Names({stage.imap.name: "127.0.0.1 10.0.0.1"}))
    with pytest.raises(FormFault):
        await provider.redeem(a_consent(ALICE), stage.filled_in())
    assert not stage.imap.requests["connect"]


@pytest.mark.parametrize("fields", ["port", "security"])
async def test_what_speaks_no_tls_has_no_bad_certificate(stage: ImapStage, fields: str) -> None:
    """Nothing was shown that could be judged."""
    crossed = {"port": {"port": str(stage.imap.starttls_port)}, "security": {"security": "starttls"}}
    with pytest.raises(ProviderUnavailable) as refused:
        await stage.provider.redeem(a_consent(ALICE), stage.filled_in(**crossed[fields]))
    assert refused.value.code == ("no_tls" if fields == "port" else "timeout")


# --- as it was pasted


async def test_what_is_no_text_is_hung_up_on(stage: ImapStage) -> None:
    """As begins whoever speaks TLS where plain text comes first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.imap.starttls_port)
    writer.write(b"\x16\x03\x01\xfc\n")
    assert (await reader.read()).startswith(b"* OK")
    writer.close()


@pytest.mark.parametrize(
    "typed",
    ["{host}:{port}", "imaps://{host}:{port}", "IMAPS://{host}:{port}/INBOX", " \u200b{host}\u2060 :{port}"],
)
async def test_a_host_may_be_pasted_as_it_stands_elsewhere(stage: ImapStage, typed: str) -> None:
    """With its port, as a URL, with signs that nobody sees: what it says of the port is believed."""
    host = typed.replace(" :", ":").format(host=stage.imap.name, port=stage.imap.tls_port)
    assert await stage.provider.redeem(a_consent(ALICE), stage.filled_in(host=host, port="993"))


@pytest.mark.parametrize("typed", ["alice@imap.harbor.example", "imap.harbor.example:x", "ftp://a.example"])
async def test_what_is_no_host_is_still_none(stage: ImapStage, typed: str) -> None:
    """An address, a port that is none, another protocol."""
    with pytest.raises(FormFault) as refused:
        await stage.provider.redeem(a_consent(ALICE), stage.filled_in(host=typed))
    assert refused.value.name == "host"


# --- what a domain says of itself


ENTRY = """<incomingServer type="imap"><hostname>{host}</hostname><port>993</port>
<socketType>SSL</socketType><authentication>{way}</authentication><username>%EMAILADDRESS%</username>
</incomingServer>"""


def suggested(*entries: tuple[str, str]) -> str | None:
    listed = "".join(ENTRY.format(host=host, way=way) for host, way in entries)
    found = read_config(
        f"<clientConfig><emailProvider>{listed}</emailProvider></clientConfig>".encode(), ALICE
    )
    return found.at.host if found else None


def test_an_entry_that_takes_a_password_is_preferred() -> None:
    """One for encrypted passwords only is the last choice, and still one."""
    encrypted, plain = ("a.example.com", "password-encrypted"), ("b.example.com", "password-cleartext")
    assert suggested(encrypted, plain) == "b.example.com"
    assert suggested(("c.example.com", "OAuth2"), encrypted, plain) == "b.example.com"
    assert suggested(encrypted) == "a.example.com"


@pytest.mark.parametrize("target", ["", "."])
async def test_a_domain_without_imap_is_not_guessed_about(stage: ImapStage, target: str) -> None:
    """RFC 6186: the target ``.`` says that there is none, though a host of the usual name exists."""
    stage.names.hosts["imap.none.example"] = "127.0.0.1"
    consent = a_consent("a@none.example")
    form = await stage.provider.begin(consent)
    assert isinstance(form, Form)
    assert form.given["host"] == "imap.none.example"
    stage.names.srvs["_imaps._tcp.none.example"] = (Service(target, 0),)
    form = await stage.provider.begin(consent)
    assert isinstance(form, Form)
    assert "host" not in form.given
