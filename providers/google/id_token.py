"""Whose mailbox it is, by Google's signature.

The one rule: an identity from consent is believed only if google-auth verified the signature and
audience, and issuer, times and nonce are right as well. Times are measured by the product's clock.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, cast

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from google.auth import exceptions, transport
from google.oauth2 import id_token as google_id_token

from bot.domain.errors import ProviderUnavailable
from providers.http_client import HttpClient, HttpReply

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
        claims = _signed_claims(token, keys, self._client_id)
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


class _Held(transport.Request):
    """Hands google-auth the keys that are already here."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._reply = _HeldReply(json.dumps(dict(keys)).encode())

    def __call__(self, *args: Any, **kwargs: Any) -> transport.Response:
        return self._reply


class _HeldReply(transport.Response):
    status = 200
    headers: Mapping[str, str] = MappingProxyType({})
    data = b""

    def __init__(self, data: bytes) -> None:
        self.data = data


def _signed_claims(token: str, keys: Mapping[str, str], client_id: str) -> dict[str, Any]:
    try:
        claims = google_id_token.verify_token(
            token, _Held(keys), audience=client_id, clock_skew_in_seconds=_WHATEVER_THE_TIME
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
