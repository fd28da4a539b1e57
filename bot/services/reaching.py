"""Asks a provider about one grant, and keeps what a refresh rotates. Network only outside transactions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.cause import Cause
from bot.domain.errors import (
    MailboxGone,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
)
from bot.domain.grant import Grant
from bot.services.core import Core
from bot.services.lockouts import Lockouts, is_refused_login
from providers.base import Fresh


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a mailbox showed. No error is proof of life."""

    error: ProviderError | None
    code: str = ""
    fingerprint: str = ""
    """Of the secret that the answer is about: the renewed one, where the refresh brought one."""
    put_off_until: datetime | None = None
    """Nobody looked: the host has refused too many logins lately. No news about the mailbox."""


class Reaching:
    """Refreshes and probes."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._lockouts = Lockouts(core)

    async def look(self, grant: Grant, *, refresh_only: bool = False, is_sparing: bool = True) -> Look:
        """Refresh ``grant`` and, unless told otherwise, make the cheap mailbox call. Never raises
        ``ProviderError``: it is the answer.

        ``is_sparing`` leaves a host alone that has refused too many logins; who has just shown that the
        password is right need not wait for it.
        """
        if not is_sparing or not self._lockouts.may_follow(grant):
            return await self._look(grant, refresh_only=refresh_only)
        async with self._lockouts.turn(grant) as turn:
            if turn.put_off_until is not None:
                spared = ProviderUnavailable("host_spared")
                return Look(spared, spared.code, put_off_until=turn.put_off_until)
            look = await self._look(grant, refresh_only=refresh_only)
            turn.was_refused = is_refused_login(look.error)
        return look

    async def _look(self, grant: Grant, *, refresh_only: bool) -> Look:
        secret = grant.secret
        try:
            fresh = await self._refreshed(grant)
            secret = fresh.secret
            if not refresh_only:
                await self._core.providers.get(grant.provider).probe(grant, fresh)
        except ProviderError as error:
            if isinstance(error, ProviderUnavailable) and error.unknown_code:
                self._core.telemetry.unknown_code(grant.provider, error.code)
            return Look(error, error.code, secret.fingerprint if secret else "")
        return Look(None, fingerprint=secret.fingerprint)

    async def _refreshed(self, grant: Grant) -> Fresh:
        if not self._core.providers.is_on(grant.provider):
            raise ProviderMisconfigured("no_client")
        if grant.secret is None:
            raise ProviderMisconfigured("key_lost")  # a live grant without a secret: its key is gone
        fresh = await self._core.providers.get(grant.provider).refresh(grant)
        if fresh.identity is not None and fresh.identity.subject != grant.signer.subject:
            raise MailboxGone("other_subject", Cause.OTHER_MAILBOX)  # and its secret is not ours to keep
        if fresh.secret != grant.secret:
            async with self._core.storage.writing() as uow:
                await uow.grants.save_secret(
                    grant.id, secret=fresh.secret, scopes=fresh.scopes, expected_version=grant.version
                )
                await uow.commit()
        return fresh
