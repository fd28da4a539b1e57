"""Microsoft against the local one: the contract, every refusal it is known to give, and shared mailboxes."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from bot.domain.channel import Cause
from bot.domain.errors import (
    AdminActionNeeded,
    ConsentDeclined,
    ConsentFailed,
    GrantRejected,
    MailboxGone,
    PermissionMissing,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
    UseNotGranted,
)
from bot.domain.grant import CONSUMERS, Grant, MailboxIdentity, Revocation, Secret
from providers.base import Redirect
from providers.microsoft.errors import AADSTS, ERRORS, GRAPH_ERRORS, SUBERRORS, THROTTLES
from providers.settings import Mode
from tests.providers.contract import ProviderContract, Trouble, a_consent
from tests.providers.microsoft_stage import (
    ALICE,
    HELP,
    KENJI,
    OMAR,
    OUTLOOK,
    MicrosoftStage,
    a_microsoft_stage,
)

NEVER_MEANT_HERE: Any = None


@pytest.fixture
async def stage() -> AsyncIterator[MicrosoftStage]:
    async with a_microsoft_stage() as made:
        yield made


class TestMicrosoft(ProviderContract):
    """Microsoft keeps the contract of every provider, as far as it lets an app.

    Consent is all or nothing: there is no box to untick, and a permission cannot go while the grant stays. No
    app can revoke: what replaces those tests stands below.
    """

    test_a_withheld_permission_is_named_and_the_grant_can_be_given_back = NEVER_MEANT_HERE
    test_a_withdrawn_permission_is_met_by_the_probe = NEVER_MEANT_HERE
    test_revoking_is_confirmed_by_a_refused_refresh = NEVER_MEANT_HERE
    test_a_revocation_still_travelling_is_only_requested = NEVER_MEANT_HERE
    test_a_failing_revocation_is_to_be_retried = NEVER_MEANT_HERE


async def refusal(stage: MicrosoftStage, grant: Grant) -> ProviderError:
    """What a look at the mailbox meets."""
    with pytest.raises(ProviderError) as refused:
        await stage.provider.probe(grant, await stage.provider.refresh(grant))
    return refused.value


# --- signing in


async def test_people_choose_the_account_and_are_never_asked_twice(stage: MicrosoftStage) -> None:
    """``select_account``, never ``consent``: that asks for an approval which an admin has given already."""
    consent, _ = await stage.visit(a_consent(ALICE))
    [wish] = stage.microsoft.wishes
    assert (wish["prompt"], wish["response_mode"], wish["login_hint"]) == ("select_account", "query", ALICE)
    assert wish["state"] == consent.state.reveal()
    assert wish["code_challenge_method"] == "S256"
    assert set(wish["scope"].split()) == {
        "openid",
        "profile",
        "offline_access",
        "User.Read",
        "Mail.ReadBasic",
    }


async def test_the_identity_is_the_account_in_its_tenant(stage: MicrosoftStage) -> None:
    """Object id and tenant, whatever the address is called by now."""
    before = await stage.connected()
    stage.microsoft.directory.rename(ALICE, "alice.archer@acme.example")
    after = await stage.connected("alice.archer@acme.example")
    assert before.identity == after.identity
    assert before.identity.tenant
    assert before.identity.subject.endswith(f".{before.identity.tenant}")


async def test_a_personal_account_is_outlooks(stage: MicrosoftStage) -> None:
    """People know it as Outlook.com; its manual steps are others."""
    grant = await stage.connected(OUTLOOK)
    assert grant.identity.tenant == CONSUMERS
    assert grant.identity.family == "outlook"
    assert (await stage.provider.probe(grant, await stage.provider.refresh(grant))).what == "graph.inbox"


async def test_every_address_that_the_directory_knows_counts(stage: MicrosoftStage) -> None:
    """Its mail, sign-in name, proxy and other addresses."""
    stage.microsoft.directory.add_alias(ALICE, "sales-eu@acme.example")
    consent, callback = await stage.visit(a_consent(ALICE))
    got = await stage.provider.redeem(consent, callback)
    assert {ALICE, "sales-eu@acme.example"} <= got.addresses
    assert got.address == ALICE


async def test_the_nonce_must_be_the_one_that_was_sent(stage: MicrosoftStage) -> None:
    """An id token made for another sign-in proves nothing."""
    consent, callback = await stage.visit(a_consent(ALICE))
    assert consent.memo is not None
    forged = {**json.loads(consent.memo.reveal()), "nonce": "another"}
    with pytest.raises(ConsentFailed) as refused:
        await stage.provider.redeem(replace(consent, memo=Secret(json.dumps(forged))), callback)
    assert refused.value.code == "identity_not_proven"


async def test_without_what_begin_kept_nothing_opens(stage: MicrosoftStage) -> None:
    """A callback for a sign-in that was never begun."""
    consent, callback = await stage.visit(a_consent(ALICE))
    with pytest.raises(ConsentFailed):
        await stage.provider.redeem(replace(consent, memo=None), callback)


async def test_a_challenge_is_handed_on_to_the_next_sign_in(stage: MicrosoftStage) -> None:
    """What Microsoft wants to be told stands in the request."""
    claims = json.dumps({"access_token": {"acrs": {"essential": True, "value": "c1"}}})
    await stage.visit(replace(a_consent(ALICE), claims=claims))
    assert json.loads(stage.microsoft.wishes[-1]["claims"]) == json.loads(claims)


async def test_the_discovery_is_asked_once(stage: MicrosoftStage) -> None:
    """One application for all sign-ins; it remembers nobody."""
    for _ in range(3):
        await stage.connected()
    assert stage.microsoft.requests["discovery"] == 1


async def test_many_may_sign_in_at_once(stage: MicrosoftStage) -> None:
    """Threads are used and freed; nobody gets anybody else's grant."""
    people = [ALICE, KENJI, OMAR, OUTLOOK] * 3
    grants = await asyncio.gather(*(stage.connected(one) for one in people))
    assert [grant.address for grant in grants] == people


async def test_an_absent_discovery_is_tried_again(stage: MicrosoftStage) -> None:
    """Microsoft is away once: the next sign-in works."""
    stage.microsoft.break_down("discovery_away", times=1)
    with pytest.raises(ProviderUnavailable):
        await stage.provider.begin(a_consent(ALICE))
    assert isinstance(
        await stage.provider.begin(replace(a_consent(ALICE), scopes=frozenset({"User.Read"}))), Redirect
    )


async def test_a_tenant_that_does_not_exist_is_the_operators(stage: MicrosoftStage) -> None:
    """A mistyped setting is nobody's mailbox."""
    with pytest.raises(ProviderMisconfigured) as refused:
        await stage.make(tenant="nobody.example").begin(a_consent(ALICE))
    assert refused.value.code == "AADSTS90002"


# --- an organisation's admin


async def test_a_sign_in_that_needs_an_admin_says_so(stage: MicrosoftStage) -> None:
    """Where the person could ask for it on Microsoft's page, the number comes back."""
    stage.microsoft.levers.decide("acme.example", users_may_consent=False, takes_requests=True)
    step = await stage.provider.begin(replace(a_consent(ALICE), scopes=stage.provider.needed_scopes))
    assert isinstance(step, Redirect)
    redirect = stage.microsoft.consent(step.url, ALICE, reason="We need it")
    callback = dict(parse_qsl(urlsplit(redirect).query))
    consent = replace(a_consent(ALICE), state=Secret(callback["state"]), memo=step.memo)
    with pytest.raises(AdminActionNeeded) as refused:
        await stage.provider.redeem(consent, callback)
    assert refused.value.cause is Cause.ADMIN_CONSENT


async def test_the_admins_link_is_what_microsoft_takes(stage: MicrosoftStage) -> None:
    """The link leads to a page that an admin can accept; afterwards people can consent."""
    stage.microsoft.levers.decide("acme.example", users_may_consent=False)
    uri = a_consent(ALICE).redirect_uri
    url = stage.provider.approval_url(
        stage.provider.needed_scopes, redirect_uri=uri, tenant="", state="the-state"
    )
    answer = parse_qs(urlsplit(stage.microsoft.consent(url, OMAR)).query)
    assert (answer["admin_consent"], answer["state"]) == (["True"], ["the-state"])
    assert await stage.connected()
    assert "/common/" not in url


async def test_an_approval_taken_back_ends_the_grant(stage: MicrosoftStage) -> None:
    """The refresh is refused: whoever reconnects is told at Microsoft what is missing."""
    grant = await stage.connected()
    stage.microsoft.break_down("approval_withdrawn", tenant="acme.example")
    error = await refusal(stage, grant)
    assert isinstance(error, GrantRejected)
    assert error.code == "AADSTS65001"


# --- what it may say


AAD_ROWS: list[tuple[int, str, type[ProviderError], Cause | None]] = [
    *((n, "invalid_grant", GrantRejected, Cause.GRANT_REFUSED)
      for n in (50173, 700082, 70008, 70000, 65001, 50089, 50132, 50133, 50085, 50197, 54005, 9002341,
                65004)),
    *((n, "interaction_required", GrantRejected, Cause.SIGN_IN_AGAIN)
      for n in (50076, 50074, 50072, 50079, 50078, 50158, 50125, 700020, 16000, 50055, 50144, 70043,
                70044, 50058)),
    *((n, "invalid_grant", GrantRejected, Cause.ACCOUNT_DISABLED)
      for n in (50057, 500571, 50034, 500341, 51004, 50014, 50020, 90072)),
    *((n, "invalid_grant", AdminActionNeeded, Cause.ADMIN_POLICY)
      for n in (53003, 530032, 53000, 53001, 53002, 50005, 50097, 50129, 50155, 53011, 53004, 53010, 530035,
                50131, 50105, 500011, 90002, 500021, 500022, 500212, 500213, 50002, 70001, 700016, 7000112,
                1000031, 53005, 53008, 53009, 53012, 53035, 530003, 530021, 530031, 530033, 530034, 530036,
                500014, 135011)),
    *((n, "invalid_request", AdminActionNeeded, Cause.ADMIN_POLICY) for n in (5000224, 5000225)),
    *((n, "invalid_grant", AdminActionNeeded, Cause.ADMIN_CONSENT)
      for n in (90094, 90095, 90093, 90099, 650052, 650056)),
    *((n, "invalid_client", ProviderMisconfigured, None)
      for n in (7000215, 70002, 7000222, 7000218, 700021, 700023, 700024, 700027, 700025, 700084,
                50011, 50194, 501481, 70011, 28002,
                28003, 90014, 900144, 9002313, 9002332, 500208, 90130, 650057, 65005, 90009)),
    *((n, "invalid_grant", ProviderUnavailable, None)
      for n in (50000, 50033, 50087, 50088, 50166, 40010, 90006, 90012, 90024, 90033, 90090, 90091, 70012,
                80002, 80005, 80007, 80014, 50053, 50196, 90055)),
    *((n, "invalid_grant", UseNotGranted, None) for n in (28000, 65006)),
]  # fmt: skip
"""Every number of Microsoft's reference that a refresh or a sign-in may meet, whatever ``error`` it comes
with."""


def test_the_table_holds_no_number_untested() -> None:
    """Neither more nor fewer than those above."""
    numbers = [row[0] for row in AAD_ROWS]
    assert len(numbers) == len(set(numbers))
    assert set(AADSTS) == set(numbers)
    assert set(numbers) > THROTTLES


@pytest.mark.parametrize(("number", "error", "kind", "cause"), AAD_ROWS, ids=lambda it: str(it)[:24])
async def test_every_number_has_its_error(
    stage: MicrosoftStage, number: int, error: str, kind: type[ProviderError], cause: Cause | None
) -> None:
    """Whoever must act is named by the number, and the number is what *Why?* shows."""
    grant = await stage.connected()
    stage.microsoft.break_down("aad", ALICE, code=number, error=error)
    refused = await refusal(stage, grant)
    assert type(refused) is kind
    assert getattr(refused, "cause", None) is cause
    assert refused.code == f"AADSTS{number}"


@pytest.mark.parametrize("error", ERRORS)
async def test_a_number_nobody_knows_leaves_it_to_the_error(
    stage: MicrosoftStage, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Microsoft's own advice: react to ``error``. The number is logged, once."""
    caplog.set_level(logging.WARNING)
    grant = await stage.connected()
    stage.microsoft.break_down("aad", ALICE, code=1999999, error=error)
    for _ in range(2):
        refused = await refusal(stage, grant)
    assert type(refused) is type(ERRORS[error]("x"))
    assert caplog.text.count("AADSTS1999999") == 1


@pytest.mark.parametrize("number", [53099, 530001, 530037, 530999])
async def test_a_policy_that_is_new_is_a_policy(stage: MicrosoftStage, number: int) -> None:
    """The family of device and access policies grows: its next one is the admin's, too."""
    grant = await stage.connected()
    stage.microsoft.break_down("aad", ALICE, code=number, error="invalid_grant")
    refused = await refusal(stage, grant)
    assert isinstance(refused, AdminActionNeeded)
    assert refused.code == f"AADSTS{number}"


@pytest.mark.parametrize("number", [5300, 5303, 53100, 5300001])
async def test_what_only_looks_like_a_policy_is_none(stage: MicrosoftStage, number: int) -> None:
    """Numbers of other lengths are other families: ``error`` decides."""
    grant = await stage.connected()
    stage.microsoft.break_down("aad", ALICE, code=number, error="invalid_grant")
    assert type(await refusal(stage, grant)) is GrantRejected


@pytest.mark.parametrize(
    ("error", "kind"), [("invalid_grant", GrantRejected), ("invalid_request", ProviderMisconfigured)]
)
@pytest.mark.parametrize("number", [9002313, 900144])
async def test_a_malformed_request_is_ours_but_a_malformed_token_is_not(
    stage: MicrosoftStage, number: int, error: str, kind: type[ProviderError]
) -> None:
    """With ``invalid_grant`` it is the refresh token that Microsoft cannot read: the owner reconnects."""
    grant = await stage.connected()
    stage.microsoft.break_down("aad", ALICE, code=number, error=error)
    refused = await refusal(stage, grant)
    assert type(refused) is kind
    assert refused.code == f"AADSTS{number}"


@pytest.mark.parametrize("suberror", SUBERRORS)
async def test_a_suberror_refines_it(stage: MicrosoftStage, suberror: str) -> None:
    """Before ``error``, after the number."""
    grant = await stage.connected()
    stage.microsoft.break_down("aad", ALICE, code=1999999, error="invalid_grant", suberror=suberror)
    refused, wanted = await refusal(stage, grant), SUBERRORS[suberror]("x")
    assert type(refused) is type(wanted)
    assert getattr(refused, "cause", None) is getattr(wanted, "cause", None)


@pytest.mark.parametrize("fault", ["loop_detected", "tenant_throttled"])
async def test_a_throttle_in_disguise_is_no_disconnect(stage: MicrosoftStage, fault: str) -> None:
    """50196 calls itself ``invalid_grant``; asking again at once would only make it last."""
    grant = await stage.connected()
    stage.microsoft.break_down(fault, ALICE)
    refused = await refusal(stage, grant)
    assert isinstance(refused, ProviderUnavailable)
    assert refused.retry_after is not None
    assert refused.retry_after >= timedelta(seconds=30)


async def test_a_refusal_brings_its_challenge(stage: MicrosoftStage) -> None:
    """Conditional access says what the next sign-in must tell."""
    grant = await stage.connected()
    stage.microsoft.break_down("conditional_access", ALICE)
    refused = await refusal(stage, grant)
    assert "capolids" in refused.claims
    assert "capolids" not in repr(refused)


# Rows of the Graph API: status and code, what it becomes for one's own and for a shared mailbox.
GRAPH_ROWS: list[tuple[int, str, type[ProviderError], type[ProviderError]]] = [
    (403, "ErrorAccessDenied", PermissionMissing, AdminActionNeeded),
    (403, "Authorization_RequestDenied", PermissionMissing, AdminActionNeeded),
    (403, "accessDenied", PermissionMissing, AdminActionNeeded),
    (404, "MailboxNotEnabledForRESTAPI", MailboxGone, MailboxGone),
    (403, "MailboxNotSupportedForRESTAPI", MailboxGone, MailboxGone),
    (404, "ErrorItemNotFound", MailboxGone, AdminActionNeeded),
    (404, "ResourceNotFound", MailboxGone, AdminActionNeeded),
    (404, "ErrorInvalidUser", MailboxGone, MailboxGone),
    (404, "ErrorNonExistentMailbox", MailboxGone, MailboxGone),
    (404, "Request_ResourceNotFound", MailboxGone, MailboxGone),
    (404, "ErrorFolderNotFound", MailboxGone, MailboxGone),
    (403, "ErrorMailboxConfiguration", MailboxGone, MailboxGone),
    (403, "ErrorInvalidLicense", MailboxGone, MailboxGone),
    (401, "OrganizationFromTenantGuidNotFound", MailboxGone, MailboxGone),
    (400, "ErrorADUnavailable", ProviderUnavailable, ProviderUnavailable),
    (400, "ErrorConnectionFailed", ProviderUnavailable, ProviderUnavailable),
    (400, "ErrorExceededConnectionCount", ProviderUnavailable, ProviderUnavailable),
    (400, "ErrorInternalServerTransientError", ProviderUnavailable, ProviderUnavailable),
    (400, "ErrorMailboxFailover", ProviderUnavailable, ProviderUnavailable),
    (400, "ErrorMailboxMoveInProgress", ProviderUnavailable, ProviderUnavailable),
    (400, "ErrorTimeoutExpired", ProviderUnavailable, ProviderUnavailable),
    (400, "RequestTimeout", ProviderUnavailable, ProviderUnavailable),
    (403, "ErrorAccountDisabled", GrantRejected, GrantRejected),
    (403, "ErrorAccountSuspend", GrantRejected, GrantRejected),
    (401, "InvalidAuthenticationToken", GrantRejected, GrantRejected),
    (429, "TooManyRequests", ProviderUnavailable, ProviderUnavailable),
    (429, "ApplicationThrottled", ProviderUnavailable, ProviderUnavailable),
    (429, "MailboxConcurrency", ProviderUnavailable, ProviderUnavailable),
    (400, "ErrorServerBusy", ProviderUnavailable, ProviderUnavailable),
    (400, "ErrorMailboxStoreUnavailable", ProviderUnavailable, ProviderUnavailable),
    (400, "ErrorInternalServerError", ProviderUnavailable, ProviderUnavailable),
    (400, "generalException", ProviderUnavailable, ProviderUnavailable),
    (400, "serviceNotAvailable", ProviderUnavailable, ProviderUnavailable),
]


def test_graphs_table_holds_no_code_untested() -> None:
    """Neither more nor fewer than those above."""
    assert set(GRAPH_ERRORS) == {row[1] for row in GRAPH_ROWS}


@pytest.mark.parametrize(("status", "code", "own", "shared"), GRAPH_ROWS)
async def test_every_graph_code_has_its_error(
    stage: MicrosoftStage, status: int, code: str, own: type[ProviderError], shared: type[ProviderError]
) -> None:
    """The same code says something else of a mailbox that is somebody else's."""
    mine, theirs = await stage.connected(), await stage.shared()
    stage.microsoft.break_down("graph", code=code, status=status)
    assert type(await refusal(stage, mine)) is own
    assert type(await refusal(stage, theirs)) is shared


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "OrganizationFromTenantGuidNotFound"),
        (404, "organizationFromTenantGuidNotFound"),
        (403, "errorInvalidLicense"),
        (400, "mailboxNotEnabledForRESTAPI"),
    ],
)
async def test_a_code_counts_whatever_status_and_letters_it_comes_in(
    stage: MicrosoftStage, status: int, code: str
) -> None:
    """Graph changes both, from one service behind it to the next."""
    grant = await stage.connected()
    stage.microsoft.break_down("graph", ALICE, code=code, status=status)
    assert isinstance(await refusal(stage, grant), MailboxGone)


async def test_an_inner_code_counts_where_the_outer_is_unknown(stage: MicrosoftStage) -> None:
    """Graph wraps Exchange's answers."""
    grant = await stage.connected()
    stage.microsoft.break_down("graph", ALICE, code="Whatever", inner="ErrorAccountSuspend", status=403)
    assert isinstance(await refusal(stage, grant), GrantRejected)


@pytest.mark.parametrize("fault", ["html", "malformed_json", "json_list", "huge_body", "server_error"])
async def test_graph_in_trouble_is_nobodys_fault(stage: MicrosoftStage, fault: str) -> None:
    """What cannot be read says nothing about the mailbox."""
    grant = await stage.connected()
    stage.microsoft.break_down(fault, ALICE, at="graph")
    assert isinstance(await refusal(stage, grant), ProviderUnavailable)


async def test_a_revoked_session_is_found_out_with_its_challenge(stage: MicrosoftStage) -> None:
    """Continuous access evaluation: the token is refused, the refresh is asked with the claims it named."""
    grant = await stage.connected()
    stage.microsoft.break_down("challenged", ALICE, times=1)
    assert await stage.provider.probe(grant, await stage.provider.refresh(grant))
    stage.microsoft.break_down("challenged", ALICE)
    refused = await refusal(stage, grant)
    assert isinstance(refused, GrantRejected)
    assert refused.cause is Cause.SIGN_IN_AGAIN
    assert refused.claims


# --- the secret


async def test_every_refresh_brings_a_new_secret(stage: MicrosoftStage) -> None:
    """And the one before still works: a crash before it is stored loses nothing."""
    grant = await stage.connected()
    first = await stage.provider.refresh(grant)
    second = await stage.provider.refresh(grant)
    assert len({it.fingerprint for it in (first.secret, second.secret)}) == 2
    assert await stage.provider.refresh(replace(grant, secret=first.secret))


async def test_what_is_kept_up_never_expires(stage: MicrosoftStage) -> None:
    """90 days count from the last refresh; a weekly one is enough."""
    grant = await stage.connected()
    for _ in range(20):
        stage.clock.advance(timedelta(days=7))
        grant = replace(grant, secret=(await stage.provider.refresh(grant)).secret)
    stage.happens(Trouble.EXPIRED)
    assert (await refusal(stage, grant)).code == "AADSTS700082"


# --- giving back


async def test_no_app_can_revoke_but_it_can_look(stage: MicrosoftStage) -> None:
    """By hand, until the person has done it; then a refused refresh is the proof."""
    grant = await stage.connected()
    assert not stage.provider.traits.revokes
    assert await stage.provider.revoke(grant) is Revocation.BY_HAND
    stage.microsoft.break_down("consent_revoked", ALICE)
    assert await stage.provider.revoke(grant) is Revocation.CONFIRMED


async def test_outlook_says_so_too(stage: MicrosoftStage) -> None:
    """70000 is all that a personal account says."""
    grant = await stage.connected(OUTLOOK)
    stage.microsoft.break_down("consent_revoked", OUTLOOK)
    assert (await refusal(stage, grant)).code == "AADSTS70000"
    assert await stage.provider.revoke(grant) is Revocation.CONFIRMED


@pytest.mark.parametrize("fault", ["conditional_access", "mfa_demanded", "user_disabled", "secret_expired"])
async def test_another_refusal_proves_nothing(stage: MicrosoftStage, fault: str) -> None:
    """A policy can be lifted, an account enabled: the consent stands."""
    grant = await stage.connected()
    stage.microsoft.break_down(fault, ALICE)
    assert await stage.provider.revoke(grant) is Revocation.BY_HAND


async def test_an_erased_secret_asks_nobody(stage: MicrosoftStage) -> None:
    """There is nothing left to ask with."""
    grant = replace(await stage.connected(), secret=None)
    before = stage.microsoft.requests["token"]
    assert await stage.provider.revoke(grant) is Revocation.NOT_CONFIRMED
    with pytest.raises(GrantRejected):
        await stage.provider.refresh(grant)
    assert stage.microsoft.requests["token"] == before


# --- shared mailboxes


async def test_a_shared_mailbox_is_itself_and_remembers_who_opens_it(stage: MicrosoftStage) -> None:
    """Its own identity, whoever signs in; the delegate is the account that did."""
    by_omar, by_alice = await stage.shared(by=OMAR), await stage.shared(by=ALICE)
    omar = await stage.connected(OMAR)
    assert by_omar.identity == by_alice.identity != omar.identity
    assert by_omar.delegate is not None
    assert (by_omar.delegate.address, by_omar.signer) == (OMAR, omar.identity)
    assert by_omar.address == HELP


async def test_a_shared_mailbox_is_looked_at_under_its_own_address(stage: MicrosoftStage) -> None:
    """Never ``/me``, which would be the delegate's."""
    grant = await stage.shared()
    assert (await stage.provider.probe(grant, await stage.provider.refresh(grant))).what == "graph.inbox"
    stage.microsoft.break_down("licence_taken", OMAR)
    assert await stage.provider.probe(grant, await stage.provider.refresh(grant))
    stage.microsoft.break_down("licence_taken", HELP)
    assert isinstance(await refusal(stage, grant), MailboxGone)


async def test_whoever_may_not_open_it_is_told_what_is_missing(stage: MicrosoftStage) -> None:
    """Full access, which only an Exchange admin gives: on connecting and later."""
    grant = await stage.shared()
    stage.microsoft.levers.share(HELP, OMAR, allowed=False)
    error = await refusal(stage, grant)
    assert isinstance(error, AdminActionNeeded)
    assert error.cause is Cause.SHARED_ACCESS
    stranger = await stage.shared(by=KENJI)
    assert (await refusal(stage, stranger)).code


async def test_a_shared_mailbox_is_found_by_its_address(stage: MicrosoftStage) -> None:
    """Its sign-in name may be one that was made up for it."""
    stage.microsoft.levers.share("sales@acme.example", OMAR)
    grant = await stage.shared("sales@acme.example")
    assert grant.address == "sales@acme.example"
    assert await stage.provider.probe(grant, await stage.provider.refresh(grant))


async def test_a_quote_in_an_address_stays_a_quote(stage: MicrosoftStage) -> None:
    """It ends no filter."""
    with pytest.raises(MailboxGone):
        await stage.shared("o'x' or mail eq 'help@acme.example")


async def test_a_mailbox_that_is_not_there_cannot_be_shared(stage: MicrosoftStage) -> None:
    """A mistyped address is found out while signing in."""
    with pytest.raises(MailboxGone):
        await stage.shared("nobody@acme.example")


async def test_an_address_cannot_lead_anywhere_else(stage: MicrosoftStage) -> None:
    """Whatever stands in it is one part of the path."""
    for hostile in ("../me/x@acme.example", "help@acme.example/../../me", "a?b#c@acme.example"):
        with pytest.raises(ProviderError):
            await stage.shared(hostile)


# --- the lesser mode


async def test_grant_only_needs_nobodys_approval_and_proves_the_sign_in(stage: MicrosoftStage) -> None:
    """No mail permission is asked for; the look is at the account, not at its inbox."""
    stage.microsoft.levers.decide("acme.example", users_may_consent=False)
    provider = stage.make(mode=Mode.GRANT_ONLY)
    assert provider.needed_scopes == {"User.Read"}
    assert not provider.shared_scopes
    grant = await stage.connected(provider=provider)
    assert (await provider.probe(grant, await provider.refresh(grant))).what == "graph.me"


async def test_full_notices_a_grant_of_the_lesser_mode(stage: MicrosoftStage) -> None:
    """The operator has switched: whoever connected before must consent to more."""
    grant = await stage.connected(provider=stage.make(mode=Mode.GRANT_ONLY))
    error = await refusal(stage, grant)
    assert isinstance(error, PermissionMissing)
    assert error.scopes == {"Mail.ReadBasic"}


# --- callbacks that anybody can write


@pytest.mark.parametrize(
    ("callback", "kind"),
    [
        ({"error": "access_denied"}, ConsentDeclined),
        ({"error": "access_denied", "error_description": "AADSTS65004: no"}, ConsentDeclined),
        ({"error": "access_denied", "error_description": "AADSTS90094: ask"}, AdminActionNeeded),
        ({"error": "consent_required", "error_description": "AADSTS65001: no"}, ConsentFailed),
        ({"error": "server_error"}, ProviderUnavailable),
        ({"error": "invalid_client", "error_description": "AADSTS7000215"}, ConsentFailed),
        ({"error": "<script>", "error_description": "AADSTS" + "9" * 400}, ConsentFailed),
        ({"error": ""}, ConsentFailed),
    ],
)
async def test_a_callback_with_an_error_is_read_with_care(
    stage: MicrosoftStage, callback: dict[str, str], kind: type[Exception]
) -> None:
    """Only plain words and numbers of it are ever repeated."""
    consent = replace(a_consent(ALICE), memo=Secret("{}"))
    with pytest.raises(kind) as refused:
        await stage.provider.redeem(consent, {"state": consent.state.reveal(), **callback})
    assert "<" not in getattr(refused.value, "code", "")


async def test_the_tenant_is_part_of_who_it_is(stage: MicrosoftStage) -> None:
    """Two organisations may know the same object id."""
    grant = await stage.connected()
    twin = MailboxIdentity("microsoft", grant.identity.subject.split(".")[0] + ".other", "other")
    assert twin != grant.identity


async def test_a_grant_that_refreshes_as_somebody_else_is_no_proof(stage: MicrosoftStage) -> None:
    """The look compares who signed in with whose grant it is."""
    alice, kenji = await stage.connected(), await stage.connected(KENJI)
    mixed = replace(alice, secret=kenji.secret)
    error = await refusal(stage, mixed)
    assert isinstance(error, MailboxGone)
    assert error.cause is Cause.OTHER_MAILBOX


# --- what was granted, however it is written


@pytest.mark.parametrize("written", ["scopes_lower", "scopes_wider", "scopes_few"])
@pytest.mark.parametrize("account", [ALICE, "alice.private@outlook.com"])
async def test_the_probe_proves_what_a_list_of_permissions_does_not(
    stage: MicrosoftStage, written: str, account: str
) -> None:
    """In lower case, wider, or short of what was granted: the mailbox opens, so nothing is missing."""
    grant = await stage.connected(account)
    stage.microsoft.break_down(written)
    for _ in range(3):  # what is kept of the answer is asked for the next time
        fresh = await stage.provider.refresh(grant)
        assert await stage.provider.probe(grant, fresh)
        grant = replace(grant, secret=fresh.secret, scopes=fresh.scopes)


@pytest.mark.parametrize("written", ["scopes_lower", "scopes_wider"])
async def test_consent_counts_however_its_permissions_are_written(
    stage: MicrosoftStage, written: str
) -> None:
    """Nobody is told that a permission was withheld that was granted in other letters, or by a wider one."""
    stage.microsoft.break_down(written)
    got = await stage.provider.redeem(*await stage.visit(a_consent(ALICE)))
    assert got.missing == frozenset()
    assert got.scopes == {"User.Read", "Mail.ReadBasic"}


# --- which addresses are its own


async def test_a_contact_address_elsewhere_is_not_owned(stage: MicrosoftStage) -> None:
    """Anybody's admin writes ``otherMails`` unchecked; aliases do belong to the mailbox."""
    got = await stage.provider.redeem(*await stage.visit(a_consent(ALICE)))
    assert got.addresses == {ALICE, "a.archer@acme.example"}
