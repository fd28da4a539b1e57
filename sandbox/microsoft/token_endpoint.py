"""The token endpoint, and clients that prove themselves with a certificate (``private_key_jwt``).

Rule: the client is proven first, then the grant, then what the person or the admin still allows. Of an
assertion the signature first, then whose it is, for whom, and when.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import Certificate
from multidict import MultiMapping
from yarl import URL

from sandbox.answers import Answer, ok
from sandbox.microsoft.aadsts import aad
from sandbox.microsoft.authority import Authority, authority_of, claims_of, client_info
from sandbox.microsoft.authorization import is_json_object
from sandbox.microsoft.faults import CLAIMS
from sandbox.microsoft.scopes import (
    EXCHANGE,
    GRAPH,
    OFFLINE,
    OPENID,
    SIGN_IN,
    UnknownScope,
    full_name,
    not_valid,
    parse,
    resources,
)
from sandbox.microsoft.state import ACCESS_LIFE, Account, Client, Code, SignIn, State

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SLACK = timedelta(minutes=5)
"""How far the two clocks may be apart."""


def _fault_of_assertion(form: MultiMapping[str], client: Client, *, url: str, now: datetime) -> int:
    """The number of what is wrong with it; 0 if it proves ``client``."""
    if form.get("client_assertion_type") != TYPE:
        return 7000218
    if client.certificate is None or "client_secret" in form:
        return 700027
    claims = _claims(form["client_assertion"], client.certificate)
    if claims is None or not claims.get("jti"):
        return 700027
    if {claims.get("iss"), claims.get("sub")} != {client.client_id}:
        return 700021
    if claims.get("aud") != url:
        return 700023
    begins, ends = claims.get("nbf"), claims.get("exp")
    if not isinstance(begins, int) or not isinstance(ends, int):
        return 700024
    is_in_time = begins - SLACK.total_seconds() <= now.timestamp() < ends + SLACK.total_seconds()
    return 0 if is_in_time and client.certificate.not_valid_after_utc > now else 700024


def _claims(assertion: str, certificate: Certificate) -> dict[str, Any] | None:
    """What it says, if it is signed with the certificate that it names."""
    key = certificate.public_key()
    assert isinstance(key, RSAPublicKey)
    thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(SHA256())).rstrip(b"=").decode()
    # The sandbox's clock is not the machine's: times are judged by the caller.
    unjudged = {f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud")}
    try:
        if jwt.get_unverified_header(assertion).get("x5t#S256") != thumbprint:
            return None
        claims: dict[str, Any] = jwt.decode(assertion, key, algorithms=["PS256"], options=unjudged)  # type: ignore[arg-type]
    except jwt.PyJWTError:
        return None
    return claims


FORM = "application/x-www-form-urlencoded"


@dataclass
class _Refused(Exception):
    """The answer is a refusal, by its number."""

    number: int
    error: str = ""
    text: str = ""
    suberror: str | None = None
    claims: str = ""


class TokenEndpoint:
    """Exchanges codes and refresh tokens."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def token(self, request: web.Request) -> web.Response:
        """POST /{tenant}/oauth2/v2.0/token."""
        form = await _form(request)
        whom = self._whom(form)
        self._state.requests["token"] += 1
        await self._state.faults.delay("token", *whom)
        early = self._state.faults.answer_for("token", *whom)
        if early is None and form is not None and EXCHANGE in form.get("scope", ""):
            early = self._state.faults.answer_for("exchange", *whom)
        return (early or self._answer(request.match_info["tenant"], form, request.url)).response()

    def _whom(self, form: MultiMapping[str] | None) -> tuple[str, ...]:
        """Under which ids the owner of what was sent can be hit; nobody when it was made up."""
        texts = [form.get(name, "") for name in ("refresh_token", "code")] if form is not None else []
        oid = next((oid for text in texts if (oid := self._state.ledger.owner_of(text))), None)
        return (oid, self._state.directory.by_oid(oid).tid) if oid else ()

    def _answer(self, path: str, form: MultiMapping[str] | None, url: URL) -> Answer:
        try:
            return ok(self._granted(path, form, url))
        except _Refused as no:
            return aad(
                self._state.clock,
                no.number,
                error=no.error,
                text=no.text,
                suberror=no.suberror,
                claims=no.claims,
            )

    def _granted(self, path: str, form: MultiMapping[str] | None, url: URL) -> dict[str, Any]:
        authority = authority_of(path, self._state.directory)
        if authority is None:
            raise _Refused(90002, text=f"Tenant '{path}' not found.")
        if form is None:
            raise _Refused(9002313, error="invalid_request")
        client = self._proven_client(form, str(url))
        grant_type = _needed(form, "grant_type")
        if grant_type == "refresh_token":
            return self._refreshed(form, client, authority)
        if grant_type == "authorization_code":
            return self._redeemed(form, client, authority)
        raise _Refused(70003, text=f"The app requested an unsupported grant type '{grant_type}'.")

    def _proven_client(self, form: MultiMapping[str], url: str) -> Client:
        client = self._state.clients.get(_needed(form, "client_id"))
        if client is None:
            raise _Refused(700016)
        if "client_assertion" in form:
            if number := _fault_of_assertion(form, client, url=url, now=self._state.clock()):
                raise _Refused(number)
            return client
        secret = form.get("client_secret", "")
        if not secret:
            raise _Refused(7000218)
        if not hmac.compare_digest(client.client_secret.encode(), secret.encode()):
            raise _Refused(7000215)
        return client

    def _redeemed(self, form: MultiMapping[str], client: Client, authority: Authority) -> dict[str, Any]:
        code = self._state.ledger.spend_code(_needed(form, "code"))
        if isinstance(code, int):
            raise _Refused(code)
        if code.sign_in.client_id != client.client_id:
            raise _Refused(70000, suberror="client_mismatch", text="The code was issued to another client.")
        if code.redirect_uri != _needed(form, "redirect_uri"):
            raise _Refused(500112)
        if not _proves(code, form.get("code_verifier", "")):
            raise _Refused(501481)
        return self._bearer(form, code.sign_in, authority, code.nonce)

    def _refreshed(self, form: MultiMapping[str], client: Client, authority: Authority) -> dict[str, Any]:
        token = self._state.ledger.refresh_token(_needed(form, "refresh_token"))
        if token is None:
            raise _Refused(9002313)
        if token.sign_in.client_id != client.client_id:
            raise _Refused(70000, suberror="client_mismatch", text="The token was issued to another client.")
        if token.is_spent:
            self._state.ledger.end_family(token.family, 50173)
        if token.ended is not None:
            raise _Refused(token.ended)
        if self._state.ledger.is_idle(token):
            raise _Refused(70000 if token.sign_in.is_personal else 700082)
        granted = self._bearer(form, token.sign_in, authority, family=token.family)
        self._state.ledger.used(token)
        token.is_spent = self._state.stands("rotating", self._state.directory.by_oid(token.sign_in.oid))
        return granted

    def _bearer(
        self,
        form: MultiMapping[str],
        sign_in: SignIn,
        authority: Authority,
        nonce: str = "",
        *,
        family: str = "",
    ) -> dict[str, Any]:
        account = self._state.directory.by_oid(sign_in.oid)
        if "claims" in form and not is_json_object(form["claims"]):
            raise _Refused(9002313, error="invalid_request", text="The claims parameter is not valid JSON.")
        self._check(account, sign_in, authority)
        allowed = self._state.allowed(sign_in.client_id, account)
        asked = self._asked(form, sign_in, allowed)
        # An access token carries all that the app may do at one resource, whatever it asked for this time.
        here = resources(asked) or {GRAPH}
        scopes = (asked & SIGN_IN) | frozenset(
            one for one in allowed - SIGN_IN if resources(frozenset({one})) == here
        )
        body: dict[str, Any] = {
            "token_type": "Bearer",
            "scope": self._told(account, scopes - {OFFLINE}, sign_in),
            "expires_in": int(ACCESS_LIFE.total_seconds()) - 1,
            "ext_expires_in": int(ACCESS_LIFE.total_seconds()) - 1,
            "access_token": self._state.ledger.issue_access(sign_in, scopes).text,
        }
        if OFFLINE in asked:
            body["refresh_token"] = self._state.ledger.issue_refresh(sign_in, family=family).text
        if OPENID in asked:
            body["id_token"] = self._identity(account, sign_in.client_id, scopes, nonce)
        if form.get("client_info") == "1":
            body["client_info"] = client_info(account)
        return body

    def _told(self, account: Account, scopes: frozenset[str], sign_in: SignIn) -> str:
        """What was granted, in one of the ways in which Microsoft has been seen to write it."""
        if self._state.stands("scopes_few", account):
            scopes = scopes & (SIGN_IN | {"User.Read"})
        if self._state.stands("scopes_wider", account):
            scopes = frozenset(name.replace("Mail.ReadBasic", "Mail.Read") for name in scopes)
        told = _told(scopes, full_names=sign_in.full_names or account.is_personal)
        return told.lower() if self._state.stands("scopes_lower", account) else told

    def _identity(self, account: Account, client_id: str, scopes: frozenset[str], nonce: str) -> str:
        return self._state.key.sign(claims_of(account, client_id, scopes, nonce, self._state.clock()))

    def _check(self, account: Account, sign_in: SignIn, authority: Authority) -> None:
        if not authority.admits(account):
            raise _Refused(50020)
        if self._state.stands("claims_demanded", account) and not sign_in.claims:
            raise _Refused(50076, claims=CLAIMS)
        if self._state.stands("mfa_demanded", account) and not sign_in.mfa:
            raise _Refused(50076)

    def _asked(self, form: MultiMapping[str], sign_in: SignIn, allowed: frozenset[str]) -> frozenset[str]:
        try:
            asked = frozenset(parse(form.get("scope", "")) or sign_in.scopes)
        except UnknownScope as unknown:
            raise _Refused(70011, text=not_valid(str(unknown))) from None
        if len(resources(asked)) > 1:
            raise _Refused(28000)
        if not asked <= allowed:
            raise _Refused(70000 if sign_in.is_personal else 65001)
        return asked


async def _form(request: web.Request) -> MultiMapping[str] | None:
    """The fields of a form body, or None when it is no form or repeats a field."""
    if request.content_type != FORM:
        return None
    form = await request.post()
    if len(set(form)) != len(form):
        return None
    return form  # type: ignore[return-value]  # a urlencoded form holds no files


def _needed(form: MultiMapping[str], name: str) -> str:
    value = form.get(name, "")
    if not value:
        raise _Refused(900144, text=f"The request body must contain the following parameter: '{name}'.")
    return value


def _proves(code: Code, verifier: str) -> bool:
    if not code.challenge or not verifier:
        return not code.challenge and not verifier
    digest = hashlib.sha256(verifier.encode()).digest()
    proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return hmac.compare_digest(proof, code.challenge)


def _told(scopes: frozenset[str], *, full_names: bool) -> str:
    return " ".join(full_name(name) if full_names else name.removeprefix(EXCHANGE) for name in sorted(scopes))
