"""The same provider against a real Dovecot: what no stand-in of ours can prove.

Without Dovecot these tests are left out where people work, saying how to get it, and fail in CI.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.domain.channel import Cause
from bot.domain.errors import GrantRejected, ProviderUnavailable
from bot.domain.grant import Revocation
from tests.providers.contract import a_consent, a_grant
from tests.providers.dovecot import DOVECOT, PATIENCE, USER, Dovecot, running

MISSING = "these tests need Dovecot, and there is none. On Debian: apt install dovecot-imapd"


@pytest.fixture
async def dovecot(request: pytest.FixtureRequest) -> AsyncIterator[Dovecot]:
    """``request.param`` may be other settings than the usual ones."""
    if DOVECOT is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    async with running(DOVECOT, **getattr(request, "param", {})) as it:
        yield it


@pytest.mark.parametrize("password", ["plain", 'a "quoted" \\ one', "パスワード", "with {5} braces"])
async def test_a_right_password_opens_inbox(dovecot: Dovecot, password: str) -> None:
    """Over TLS from the start and over STARTTLS, however the password is spelt."""
    dovecot.has(password)
    for changes in ({}, {"port": str(dovecot.starttls), "security": "starttls"}):
        got = await dovecot.provider.redeem(a_consent(USER), dovecot.form(password, **changes))
        grant = a_grant(got)
        evidence = await dovecot.provider.probe(grant, await dovecot.provider.refresh(grant))
        assert evidence.what == "imap.examine"


async def test_a_wrong_password_is_refused_by_its_code(dovecot: Dovecot) -> None:
    """Dovecot says AUTHENTICATIONFAILED, over both ways of logging in."""
    dovecot.has("right")
    for wrong in ("wrong", "ちがう"):
        with pytest.raises(GrantRejected) as refused:
            await dovecot.provider.redeem(a_consent(USER), dovecot.form(wrong))
        assert (refused.value.code, refused.value.cause) == ("AUTHENTICATIONFAILED", Cause.PASSWORD_REFUSED)


async def test_a_changed_password_ends_the_grant(dovecot: Dovecot) -> None:
    """It works until it is changed; that it was changed is what confirms the end."""
    dovecot.has("first")
    grant = a_grant(await dovecot.provider.redeem(a_consent(USER), dovecot.form("first")))
    assert await dovecot.provider.revoke(grant) is Revocation.BY_HAND
    dovecot.has("second")
    # Dovecot looks at its list of passwords once a second.
    async with asyncio.timeout(PATIENCE):
        while await dovecot.provider.revoke(grant) is not Revocation.CONFIRMED:
            await asyncio.sleep(0.2)
    with pytest.raises(GrantRejected):
        await dovecot.provider.refresh(grant)


@pytest.mark.parametrize("dovecot", [{"within": timedelta(seconds=1)}], indirect=True)
async def test_the_wrong_port_gets_nothing(dovecot: Dovecot) -> None:
    """TLS spoken to the STARTTLS port, and the other way round."""
    dovecot.has("right")
    crossed = ({"port": str(dovecot.starttls)}, {"security": "starttls"})
    for changes in crossed:
        with pytest.raises(ProviderUnavailable):
            await dovecot.provider.redeem(a_consent(USER), dovecot.form("right", **changes))


ONLY_SASL_LOGIN = pytest.mark.parametrize("dovecot", [{"mechanisms": "login"}], indirect=True)


@ONLY_SASL_LOGIN
@pytest.mark.parametrize("changes", [{}, {"security": "starttls"}])
async def test_a_host_that_knows_only_sasl_login(dovecot: Dovecot, changes: dict[str, str]) -> None:
    """The command LOGIN is not taken there (it is PLAIN in disguise), and no wrong password either."""
    dovecot.has("right")
    port = {"port": str(dovecot.starttls)} if changes else {}
    got = await dovecot.provider.redeem(a_consent(USER), dovecot.form("right", **port, **changes))
    grant = a_grant(got)
    assert await dovecot.provider.probe(grant, await dovecot.provider.refresh(grant))
    with pytest.raises(GrantRejected):
        await dovecot.provider.redeem(a_consent(USER), dovecot.form("wrong"))


@pytest.mark.parametrize("dovecot", [{"delay": "1 secs"}], indirect=True)
async def test_an_answer_that_is_held_back_is_waited_for(dovecot: Dovecot) -> None:
    """After a wrong login the answer comes later, and is the same."""
    dovecot.has("right")
    with pytest.raises(GrantRejected):
        await dovecot.provider.redeem(a_consent(USER), dovecot.form("wrong"))
    assert await dovecot.provider.redeem(a_consent(USER), dovecot.form("right"))
