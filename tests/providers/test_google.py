"""Gmail against the local Google: the contract, and every refusal Google is known to give."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.domain.address import same_address
from bot.domain.channel import Cause
from bot.domain.errors import (
    AdminActionNeeded,
    ConsentFailed,
    GrantRejected,
    MailboxGone,
    PermissionMissing,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
)
from bot.domain.grant import MailboxIdentity, Revocation, Secret
from providers.base import Consent, Provider, Redirect
from providers.google.errors import GMAIL_ERRORS, LABELS_SCOPE, TOKEN_ERRORS
from providers.google.provider import Google
from providers.http_client import provider_session
from providers.settings import GoogleClient
from sandbox.clock import SandboxClock
from sandbox.google import LocalGoogle
from tests.providers.contract import NOW, ProviderContract, Trouble, a_consent, connected

ALICE, KENJI = "alice@acme.example", "kenji@acme.example"
CLIENT_SECRET = "a-client-secret-nobody-may-see"


async def url_of(provider: Provider, consent: Consent) -> str:
    step = await provider.begin(consent)
    assert isinstance(step, Redirect)
    return step.url


@dataclass
class GoogleStage:
    """Gmail's provider in front of the local Google."""

    google: LocalGoogle
    clock: SandboxClock
    provider: Provider
    patient: Provider
    unreachable: Provider
    make: Callable[..., Google]
    pem_url: str
    address: str = ALICE
    other: str = KENJI
    own_secrets: Sequence[str] = (CLIENT_SECRET,)

    async def visit(
        self, consent: Consent, *, account: str = "", withhold: bool = False, cancel: bool = False
    ) -> tuple[Consent, Mapping[str, str]]:
        consent = replace(consent, scopes=self.provider.needed_scopes)
        url = await url_of(self.provider, consent)
        untick = ["gmail.labels"] if withhold else []
        redirect = self.google.consent(url, account or self.address, untick=untick, cancel=cancel)
        return consent, {name: values[0] for name, values in parse_qs(urlsplit(redirect).query).items()}

    def happens(self, trouble: Trouble) -> None:
        what, options = HAPPENS[trouble]
        if trouble is Trouble.EXPIRED:
            self.clock.advance(timedelta(days=181))
        else:
            self.google.break_down(what, self.address, **options)

    def is_over(self) -> None:
        self.google.mend()

    async def until_asked(self) -> None:
        before = self.google.requests["token"]
        async with asyncio.timeout(5):
            while self.google.requests["token"] < before + 2:
                await asyncio.sleep(0)


HAPPENS: dict[Trouble, tuple[str, dict[str, Any]]] = {
    Trouble.REVOKED: ("revoked", {}),
    Trouble.EXPIRED: ("", {}),
    Trouble.DISABLED: ("account_disabled", {}),
    Trouble.POLICY: ("admin_policy", {}),
    Trouble.WITHDRAWN: ("scope_removed", {}),
    Trouble.THROTTLED: ("throttled", {}),
    Trouble.SERVER_ERROR: ("server_error", {"status": 502}),
    Trouble.MALFORMED: ("malformed_json", {}),
    Trouble.NOT_AN_OBJECT: ("json_list", {}),
    Trouble.HUGE: ("huge_body", {}),
    Trouble.UNKNOWN_CODE: ("unknown_error", {}),
    Trouble.BAD_CLIENT_SECRET: ("invalid_client", {}),
    Trouble.SLOW: ("slow", {}),
    Trouble.REVOKING_FAILS: ("revoke_failing", {}),
    Trouble.REVOKING_TAKES_TIME: ("revoke_lag", {"times": 1}),
}


def closed_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@pytest.fixture
async def stage() -> AsyncIterator[GoogleStage]:
    clock = SandboxClock.frozen(NOW)
    google = LocalGoogle(
        clock=clock,
        client_id="cid",
        client_secret=CLIENT_SECRET,
        redirect_uris=[a_consent(ALICE).redirect_uri],
    )
    app = web.Application()
    google.add_routes(app)
    async with TestServer(app) as server, provider_session() as session:

        def make(
            port: int | None = server.port,
            *,
            seconds: float = 5,
            now: Callable[[], datetime] = clock,
            **changes: Any,
        ) -> Google:
            base = f"http://127.0.0.1:{port}/google"
            client = GoogleClient(
                client_id="cid",
                client_secret=Secret(CLIENT_SECRET),
                auth_url=f"{base}/o/oauth2/v2/auth",
                token_url=f"{base}/token",
                revoke_url=f"{base}/revoke",
                certs_url=f"{base}/certs",
                issuer=google.issuer,
                gmail_api_url=base,
            )
            timeout = timedelta(seconds=seconds)
            return Google(replace(client, **changes), session=session, clock=now, timeout=timeout)

        yield GoogleStage(
            google,
            clock,
            make(seconds=1.5),
            make(),
            make(closed_port()),
            make,
            f"{server.make_url('/google/certs/v1')}",
        )


class TestGoogle(ProviderContract):
    """Gmail keeps the contract of every provider."""


# Every row of what Google is known to answer: the fault, what it becomes, and its cause if it has one.
TOKEN_ROWS = [
    ("revoked", {}, GrantRejected, Cause.GRANT_REFUSED),
    ("password_changed", {}, GrantRejected, Cause.GRANT_REFUSED),
    ("account_deleted", {}, GrantRejected, Cause.GRANT_REFUSED),
    ("account_disabled", {}, GrantRejected, Cause.GRANT_REFUSED),
    ("outage", {}, GrantRejected, Cause.GRANT_REFUSED),
    ("invalid_rapt", {}, GrantRejected, Cause.SIGN_IN_AGAIN),
    ("rapt_required", {}, GrantRejected, Cause.SIGN_IN_AGAIN),
    ("admin_policy", {}, AdminActionNeeded, Cause.ADMIN_POLICY),
    ("account_restricted", {}, AdminActionNeeded, Cause.ADMIN_POLICY),
    ("unknown_error", {"code": "org_internal"}, AdminActionNeeded, Cause.ADMIN_POLICY),
    ("invalid_scope", {}, ProviderMisconfigured, None),
    ("invalid_client", {}, ProviderMisconfigured, None),
    ("deleted_client", {}, ProviderMisconfigured, None),
    ("disabled_client", {}, ProviderMisconfigured, None),
    ("unauthorized_client", {}, ProviderMisconfigured, None),
    ("invalid_request", {}, ProviderMisconfigured, None),
    ("unsupported_grant_type", {}, ProviderMisconfigured, None),
    ("throttled", {}, ProviderUnavailable, None),
    ("server_error", {"status": 408}, ProviderUnavailable, None),
    ("server_error", {"status": 500}, ProviderUnavailable, None),
    ("server_error", {"status": 502}, ProviderUnavailable, None),
    ("server_error", {"status": 503}, ProviderUnavailable, None),
    ("unknown_error", {"code": "server_error"}, ProviderUnavailable, None),
    ("unknown_error", {"code": "temporarily_unavailable"}, ProviderUnavailable, None),
    ("unknown_error", {"code": "../../etc <b>"}, ProviderUnavailable, None),
    ("html", {"status": 200}, ProviderUnavailable, None),
    ("html", {"status": 400}, ProviderUnavailable, None),
    ("html", {"status": 503}, ProviderUnavailable, None),
    ("malformed_json", {}, ProviderUnavailable, None),
    ("json_list", {}, ProviderUnavailable, None),
]
GMAIL_ROWS = [
    ("gmail_unauthorized", {}, GrantRejected, Cause.GRANT_REFUSED),
    ("scope_removed", {}, PermissionMissing, Cause.PERMISSION_MISSING),
    ("gmail_api_off", {}, ProviderMisconfigured, None),
    ("domain_policy", {}, AdminActionNeeded, Cause.ADMIN_POLICY),
    ("no_mailbox", {}, MailboxGone, Cause.MAILBOX_MISSING),
    ("mailbox_not_found", {}, MailboxGone, Cause.MAILBOX_MISSING),
    ("gmail_bare", {"status": 400, "code": "FAILED_PRECONDITION"}, MailboxGone, Cause.MAILBOX_MISSING),
    ("gmail_bare", {"status": 404, "code": "NOT_FOUND"}, MailboxGone, Cause.MAILBOX_MISSING),
    ("gmail_bare", {"status": 401, "code": "UNAUTHENTICATED"}, GrantRejected, Cause.GRANT_REFUSED),
    ("gmail_bare", {"status": 403, "code": "RESOURCE_EXHAUSTED"}, ProviderUnavailable, None),
    ("gmail_bare", {"status": 403, "code": "PERMISSION_DENIED"}, ProviderUnavailable, None),
    ("gmail_rate_limited", {"reason": "USER_BLOCKED_BY_ADMIN"}, AdminActionNeeded, Cause.ADMIN_POLICY),
    ("gmail_rate_limited", {"reason": "ACCOUNT_STATE_INVALID"}, GrantRejected, Cause.ACCOUNT_DISABLED),
    ("gmail_rate_limited", {"reason": "rateLimitExceeded"}, ProviderUnavailable, None),
    ("gmail_rate_limited", {"reason": "userRateLimitExceeded"}, ProviderUnavailable, None),
    ("gmail_rate_limited", {"reason": "dailyLimitExceeded"}, ProviderUnavailable, None),
    ("gmail_rate_limited", {"reason": "neverHeardOf"}, ProviderUnavailable, None),
    ("throttled", {"at": "gmail"}, ProviderUnavailable, None),
    ("server_error", {"at": "gmail"}, ProviderUnavailable, None),
    ("html", {"at": "gmail", "status": 404}, ProviderUnavailable, None),
    ("malformed_json", {"at": "gmail"}, ProviderUnavailable, None),
    ("json_list", {"at": "gmail"}, ProviderUnavailable, None),
    ("huge_body", {"at": "gmail"}, ProviderUnavailable, None),
]


@pytest.mark.parametrize(("fault", "options", "error", "cause"), TOKEN_ROWS)
async def test_every_answer_of_the_token_endpoint_has_its_error(
    stage: GoogleStage, fault: str, options: dict[str, Any], error: type[ProviderError], cause: Cause | None
) -> None:
    """Each known refusal of a refresh is named by who must act."""
    grant = await connected(stage)
    stage.google.break_down(fault, ALICE, **options)
    with pytest.raises(ProviderError) as refused:
        await stage.provider.refresh(grant)
    assert (type(refused.value), getattr(refused.value, "cause", None)) == (error, cause)


@pytest.mark.parametrize(("fault", "options", "error", "cause"), GMAIL_ROWS)
async def test_every_answer_of_gmail_has_its_error(
    stage: GoogleStage, fault: str, options: dict[str, Any], error: type[ProviderError], cause: Cause | None
) -> None:
    """Each known refusal of the mailbox is named by who must act, while refreshing still works."""
    grant = await connected(stage)
    fresh = await stage.provider.refresh(grant)
    stage.google.break_down(fault, ALICE, **options)
    with pytest.raises(ProviderError) as refused:
        await stage.provider.probe(grant, fresh)
    assert (type(refused.value), getattr(refused.value, "cause", None)) == (error, cause)
    assert await stage.provider.refresh(grant)


def test_the_tables_hold_nothing_untested() -> None:
    """Every class of error a table can make is met by some row above."""
    for table, rows in ((TOKEN_ERRORS, TOKEN_ROWS), (GMAIL_ERRORS, GMAIL_ROWS)):
        made = {type(make(code)) for code, make in table.items()}
        assert made <= {error for _, _, error, _ in rows}


async def test_consent_asks_for_little_and_for_good(stage: GoogleStage) -> None:
    """Offline, with consent, PKCE and the hint; no scope beyond identity and labels, none combined."""
    consent = replace(a_consent(ALICE), scopes=stage.provider.needed_scopes)
    url = await url_of(stage.provider, consent)
    asked = {k: v[0] for k, v in parse_qs(urlsplit(url).query).items()}
    assert asked["scope"].split() == ["openid", "email", LABELS_SCOPE]
    assert (asked["access_type"], asked["prompt"], asked["login_hint"]) == ("offline", "consent", ALICE)
    assert asked["code_challenge_method"] == "S256"
    assert asked["code_challenge"] != consent.verifier.reveal()
    assert "include_granted_scopes" not in asked


async def test_a_consumer_address_has_a_twin_and_no_tenant(stage: GoogleStage) -> None:
    """gmail.com and googlemail.com are one mailbox, with and without dots; only Workspace accounts belong to
    a tenant."""
    consent = a_consent("alice.private@gmail.com")
    got = await stage.provider.redeem(*await stage.visit(consent, account=consent.address))
    assert got.addresses == {"alice.private@gmail.com"}
    for twin in ("alice.private@googlemail.com", "aliceprivate@gmail.com"):
        assert any(same_address(twin, own) for own in got.addresses)
    assert got.identity.tenant == ""
    assert (await connected(stage)).identity.tenant == "acme.example"


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        ("admin_policy_enforced", AdminActionNeeded),
        ("temporarily_unavailable", ProviderUnavailable),
        ("invalid_scope", ConsentFailed),
        ("<script>", ConsentFailed),
    ],
)
async def test_a_sign_in_google_ends_is_named(
    stage: GoogleStage, error: str, raised: type[Exception]
) -> None:
    """An error in the callback is classified, and repeated only when it is a plain word."""
    consent = a_consent(ALICE)
    with pytest.raises(raised) as refused:
        await stage.provider.redeem(consent, {"state": consent.state.reveal(), "error": error})
    assert getattr(refused.value, "code", "") in {error, "unknown"} - {"<script>"}


@pytest.mark.parametrize("what", ["issuer", "client", "nonce", "time"])
async def test_an_identity_that_is_not_proven_is_refused(stage: GoogleStage, what: str) -> None:
    """Wrong issuer, another app's token, another sign-in's token, an old token: no grant."""
    consent = a_consent(ALICE)
    provider = stage.provider
    consent, callback = await stage.visit(consent)
    if what == "issuer":
        provider = stage.make(issuer="https://elsewhere.example")
    elif what == "client":
        stage.google.add_client("other", "o", [consent.redirect_uri])
        provider = stage.make(client_id="other", client_secret=Secret("o"))
    elif what == "nonce":
        consent = replace(consent, nonce="another")
    else:
        provider = stage.make(now=lambda: NOW + timedelta(hours=1, minutes=2))
    with pytest.raises((ConsentFailed, ProviderMisconfigured)):
        await provider.redeem(consent, callback)


async def test_certificates_are_kept_and_renewed(stage: GoogleStage) -> None:
    """One fetch serves many sign-ins until it is too old or a new key signs."""
    for _ in range(3):
        await connected(stage)
    assert stage.google.requests["certs"] == 1
    stage.google.break_down("keys_rotated")
    with pytest.raises(ConsentFailed):  # a key unknown a moment ago is not asked for at every sign-in
        await connected(stage)
    stage.clock.advance(timedelta(minutes=2))
    await connected(stage)
    assert stage.google.requests["certs"] == 2
    stage.clock.advance(timedelta(hours=6, seconds=1))
    await connected(stage)
    assert stage.google.requests["certs"] == 3


async def test_without_certificates_no_code_is_spent(stage: GoogleStage) -> None:
    """When Google's keys cannot be had, the person can simply come back with the same code."""
    consent = a_consent(ALICE)
    consent, callback = await stage.visit(consent)
    stage.google.break_down("html", at="certs")
    with pytest.raises(ProviderUnavailable):
        await stage.provider.redeem(consent, callback)
    stage.google.mend()
    assert await stage.provider.redeem(consent, callback)


async def test_another_account_behind_the_grant_is_noticed(stage: GoogleStage) -> None:
    """The number decides; a new domain name for the same account does not matter."""
    grant = await connected(stage)
    fresh = await stage.provider.refresh(grant)
    renamed = replace(grant, identity=replace(grant.identity, tenant="acme-new.example"))
    assert await stage.provider.probe(renamed, fresh)
    swapped = replace(grant, identity=MailboxIdentity("google", "1000", "acme.example"))
    with pytest.raises(MailboxGone) as refused:
        await stage.provider.probe(swapped, fresh)
    assert refused.value.cause is Cause.OTHER_MAILBOX


async def test_an_access_token_that_died_on_the_way_is_replaced(stage: GoogleStage) -> None:
    """One 401 of the mailbox is answered by one refresh, not believed."""
    grant = await connected(stage)
    fresh = await stage.provider.refresh(grant)
    stage.clock.advance(timedelta(hours=2))
    assert (await stage.provider.probe(grant, fresh)).what == "gmail.labels"


async def test_a_policy_or_a_sign_in_again_is_no_proof_of_revocation(stage: GoogleStage) -> None:
    """Only the plain refusal confirms; anything else leaves the revocation *requested*."""
    for fault in ("admin_policy", "invalid_rapt", "invalid_client", "server_error"):
        grant = await connected(stage)
        stage.google.break_down(fault, ALICE)
        assert await stage.provider.revoke(grant) is Revocation.REQUESTED
        stage.google.mend()


async def test_an_erased_secret_asks_nobody(stage: GoogleStage) -> None:
    """Without a secret nothing can be asked, and nothing is."""
    grant = replace(await connected(stage), secret=None)
    asked = stage.google.requests.total()
    assert await stage.provider.revoke(grant) is Revocation.NOT_CONFIRMED
    with pytest.raises(GrantRejected):
        await stage.provider.refresh(grant)
    assert stage.google.requests.total() == asked


async def test_both_of_googles_key_formats_are_read(stage: GoogleStage) -> None:
    """A map of certificates proves an identity as well as the JWK set that all others here read."""
    consent = a_consent(ALICE)
    provider = stage.make(certs_url=stage.pem_url)
    got = await provider.redeem(*await stage.visit(consent))
    assert got.address == ALICE
