"""What an app may ask for, and what a person answers.

Rule: until client and redirect address are proven, never redirect.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from multidict import MultiMapping

from sandbox.consent import ConsentRefused
from sandbox.google.accounts import Account
from sandbox.google.ledger import Code
from sandbox.google.scopes import UnknownScope, mail_among, parse
from sandbox.google.state import Client, State

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
