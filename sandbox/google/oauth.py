"""Google's OAuth: the authorization request, its consent pages, the token endpoint and the revoke endpoint.

Rule: until client and redirect address are proven, never redirect. The pages are plain HTML forms: everything
a click needs is in the address it was asked with, and every phrase exists in every language. At the token
endpoint the client is proven first, then the grant; nothing is explained beyond Google's codes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote_plus, urlencode

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from multidict import MultiMapping

from sandbox.answers import Answer, ConsentRefused, ok, preferred
from sandbox.google.state import (
    ACCESS_LIFE,
    EMAIL,
    MAIL_SCOPES,
    OPENID,
    PROFILE,
    Account,
    Client,
    Code,
    RefreshToken,
    State,
    UnknownScope,
    mail_among,
    parse,
)


def oauth_error(status: int, error: str, description: str = "", **fields: str) -> Answer:
    """A refusal of the token or revoke endpoint."""
    body = {"error": error, **({"error_description": description} if description else {}), **fields}
    return Answer(status, json.dumps(body))


def invalid_grant(description: str = "Bad Request", **fields: str) -> Answer:
    return oauth_error(400, "invalid_grant", description, **fields)


PROMPTS = frozenset({"none", "consent", "select_account"})


@dataclass(frozen=True)
class ConsentRequest:
    """An authorization request that passed every check."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    offline: bool
    prompt: frozenset[str]
    login_hint: str
    nonce: str
    challenge: str
    challenge_method: str

    def back(self, **answer: str) -> str:
        """The callback address with the answer in its query."""
        given = {"state": self.state, **answer} if self.state else answer
        joint = "&" if "?" in self.redirect_uri else "?"
        return self.redirect_uri + joint + urlencode(given)


def read_request(query: MultiMapping[str], clients: Mapping[str, Client]) -> ConsentRequest:
    """Check an authorization request as strictly as Google does. Raises ConsentRefused."""
    for name in set(query.keys()):
        if len(query.getall(name)) > 1:
            raise _bad(f"Parameter given more than once: {name}")
    client = _proven_client(query, clients)
    _check_shape(query)
    return ConsentRequest(
        client_id=client.client_id,
        redirect_uri=query["redirect_uri"],
        scopes=_scopes(query),
        state=query.get("state", ""),
        offline=query.get("access_type") == "offline",
        prompt=_prompt(query),
        login_hint=query.get("login_hint", ""),
        nonce=query.get("nonce", ""),
        challenge=query.get("code_challenge", ""),
        challenge_method=query.get("code_challenge_method", "plain"),
    )


def check_account(state: State, account: Account) -> None:
    """Whether this account may consent at all. Raises ConsentRefused."""
    if state.faults.stands("admin_policy", account.sub):
        raise ConsentRefused(400, "admin_policy_enforced", "Your organisation's admin restricts this app.")
    if state.faults.stands("account_deleted", account.sub):
        raise ConsentRefused(400, "account_deleted", "This account was deleted.")
    if state.faults.stands("account_disabled", account.sub):
        raise ConsentRefused(403, "disabled_account", "This account is disabled.")
    for broken in ("deleted_client", "disabled_client"):
        if state.faults.stands(broken, account.sub):
            raise ConsentRefused(401, broken, "The OAuth client cannot be used.")


def declined(request: ConsentRequest) -> str:
    return request.back(error="access_denied")


def granted(state: State, request: ConsentRequest, account: Account, ticked: Collection[str]) -> str:
    """The callback address after *Continue*; nothing at all granted counts as Cancel."""
    check_account(state, account)
    offered = {scope.name for scope in mail_among(request.scopes)}
    scopes = tuple(name for name in request.scopes if name not in offered or name in ticked)
    if not scopes:
        return declined(request)
    ledger = state.ledger
    first = ledger.is_first_offline(request.client_id, account.sub)
    code = ledger.issue_code(
        Code(
            client_id=request.client_id,
            redirect_uri=request.redirect_uri,
            sub=account.sub,
            scopes=scopes,
            offline=request.offline and (first or "consent" in request.prompt),
            nonce=request.nonce,
            challenge=request.challenge,
            challenge_method=request.challenge_method,
        )
    )
    domain = {"hd": account.hosted_domain} if account.hosted_domain else {}
    prompt = " ".join(sorted(request.prompt)) or "none"
    return request.back(code=code, scope=" ".join(scopes), authuser="0", **domain, prompt=prompt)


def _proven_client(query: MultiMapping[str], clients: Mapping[str, Client]) -> Client:
    if not query.get("client_id"):
        raise _bad("Missing required parameter: client_id")
    client = clients.get(query["client_id"])
    if client is None:
        raise ConsentRefused(401, "invalid_client", "The OAuth client was not found.")
    if not query.get("redirect_uri"):
        raise _bad("Missing required parameter: redirect_uri")
    if query["redirect_uri"] not in client.redirect_uris:
        raise ConsentRefused(400, "redirect_uri_mismatch", f"redirect_uri={query['redirect_uri']}")
    return client


def _check_shape(query: MultiMapping[str]) -> None:
    kind = query.get("response_type", "")
    if not kind:
        raise _bad("Missing required parameter: response_type")
    if kind != "code":
        raise ConsentRefused(400, "unsupported_response_type", f"response_type={kind}")
    if query.get("access_type", "online") not in {"online", "offline"}:
        raise _bad(f"Invalid parameter value for access_type: {query['access_type']}")
    if query.get("code_challenge_method", "plain") not in {"plain", "S256"}:
        raise _bad("Invalid parameter value for code_challenge_method")
    if "code_challenge_method" in query and not query.get("code_challenge"):
        raise _bad("Missing required parameter: code_challenge")


def _scopes(query: MultiMapping[str]) -> tuple[str, ...]:
    try:
        scopes = parse(query.get("scope", ""))
    except UnknownScope as unknown:
        raise ConsentRefused(400, "invalid_scope", f"Some requested scopes are unknown: {unknown}") from None
    if not scopes:
        raise _bad("Missing required parameter: scope")
    return scopes


def _prompt(query: MultiMapping[str]) -> frozenset[str]:
    prompt = frozenset(query.get("prompt", "").split())
    if prompt - PROMPTS or ("none" in prompt and len(prompt) > 1):
        raise _bad(f"Invalid parameter value for prompt: {query['prompt']}")
    return prompt


def _bad(detail: str) -> ConsentRefused:
    return ConsentRefused(400, "invalid_request", detail)


WORDS: Final = {
    "en": {
        "brand": "Local Google (sandbox)",
        "choose": "Choose an account",
        "to_continue": "to continue to {app}",
        "no_such": "There is no account {address} here. Choose another one.",
        "another": "Use another account",
        "wants": "{app} wants access to your account",
        "select": "Choose what {app} may do",
        "identity": "{app} will see who you are: your address and your account’s number.",
        "later": "You can take this back at any time in your account settings.",
        "continue": "Continue",
        "cancel": "Cancel",
        "blocked": "Access blocked",
        "blocked_why": "{app} sent a request that cannot be answered, or you may not use it.",
        "error": "Error {status}: {code}",
    },
    "ja": {
        "brand": "ローカル Google（サンドボックス）",
        "choose": "アカウントの選択",
        "to_continue": "「{app}」に進みます",
        "no_such": "{address} というアカウントはここにありません。別のアカウントを選んでください。",
        "another": "別のアカウントを使用",
        "wants": "「{app}」がアカウントへのアクセスを求めています",
        "select": "「{app}」に許可する操作",
        "identity": "「{app}」にはメールアドレスとアカウント番号が伝わります。",
        "later": "この許可は、アカウント設定からいつでも取り消せます。",
        "continue": "続行",
        "cancel": "キャンセル",
        "blocked": "アクセスがブロックされました",
        "blocked_why": "「{app}」からのリクエストに応じられないか、このアカウントでは利用できません。",
        "error": "エラー {status}: {code}",
    },
}


HERE = Path(__file__).parent
STYLE = (HERE / "google.css").read_text(encoding="utf-8")
TEMPLATES = Environment(
    loader=FileSystemLoader(HERE.parent / "templates"), autoescape=True, undefined=StrictUndefined
)


class Pages:
    """Choose an account, choose what to allow, or read why not."""

    def __init__(self, state: State, prefix: str) -> None:
        self._state = state
        self._prefix = prefix
        self._auth = f"{prefix}/o/oauth2/v2/auth"

    async def begin(self, request: web.Request) -> web.StreamResponse:
        """GET …/auth: the hinted account's consent page, or the list of accounts."""
        self._state.requests["auth"] += 1
        try:
            wish = read_request(request.query, self._state.clients)
        except ConsentRefused as refused:
            return self._refused(request, refused)
        if "none" in wish.prompt:
            raise web.HTTPFound(wish.back(error="interaction_required"))
        hinted = self._hinted(wish)
        if hinted is None or "select_account" in wish.prompt:
            return self._chooser(request, wish)
        return self._consent(request, wish, hinted)

    async def choose(self, request: web.Request) -> web.StreamResponse:
        """GET …/auth/accounts: the list, whatever the hint."""
        try:
            return self._chooser(request, read_request(request.query, self._state.clients))
        except ConsentRefused as refused:
            return self._refused(request, refused)

    async def ask(self, request: web.Request) -> web.StreamResponse:
        """GET …/auth/accounts/{sub}: what this account is asked to allow."""
        try:
            wish = read_request(request.query, self._state.clients)
            return self._consent(request, wish, self._picked(request))
        except ConsentRefused as refused:
            return self._refused(request, refused)

    async def decide(self, request: web.Request) -> web.StreamResponse:
        """POST …/auth/accounts/{sub}: Continue or Cancel."""
        form = await request.post()
        try:
            wish = read_request(request.query, self._state.clients)
            account = self._picked(request)
            if form.get("choice") != "continue":
                raise web.HTTPFound(declined(wish))
            ticked = [str(name) for name in form.getall("scope", [])]
            raise web.HTTPFound(granted(self._state, wish, account, ticked))
        except ConsentRefused as refused:
            return self._refused(request, refused)

    async def style(self, request: web.Request) -> web.Response:
        """GET …/google.css."""
        return web.Response(text=STYLE, content_type="text/css")

    def _hinted(self, wish: ConsentRequest) -> Account | None:
        return self._state.accounts.find(wish.login_hint) if wish.login_hint else None

    def _picked(self, request: web.Request) -> Account:
        account = self._state.accounts.find(request.match_info["sub"])
        if account is None:
            raise ConsentRefused(400, "invalid_request", "No such account")
        return account

    def _chooser(self, request: web.Request, wish: ConsentRequest) -> web.Response:
        hinted = self._hinted(wish)
        accounts = sorted(self._present(), key=lambda account: account != hinted)
        unknown = wish.login_hint if wish.login_hint and hinted is None else ""
        return self._page(request, "google_accounts.html", accounts=accounts, unknown=unknown)

    def _present(self) -> Iterable[Account]:
        faults = self._state.faults
        return (a for a in self._state.accounts if not faults.stands("account_deleted", a.sub))

    def _consent(self, request: web.Request, wish: ConsentRequest, account: Account) -> web.Response:
        try:
            check_account(self._state, account)
        except ConsentRefused as refused:
            return self._refused(request, refused)
        scopes = mail_among(wish.scopes)
        return self._page(request, "google_consent.html", account=account, scopes=scopes)

    def _refused(self, request: web.Request, refused: ConsentRefused) -> web.Response:
        return self._page(request, "google_error.html", refused.status, refused=refused)

    def _page(self, request: web.Request, template: str, status: int = 200, **data: Any) -> web.Response:
        language = preferred(request.headers.get("Accept-Language", ""))
        html = TEMPLATES.get_template(template).render(
            data,
            language=language,
            words=WORDS[language],
            app=self._state.app_name,
            style=f"{self._prefix}/google.css",
            accounts_url=f"{self._auth}/accounts",
            query=request.query_string,
        )
        headers = {
            "Cache-Control": "no-store",
            "Content-Language": language,
            "Referrer-Policy": "no-referrer",
        }
        return web.Response(status=status, text=html, content_type="text/html", headers=headers)


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
