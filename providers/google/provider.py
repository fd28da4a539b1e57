"""Gmail through Google's OAuth.

The one rule: nothing is believed that was not just proven: identity by signature, the grant by a refresh,
the mailbox by a call, a revocation by a refused refresh. An identity from consent is believed only if
google-auth verified signature and audience, and issuer, times and nonce are right as well. Times are
measured by the product's clock.

Scopes: ``gmail.labels`` is the only Gmail permission with a readable call (``users.labels.list``) that
Google does not class as restricted, so it proves a mailbox without a security assessment. It also allows
editing labels; the product never does. ``include_granted_scopes`` is never sent: it would tie our grant to
everything else the person ever gave the same project.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, cast
from urllib.parse import urlencode

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from bot.domain.channel import Cause
from bot.domain.errors import (
    ConsentFailed,
    GrantRejected,
    MailboxGone,
    PermissionMissing,
    ProviderError,
    ProviderUnavailable,
)
from bot.domain.grant import Grant, MailboxIdentity, Revocation, Secret, lacking
from bot.domain.provider_traits import ProviderTraits
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
from providers.http_client import HttpClient, HttpReply, Session
from providers.settings import GoogleClient

_SHORT_SCOPES: Final = {"email": "https://www.googleapis.com/auth/userinfo.email"}
_HEADER_SAFE = re.compile(r"[\x21-\x7e]{1,4096}")


class Google:
    """The Provider for Gmail and Google Workspace."""

    key = "google"
    label = "Gmail"
    needed_scopes = frozenset({LABELS_SCOPE})
    shared_scopes: frozenset[str] = frozenset()
    traits = ProviderTraits(sign_in_scopes=frozenset({"openid", "email"}))

    def __init__(
        self,
        client: GoogleClient,
        *,
        session: Session,
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


CLOCK_SKEW = timedelta(seconds=60)
_WHATEVER_THE_TIME = 10**11
"""google-auth measures by the machine's clock; ours is injected, so we measure ourselves."""
_OF_ODD_TOKENS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What google-auth meets in a token whose parts are of other types than they should be."""
_LEAST_AGE, _MOST_AGE = timedelta(minutes=1), timedelta(hours=24)


class IdentityNotProven(Exception):
    """The id token is no proof. ``code`` says of what it fell short; never holds the token."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Certificates:
    """Google's public keys, fetched when they are too old or an unknown key signed."""

    def __init__(self, wire: HttpClient, url: str, clock: Callable[[], datetime]) -> None:
        self._wire, self._url, self._clock = wire, url, clock
        self._lock = asyncio.Lock()
        self._keys: Mapping[str, str] = MappingProxyType({})
        self._fetched_at: datetime | None = None
        self._keep_for = timedelta()

    async def ready(self, kid: str | None = None) -> Mapping[str, str]:
        """Key id to PEM, with ``kid`` among them if Google has it. Raises ProviderUnavailable."""
        async with self._lock:
            if self._is_due(kid):
                await self._fetch()
            return self._keys

    def _is_due(self, kid: str | None) -> bool:
        if self._fetched_at is None:
            return True
        age = self._clock() - self._fetched_at
        if age < timedelta():  # by a clock that was ahead
            return True
        if kid is not None and kid not in self._keys:
            return age > _LEAST_AGE  # a forged key id must not make us hammer Google
        return age > self._keep_for

    async def _fetch(self) -> None:
        reply = await self._wire.get(self._url)
        keys = _pem_keys(reply)
        if keys is None:
            raise ProviderUnavailable(code="certificates", retry_after=reply.retry_after(self._clock()))
        self._keys, self._fetched_at, self._keep_for = keys, self._clock(), _fresh_for(reply)


class IdTokens:
    """Reads and verifies id tokens for one client."""

    def __init__(
        self, certificates: Certificates, *, client_id: str, issuer: str, clock: Callable[[], datetime]
    ) -> None:
        self._certificates = certificates
        self._client_id = client_id
        self._issuers = {issuer, issuer.removeprefix("https://")}
        self._clock = clock

    async def verified(self, token: str, *, nonce: str) -> Mapping[str, Any]:
        """The claims, proven. Raises IdentityNotProven and ProviderUnavailable."""
        keys = await self._certificates.ready(_key_id(token))
        claims = await asyncio.to_thread(_signed_claims, token, keys, self._client_id)
        now = self._clock().timestamp()
        skew = CLOCK_SKEW.total_seconds()
        if not isinstance(claims.get("iss"), str) or claims["iss"] not in self._issuers:
            raise IdentityNotProven("wrong_issuer")
        issued, expires = _instant(claims.get("iat")), _instant(claims.get("exp"))
        if issued is None or expires is None or not issued - skew <= now <= expires + skew:
            raise IdentityNotProven("wrong_time")
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise IdentityNotProven("no_subject")
        said = claims.get("nonce")
        if not isinstance(said, str) or not hmac.compare_digest(_bytes(said), nonce.encode()):
            raise IdentityNotProven("wrong_nonce")
        return claims

    def subject_of(self, token: object) -> tuple[str, str] | None:
        """``sub`` and ``hd`` of a token that came straight from the token endpoint, if it is ours.

        TLS vouches for the sender there (OpenID Connect Core 3.1.3.7, step 6), and probes are many:
        the signature is not checked again.
        """
        claims = _part(token, 1) if isinstance(token, str) else None
        if not claims or claims.get("aud") != self._client_id or not isinstance(claims.get("sub"), str):
            return None
        domain = claims.get("hd", "")
        return claims["sub"], domain if isinstance(domain, str) else ""


@dataclass(frozen=True, slots=True)
class _HeldReply:
    """The keys that are already here, as google-auth would fetch them."""

    data: bytes
    status: int = 200


def _signed_claims(token: str, keys: Mapping[str, str], client_id: str) -> dict[str, Any]:
    from google.auth import exceptions
    from google.oauth2 import id_token as google_id_token

    held: Any = _HeldReply(json.dumps(dict(keys)).encode())
    fetch: Any = lambda *_, **__: held  # noqa: E731  what google-auth would ask the network with
    try:
        claims = google_id_token.verify_token(
            token, fetch, audience=client_id, clock_skew_in_seconds=_WHATEVER_THE_TIME
        )
    except (exceptions.GoogleAuthError, *_OF_ODD_TOKENS):
        raise IdentityNotProven("bad_signature") from None  # their messages quote the token
    return cast("dict[str, Any]", claims)


def _instant(value: object) -> float | None:
    """Seconds since 1970, where they are a number of reasonable size."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < _WHATEVER_THE_TIME else None  # type: ignore[operator, arg-type]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _part(token: str, index: int) -> dict[str, Any] | None:
    """One JSON part of a compact JWS, unverified."""
    try:
        text = token.split(".")[index]
        parsed = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (IndexError, ValueError, binascii.Error, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _key_id(token: str) -> str | None:
    kid = (_part(token, 0) or {}).get("kid")
    return kid if isinstance(kid, str) else None


def _pem_keys(reply: HttpReply) -> dict[str, str] | None:
    """Key id to PEM, from either of Google's two forms (a map of certificates, or a JWK set)."""
    body = reply.json_object()
    if reply.status != 200 or not body:
        return None
    try:
        if isinstance(body.get("keys"), list):
            return {key["kid"]: _pem_of(key) for key in body["keys"] if key.get("kty") == "RSA"}
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
        return None
    return body if all(isinstance(pem, str) for pem in body.values()) else None


def _pem_of(key: Mapping[str, str]) -> str:
    e, n = (int.from_bytes(base64.urlsafe_b64decode(key[name] + "==")) for name in ("e", "n"))
    kind, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return RSAPublicNumbers(e, n).public_key().public_bytes(kind, form).decode()


def _fresh_for(reply: HttpReply) -> timedelta:
    """What Cache-Control and Age leave, between a minute and a day."""
    found = re.search(r"max-age=(\d{1,9})", reply.headers.get("Cache-Control", ""))
    age = re.fullmatch(r"\d{1,9}", reply.headers.get("Age", "0"))
    left = timedelta(seconds=(int(found[1]) if found else 3600) - (int(age[0]) if age else 0))
    return min(max(left, _LEAST_AGE), _MOST_AGE)
