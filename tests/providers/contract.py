"""What every mail provider must do, whatever it is called.

A provider's test file gives a ``Stage`` (the provider, and levers on the local host behind it) and
inherits ``ProviderContract``; the tests here know nothing of Google or anybody else.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Protocol

import pytest

from bot.domain.channel import Cause
from bot.domain.errors import (
    AdminActionNeeded,
    ConsentDeclined,
    ConsentFailed,
    GrantRejected,
    InboxkeeperError,
    PermissionMissing,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
)
from bot.domain.grant import Grant, Phase, Revocation, Secret
from bot.domain.ids import GrantId, WorkspaceId
from providers.base import Authorization, Consent, Provider

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


class Trouble(Enum):
    """What can happen behind a provider's back. Refreshing meets it, except where it says otherwise."""

    REVOKED = auto()
    EXPIRED = auto()
    DISABLED = auto()
    POLICY = auto()
    WITHDRAWN = auto()  # the permission, not the grant: the probe meets it
    THROTTLED = auto()
    SERVER_ERROR = auto()
    MALFORMED = auto()
    NOT_AN_OBJECT = auto()
    HUGE = auto()
    UNKNOWN_CODE = auto()
    BAD_CLIENT_SECRET = auto()
    SLOW = auto()
    REVOKING_FAILS = auto()  # only asking to revoke meets it
    REVOKING_TAKES_TIME = auto()


REFUSED_BY = {
    Trouble.REVOKED: GrantRejected,
    Trouble.EXPIRED: GrantRejected,
    Trouble.DISABLED: GrantRejected,
    Trouble.POLICY: AdminActionNeeded,
    Trouble.THROTTLED: ProviderUnavailable,
    Trouble.SERVER_ERROR: ProviderUnavailable,
    Trouble.MALFORMED: ProviderUnavailable,
    Trouble.NOT_AN_OBJECT: ProviderUnavailable,
    Trouble.HUGE: ProviderUnavailable,
    Trouble.UNKNOWN_CODE: ProviderUnavailable,
    Trouble.BAD_CLIENT_SECRET: ProviderMisconfigured,
    Trouble.SLOW: ProviderUnavailable,
}


class Stage(Protocol):
    """A provider in front of its local host. ``address`` is a mailbox there; a second one is ``other``.

    The provider's time limit is a fraction of a second here; ``patient`` and ``unreachable`` are the
    same provider with a long one, and with nobody at the other end.
    """

    provider: Provider
    patient: Provider
    unreachable: Provider
    address: str
    other: str
    own_secrets: Sequence[str]

    async def visit(
        self, consent: Consent, *, account: str = "", withhold: bool = False, cancel: bool = False
    ) -> tuple[Consent, Mapping[str, str]]:
        """Begin, go to the consent page and come back with the callback's parameters (or fill in the form);
        asks for what the provider needs. The consent is returned with what ``begin`` wanted to be kept."""

    def happens(self, trouble: Trouble) -> None: ...

    def is_over(self) -> None: ...

    async def until_asked(self) -> None:
        """Return once a slow request has reached the host."""


def a_consent(address: str) -> Consent:
    return Consent(
        state=Secret(secrets.token_urlsafe(32)),
        verifier=Secret(secrets.token_urlsafe(48)),
        nonce=secrets.token_urlsafe(16),
        redirect_uri="http://127.0.0.1:9/oauth/callback",
        address=address,
        scopes=frozenset(),
    )


def a_grant(authorization: Authorization) -> Grant:
    return Grant(
        id=GrantId("grant"),
        workspace_id=WorkspaceId("T1"),
        channel_id=None,
        address=authorization.address,
        identity=authorization.identity,
        scopes=authorization.scopes,
        secret=authorization.secret,
        phase=Phase.LIVE,
        obtained_at=NOW,
    )


async def connected(stage: Stage, account: str = "") -> Grant:
    consent = a_consent(account or stage.address)
    consent, callback = await stage.visit(consent, account=account or stage.address)
    return a_grant(await stage.provider.redeem(consent, callback))


class ProviderContract:
    """Inherit this and give a ``stage`` fixture."""

    async def test_consent_leads_to_a_grant_that_lasts(self, stage: Stage) -> None:
        """Consent gives the mailbox's identity and address, the needed scopes, and a renewable secret."""
        consent = a_consent(stage.address)
        got = await stage.provider.redeem(*await stage.visit(consent))
        assert (got.address, got.missing) == (stage.address, frozenset())
        assert got.address in got.addresses
        assert got.identity.provider == stage.provider.key
        assert stage.provider.needed_scopes <= got.scopes
        fresh = await stage.provider.refresh(a_grant(got))
        assert fresh.access_token
        assert fresh.secret

    async def test_the_mailbox_answers_a_probe(self, stage: Stage) -> None:
        """A probe is a call that the mailbox really answered."""
        grant = await connected(stage)
        evidence = await stage.provider.probe(grant, await stage.provider.refresh(grant))
        assert evidence.what

    async def test_identity_is_stable_and_its_own(self, stage: Stage) -> None:
        """The same account has the same identity every time, another one another."""
        first, again = await connected(stage), await connected(stage)
        other = await connected(stage, stage.other)
        assert first.identity == again.identity
        assert first.identity != other.identity

    async def test_the_state_must_come_back(self, stage: Stage) -> None:
        """A callback with another state, or none, opens nothing."""
        consent = a_consent(stage.address)
        consent, answer = await stage.visit(consent)
        callback = dict(answer)
        for forged in ({**callback, "state": "x"}, {**callback, "state": "é"}, {"code": callback["code"]}):
            with pytest.raises(ConsentFailed):
                await stage.provider.redeem(consent, forged)
        assert (await stage.provider.redeem(consent, callback)).identity

    async def test_the_code_opens_only_with_its_verifier(self, stage: Stage) -> None:
        """A stolen code is worth nothing without the verifier."""
        consent = a_consent(stage.address)
        consent, answer = await stage.visit(consent)
        callback = dict(answer)
        thief = a_consent(stage.address)
        with pytest.raises(ConsentFailed):
            await stage.provider.redeem(thief, {**callback, "state": thief.state.reveal()})

    async def test_a_code_redeemed_twice_is_refused(self, stage: Stage) -> None:
        """The second use is a failed sign-in, not a crash and not a dead mailbox."""
        consent = a_consent(stage.address)
        consent, callback = await stage.visit(consent)
        await stage.provider.redeem(consent, callback)
        with pytest.raises(ConsentFailed):
            await stage.provider.redeem(consent, callback)

    async def test_a_callback_without_a_code_is_refused(self, stage: Stage) -> None:
        """No code, no grant."""
        consent = a_consent(stage.address)
        with pytest.raises(ConsentFailed):
            await stage.provider.redeem(consent, {"state": consent.state.reveal()})

    async def test_cancel_is_told_apart(self, stage: Stage) -> None:
        """Pressing Cancel at the provider is the person's decision, not an error."""
        consent = a_consent(stage.address)
        with pytest.raises(ConsentDeclined):
            await stage.provider.redeem(*await stage.visit(consent, cancel=True))

    async def test_a_withheld_permission_is_named_and_the_grant_can_be_given_back(self, stage: Stage) -> None:
        """An unticked box shows in ``missing``; the probe refuses; the secret is there to be revoked."""
        consent = a_consent(stage.address)
        got = await stage.provider.redeem(*await stage.visit(consent, withhold=True))
        assert got.missing == stage.provider.needed_scopes
        grant = a_grant(got)
        with pytest.raises(PermissionMissing) as refused:
            await stage.provider.probe(grant, await stage.provider.refresh(grant))
        assert refused.value.scopes == got.missing
        assert await stage.provider.revoke(grant) is Revocation.CONFIRMED

    @pytest.mark.parametrize("trouble", REFUSED_BY)
    async def test_trouble_on_refresh_is_named_by_who_must_act(self, stage: Stage, trouble: Trouble) -> None:
        """Owner, admin, operator or nobody: each trouble has its own class of error."""
        grant = await connected(stage)
        stage.happens(trouble)
        with pytest.raises(ProviderError) as refused:
            await stage.provider.refresh(grant)
        assert type(refused.value) is REFUSED_BY[trouble]

    async def test_a_plain_refusal_has_its_cause(self, stage: Stage) -> None:
        """A refused grant says so as its cause."""
        grant = await connected(stage)
        stage.happens(Trouble.REVOKED)
        with pytest.raises(GrantRejected) as refused:
            await stage.provider.refresh(grant)
        assert refused.value.cause is Cause.GRANT_REFUSED

    async def test_a_withdrawn_permission_is_met_by_the_probe(self, stage: Stage) -> None:
        """The grant lives, the mailbox may no longer be seen."""
        grant = await connected(stage)
        before = await stage.provider.refresh(grant)
        stage.happens(Trouble.WITHDRAWN)
        for fresh in (before, await stage.provider.refresh(grant)):
            with pytest.raises(PermissionMissing) as refused:
                await stage.provider.probe(grant, fresh)
            assert refused.value.scopes == stage.provider.needed_scopes

    async def test_throttling_says_when_to_come_back(self, stage: Stage) -> None:
        """``Retry-After`` is passed on."""
        grant = await connected(stage)
        stage.happens(Trouble.THROTTLED)
        with pytest.raises(ProviderUnavailable) as refused:
            await stage.provider.refresh(grant)
        assert refused.value.retry_after == timedelta(seconds=30)

    async def test_nobody_at_the_other_end_is_nobodys_fault(self, stage: Stage) -> None:
        """No connection: unavailable, for every method."""
        grant = await connected(stage)
        fresh = await stage.provider.refresh(grant)
        consent = a_consent(stage.address)
        consent, callback = await stage.visit(consent)
        with pytest.raises(ProviderUnavailable):
            await stage.unreachable.redeem(consent, callback)
        with pytest.raises(ProviderUnavailable):
            await stage.unreachable.refresh(grant)
        with pytest.raises(ProviderUnavailable):
            await stage.unreachable.probe(grant, fresh)
        with pytest.raises(ProviderUnavailable):
            await stage.unreachable.revoke(grant)

    async def test_an_unknown_code_is_logged_once(
        self, stage: Stage, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A code nobody has seen is no disconnect; the log has it once, the error says it is unknown."""
        grant = await connected(stage)
        stage.happens(Trouble.UNKNOWN_CODE)
        caplog.set_level(logging.WARNING)
        for _ in range(3):
            with pytest.raises(ProviderUnavailable) as refused:
                await stage.provider.refresh(grant)
            assert refused.value.unknown_code
        assert caplog.text.count(refused.value.code) == 1

    async def test_revoking_is_confirmed_by_a_refused_refresh(self, stage: Stage) -> None:
        """After revoking, the grant is dead, and asking again says the same without an error."""
        grant = await connected(stage)
        assert await stage.provider.revoke(grant) is Revocation.CONFIRMED
        assert await stage.provider.revoke(grant) is Revocation.CONFIRMED
        with pytest.raises(GrantRejected):
            await stage.provider.refresh(grant)

    async def test_a_revocation_still_travelling_is_only_requested(self, stage: Stage) -> None:
        """As long as a refresh works nothing is confirmed; asking again later confirms."""
        grant = await connected(stage)
        stage.happens(Trouble.REVOKING_TAKES_TIME)
        assert await stage.provider.revoke(grant) is Revocation.REQUESTED
        assert await stage.provider.revoke(grant) is Revocation.CONFIRMED

    async def test_a_failing_revocation_is_to_be_retried(self, stage: Stage) -> None:
        """What could not be asked is unavailable, and the grant stays as it was."""
        grant = await connected(stage)
        stage.happens(Trouble.REVOKING_FAILS)
        with pytest.raises(ProviderUnavailable):
            await stage.provider.revoke(grant)
        assert await stage.provider.refresh(grant)

    async def test_cancelling_leaves_nothing_locked(self, stage: Stage) -> None:
        """A cancelled sign-in or refresh does not stand in the way of the next."""
        grant = await connected(stage)
        consent = a_consent(stage.address)
        consent, callback = await stage.visit(consent)
        stage.happens(Trouble.SLOW)
        waiting = [
            asyncio.create_task(stage.patient.refresh(grant)),
            asyncio.create_task(stage.patient.redeem(consent, callback)),
        ]
        await stage.until_asked()
        for task in waiting:
            task.cancel()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ended)
        stage.is_over()
        assert await stage.patient.refresh(grant)
        again = a_consent(stage.address)
        assert await stage.patient.redeem(*await stage.visit(again))

    async def test_no_secret_shows(self, stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
        """Whatever goes wrong: no exception, log line or repr holds a secret."""
        caplog.set_level(logging.DEBUG)
        consent = a_consent(stage.address)
        consent, callback = await stage.visit(consent)
        got = await stage.provider.redeem(consent, callback)
        grant = a_grant(got)
        fresh = await stage.provider.refresh(grant)
        seen = [repr(value) for value in (consent, got, grant, fresh, stage.provider, vars(stage.provider))]
        for trouble in REFUSED_BY:
            grant = await connected(stage)
            stage.happens(trouble)
            seen += [await _failure(stage.provider, grant)]
            stage.is_over()
        seen += [await _failure(stage.unreachable, grant), caplog.text]
        hidden = [consent.state, consent.verifier, got.secret, fresh.access_token, grant.secret]
        for text in [*stage.own_secrets, callback["code"], *(s.reveal() for s in hidden if s is not None)]:
            assert not [shown for shown in seen if text in shown]


async def _failure(provider: Provider, grant: Grant) -> str:
    """Everything an exception and those behind it would show."""
    with pytest.raises(InboxkeeperError) as refused:
        await provider.refresh(grant)
    error: BaseException | None = refused.value
    shown = [str(refused.getrepr(chain=True, showlocals=False))]
    while error is not None:
        shown += [repr(error), str(error), repr(error.args)]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(shown)
