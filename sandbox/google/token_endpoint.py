"""The token and revoke endpoints.

Rule: the client is proven first, then the grant; nothing is explained beyond Google's codes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any
from urllib.parse import unquote_plus

from aiohttp import web
from multidict import MultiMapping

from sandbox.answers import Answer, ok
from sandbox.google.answers import invalid_grant, oauth_error
from sandbox.google.ledger import ACCESS_LIFE, Code, RefreshToken
from sandbox.google.scopes import EMAIL, MAIL_SCOPES, OPENID, PROFILE, UnknownScope, parse
from sandbox.google.state import Client, State

FORM = "application/x-www-form-urlencoded"
GONE = "Token has been expired or revoked."
_BAD_CLIENT = oauth_error(401, "invalid_client", "Unauthorized")


class TokenEndpoint:
    """Exchanges codes and refresh tokens, and ends grants."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def token(self, request: web.Request) -> web.Response:
        """POST /token."""
        form = await _form(request)
        sub = self._owner(form, "refresh_token", "code")
        early = await self._broken("token", sub)
        return (early or self._answer(request, form, sub)).response()

    async def revoke(self, request: web.Request) -> web.Response:
        """POST /revoke: ends everything the account gave to the project."""
        form = await _form(request)
        sub = self._owner(form, "token")
        early = await self._broken("revoke", sub)
        return (early or self._revoked(form, sub)).response()

    async def _broken(self, place: str, sub: str | None) -> Answer | None:
        self._state.requests[place] += 1
        await self._state.faults.delay(place, sub)
        return self._state.faults.answer_for(place, sub)

    def _owner(self, form: MultiMapping[str] | None, *fields: str) -> str | None:
        texts = [form.get(name, "") for name in fields] if form is not None else []
        return next((sub for text in texts if (sub := self._state.ledger.owner_of(text))), None)

    def _revoked(self, form: MultiMapping[str] | None, sub: str | None) -> Answer:
        if form is None or not form.get("token"):
            return oauth_error(400, "invalid_request", "Missing required parameter: token")
        if sub is None or not self._state.ledger.is_live(form["token"]):
            return oauth_error(400, "invalid_token", GONE)
        self._state.ledger.end_grant(sub, lag=self._state.faults.allowance("revoke_lag", sub))
        return ok({})

    def _answer(self, request: web.Request, form: MultiMapping[str] | None, sub: str | None) -> Answer:
        if form is None:
            return oauth_error(400, "invalid_request", "Send one value per field, as a form")
        client = self._proven_client(request, form)
        if client is None:
            return _BAD_CLIENT
        if sub and (gone := self._account_gone(sub)):
            return gone
        grant_type = form.get("grant_type", "")
        if grant_type == "refresh_token":
            return self._refresh(form, client)
        if grant_type == "authorization_code":
            return self._redeem(form, client)
        return oauth_error(400, "unsupported_grant_type", f"Invalid grant_type: {grant_type}")

    def _proven_client(self, request: web.Request, form: MultiMapping[str]) -> Client | None:
        credentials = _basic(request.headers.get("Authorization", ""))
        client_id, secret = credentials or (form.get("client_id", ""), form.get("client_secret", ""))
        client = self._state.clients.get(client_id)
        proven = client and hmac.compare_digest(client.client_secret.encode(), secret.encode())
        return client if proven else None

    def _account_gone(self, sub: str) -> Answer | None:
        if self._state.faults.stands("account_deleted", sub):
            return invalid_grant("Account has been deleted")
        if self._state.faults.stands("account_disabled", sub):
            return invalid_grant("Account has been disabled")
        return None

    def _refresh(self, form: MultiMapping[str], client: Client) -> Answer:
        token = self._state.ledger.use_refresh(form.get("refresh_token", ""))
        if token is None:
            return invalid_grant(GONE) if form.get("refresh_token") else _missing("refresh_token")
        if token.client_id != client.client_id:
            return oauth_error(401, "unauthorized_client", "Unauthorized")
        scopes = self._left(token.sub, token.scopes)
        try:
            asked = parse(form.get("scope", ""))
        except UnknownScope:
            return oauth_error(400, "invalid_scope", "Bad Request")
        if not set(asked) <= set(scopes):
            return oauth_error(400, "invalid_scope", "Bad Request")
        if not self._state.faults.stands("rotating", token.sub):
            return ok(self._bearer(token, asked or scopes, token))
        heir = self._state.ledger.rotate(token)
        return ok({**self._bearer(heir, asked or scopes, heir), "refresh_token": heir.text})

    def _redeem(self, form: MultiMapping[str], client: Client) -> Answer:
        if not form.get("code"):
            return _missing("code")
        code = self._state.ledger.spend_code(form["code"])
        if code is None:
            return invalid_grant("Malformed auth code.")
        if code.client_id != client.client_id:
            return oauth_error(401, "unauthorized_client", "Unauthorized")
        if code.redirect_uri != form.get("redirect_uri"):
            return oauth_error(400, "redirect_uri_mismatch", "Bad Request")
        if wrong := _wrong_verifier(code, form.get("code_verifier", "")):
            return wrong
        refresh = self._state.ledger.issue_refresh(code) if code.offline else None
        body = self._bearer(code, code.scopes, refresh)
        if refresh:
            body["refresh_token"] = refresh.text
        return ok(body)

    def _left(self, sub: str, scopes: tuple[str, ...]) -> tuple[str, ...]:
        """The granted scopes, less those the person has taken back since."""
        if not self._state.faults.stands("scope_removed", sub):
            return scopes
        return tuple(name for name in scopes if name not in MAIL_SCOPES)

    def _bearer(
        self, given: Code | RefreshToken, scopes: tuple[str, ...], parent: RefreshToken | None
    ) -> dict[str, Any]:
        body: dict[str, Any] = {
            "access_token": self._state.ledger.issue_access(given.sub, scopes, parent).text,
            "expires_in": int(ACCESS_LIFE.total_seconds()) - 1,
            "scope": " ".join(scopes),
            "token_type": "Bearer",
        }
        if OPENID in scopes:
            body["id_token"] = self._identity(given, scopes)
        return body

    def _identity(self, given: Code | RefreshToken, scopes: tuple[str, ...]) -> str:
        account = self._state.accounts.by_sub(given.sub)
        now = int(self._state.clock().timestamp())
        claims: dict[str, Any] = {
            "iss": self._state.issuer,
            "azp": given.client_id,
            "aud": given.client_id,
            "sub": account.sub,
            "iat": now,
            "exp": now + int(ACCESS_LIFE.total_seconds()),
        }
        if EMAIL in scopes:
            claims |= {"email": account.email, "email_verified": True}
        if PROFILE in scopes:
            claims["name"] = account.name
        if account.hosted_domain:
            claims["hd"] = account.hosted_domain
        if isinstance(given, Code) and given.nonce:
            claims["nonce"] = given.nonce
        return self._state.key.sign(claims)


async def _form(request: web.Request) -> MultiMapping[str] | None:
    """The fields of a form body, or None when it is no form or repeats a field."""
    if request.content_type != FORM:
        return None
    form = await request.post()
    if len(set(form)) != len(form):
        return None
    return form  # type: ignore[return-value]  # a urlencoded form holds no files


def _basic(header: str) -> tuple[str, str] | None:
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        user, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ("", "")
    return unquote_plus(user), unquote_plus(secret)


def _wrong_verifier(code: Code, verifier: str) -> Answer | None:
    if not code.challenge:
        return invalid_grant("code_verifier or verifier is not needed.") if verifier else None
    if not verifier:
        return invalid_grant("Missing code verifier.")
    proof = verifier
    if code.challenge_method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return None if hmac.compare_digest(proof, code.challenge) else invalid_grant("Invalid code verifier.")


def _missing(field: str) -> Answer:
    return oauth_error(400, "invalid_request", f"Missing required parameter: {field}")
