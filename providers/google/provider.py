"""Gmail through Google's OAuth.

The one rule: nothing is believed that was not just proven: identity by signature, the grant by a
refresh, the mailbox by a call, a revocation by a refused refresh.

Scopes: ``gmail.labels`` is the only Gmail permission with a readable call (``users.labels.list``) that
Google does not class as restricted, so it proves a mailbox without a security assessment. It also
allows editing labels; the product never does. ``include_granted_scopes`` is never sent: it would tie
our grant to everything else the person ever gave the same project.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp

from bot.domain.channel import Cause
from bot.domain.errors import (
    ConsentFailed,
    GrantRejected,
    MailboxGone,
    PermissionMissing,
    ProviderError,
)
from bot.domain.grant import Grant, MailboxIdentity, Revocation, Secret
from bot.domain.provider_traits import ProviderTraits
from bot.domain.scopes import lacking
from providers.base import (
    Authorization,
    Consent,
    Evidence,
    Redirect,
    RefreshedGrant,
    Renew,
    life_in,
    renewed,
)
from providers.google.errors import LABELS_SCOPE, GoogleErrors, of_consent
from providers.google.id_token import Certificates, IdentityNotProven, IdTokens
from providers.http_client import HttpClient, HttpReply
from providers.settings import GoogleClient

_SHORT_SCOPES: Final = {"email": "https://www.googleapis.com/auth/userinfo.email"}
_HEADER_SAFE = re.compile(r"[\x21-\x7e]{1,4096}")


class Google:
    """The Provider for Gmail and Google Workspace."""

    key = "google"
    label = "Gmail"
    needed_scopes = frozenset({LABELS_SCOPE})
    shared_scopes: frozenset[str] = frozenset()
    traits = ProviderTraits()

    def __init__(
        self,
        client: GoogleClient,
        *,
        session: aiohttp.ClientSession,
        clock: Callable[[], datetime],
        timeout: timedelta = timedelta(seconds=10),
    ) -> None:
        self._client = client
        self.app_id = client.client_id
        self._clock = clock
        self._wire = HttpClient(session, timeout=timeout)
        self._certificates = Certificates(self._wire, client.certs_url, clock)
        self._id_tokens = IdTokens(
            self._certificates, client_id=client.client_id, issuer=client.issuer, clock=clock
        )
        self._errors = GoogleErrors(clock)

    def approval_url(self, scopes: frozenset[str], *, redirect_uri: str, tenant: str, state: str) -> str:
        """See ``Provider``. Google's admins trust an app in their console, by its client id."""
        return ""

    async def begin(self, consent: Consent) -> Redirect:
        """See ``Provider``. ``prompt=consent`` because Google hands out a refresh token only then."""
        query = {
            "client_id": self._client.client_id,
            "redirect_uri": consent.redirect_uri,
            "response_type": "code",
            "scope": " ".join(["openid", "email", *sorted(consent.scopes)]),
            "access_type": "offline",
            "prompt": "consent",
            "login_hint": consent.address,
            "state": consent.state.reveal(),
            "nonce": consent.nonce,
            "code_challenge": _challenge(consent.verifier),
            "code_challenge_method": "S256",
        }
        return Redirect(f"{self._client.auth_url}?{urlencode(query)}")

    async def redeem(self, consent: Consent, callback: Mapping[str, str]) -> Authorization:
        """See ``Provider``. The certificates come first: a code that was spent cannot be tried again."""
        code = self._code_of(consent, callback)
        await self._certificates.ready()
        answer = await self._exchange(consent, code)
        try:
            claims = await self._id_tokens.verified(_text(answer, "id_token"), nonce=consent.nonce)
        except IdentityNotProven as doubt:
            raise ConsentFailed(consent.address, doubt.code) from None
        address = _text(claims, "email").lower()
        if not address or claims.get("email_verified") is not True:
            raise ConsentFailed(consent.address, "address_not_verified")
        secret = _text(answer, "refresh_token")
        if not secret:
            raise ConsentFailed(consent.address, "no_refresh_token")
        scopes = _scopes_of(answer)
        return Authorization(
            identity=MailboxIdentity(self.key, claims["sub"], _text(claims, "hd")),
            address=address,
            addresses=frozenset({address}),
            scopes=scopes,
            missing=lacking(self.needed_scopes, scopes),
            secret=Secret(secret),
        )

    async def refresh(self, grant: Grant, *, claims: str = "") -> RefreshedGrant:
        """See ``Provider``. No ``scope`` is sent: asking for one that was not granted is refused."""
        secret = grant.secret
        if not secret:
            raise GrantRejected("erased")
        answer = await self._token({"grant_type": "refresh_token", "refresh_token": secret.reveal()})
        subject = self._id_tokens.subject_of(answer.get("id_token"))
        rotated = _text(answer, "refresh_token")
        return RefreshedGrant(
            access_token=Secret(answer["access_token"]),
            secret=Secret(rotated) if rotated else secret,
            scopes=_scopes_of(answer) or grant.scopes,
            identity=MailboxIdentity(self.key, *subject) if subject else None,
            lives_for=life_in(answer),
        )

    async def probe(self, grant: Grant, fresh: RefreshedGrant, renew: Renew | None = None) -> Evidence:
        """See ``Provider``. Identity is the account's number alone: its domain may be renamed. What was
        granted, the mailbox tells: an answer that opens it proves more than a list of permissions."""
        if fresh.identity and fresh.identity.subject != grant.signer.subject:
            raise MailboxGone("other_account", cause=Cause.OTHER_MAILBOX)
        reply = await self._labels(fresh.access_token)
        if reply.status == 401:
            # A token can die on the way. A refused refresh says more, so that is asked first.
            reply = await self._labels((await renewed(self, grant, fresh, renew)).access_token)
        if reply.is_trouble or reply.status != 200:
            raise _named(self._errors.of_gmail(reply), lacking(self.needed_scopes, fresh.scopes))
        if not isinstance((reply.json_object() or {}).get("labels"), list):
            raise self._errors.unreadable(reply)
        return Evidence(self._clock(), "gmail.labels")

    async def revoke(self, grant: Grant, renew: Renew | None = None) -> Revocation:
        """See ``Provider``. Ends *everything* the account gave to our Google project: ask first."""
        if not grant.secret:
            return Revocation.NOT_CONFIRMED
        reply = await self._wire.post_form(self._client.revoke_url, {"token": grant.secret.reveal()})
        answer = reply.json_object() or {}
        already_gone = reply.status == 400 and answer.get("error") in ("invalid_token", "invalid_grant")
        if not already_gone and reply.status != 200:
            raise self._errors.of_token(reply)
        return await self._what_became_of(grant, renew)

    async def _what_became_of(self, grant: Grant, renew: Renew | None) -> Revocation:
        """Only the plain refusal proves it: a policy or a re-sign-in leaves the grant standing."""
        try:
            await (renew("") if renew else self.refresh(grant))
        except GrantRejected as refused:
            gone = refused.cause is Cause.GRANT_REFUSED
            return Revocation.CONFIRMED if gone else Revocation.REQUESTED
        except ProviderError:
            return Revocation.REQUESTED
        return Revocation.REQUESTED

    def _code_of(self, consent: Consent, callback: Mapping[str, str]) -> str:
        state = callback.get("state", "").encode()
        if not hmac.compare_digest(state, consent.state.reveal().encode()):
            raise ConsentFailed(consent.address, "state_mismatch")
        if error := callback.get("error"):
            raise of_consent(consent.address, error)
        if not callback.get("code"):
            raise ConsentFailed(consent.address, "no_code")
        return callback["code"]

    async def _exchange(self, consent: Consent, code: str) -> dict[str, Any]:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": consent.redirect_uri,
            "code_verifier": consent.verifier.reveal(),
        }
        try:
            return await self._token(fields)
        except GrantRejected as refused:  # the code was used, is too old or not ours: no mailbox died
            raise ConsentFailed(consent.address, refused.code) from None

    async def _token(self, fields: Mapping[str, str]) -> dict[str, Any]:
        client = {
            "client_id": self._client.client_id,
            "client_secret": self._client.client_secret.reveal(),
        }
        reply = await self._wire.post_form(self._client.token_url, {**fields, **client})
        answer = reply.json_object()
        if reply.status != 200 or answer is None or "error" in answer:
            raise self._errors.of_token(reply)
        access = answer.get("access_token")
        if not isinstance(access, str) or not _HEADER_SAFE.fullmatch(access):
            raise self._errors.unreadable(reply)
        rotated = answer.get("refresh_token")
        if rotated and not (isinstance(rotated, str) and _HEADER_SAFE.fullmatch(rotated)):
            raise self._errors.unreadable(reply)
        return answer

    async def _labels(self, access_token: Secret) -> HttpReply:
        url = f"{self._client.gmail_api_url}/gmail/v1/users/me/labels?fields=labels(id)"
        return await self._wire.get(url, headers={"Authorization": f"Bearer {access_token.reveal()}"})


def _text(answer: Mapping[str, Any], name: str) -> str:
    """A field that should be a text; empty if it is anything else."""
    value = answer.get(name)
    return value if isinstance(value, str) else ""


def _challenge(verifier: Secret) -> str:
    digest = hashlib.sha256(verifier.reveal().encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _named(error: ProviderError, missing: frozenset[str]) -> ProviderError:
    """A refused permission, with the names of those that are known to be missing."""
    if isinstance(error, PermissionMissing) and missing:
        error.scopes = missing
    return error


def _scopes_of(answer: Mapping[str, Any]) -> frozenset[str]:
    """The granted scopes, under their full names."""
    scope = answer.get("scope")
    return (
        frozenset(_SHORT_SCOPES.get(name, name) for name in scope.split())
        if isinstance(scope, str)
        else frozenset()
    )
