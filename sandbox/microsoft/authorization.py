"""What an app may ask for, and what it is answered.

Rule: until client and redirect address are proven, never redirect. After that what is wrong with the request
goes back to the app, and what is wrong with the person stays on Microsoft's own page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from multidict import MultiMapping

from sandbox.consent import ConsentRefused
from sandbox.microsoft.aadsts import reason
from sandbox.microsoft.answers import Trace, explained
from sandbox.microsoft.authority import Authority, authority_of
from sandbox.microsoft.scopes import GRAPH, UnknownScope, not_valid, parse
from sandbox.microsoft.state import Client, State

PROMPTS = frozenset({"login", "none", "consent", "select_account"})
MODES = frozenset({"query", "form_post"})
DOMAIN_HINTS = frozenset({"consumers", "organizations"})
_WRONG_TYPE = 700051


@dataclass(frozen=True)
class Reply:
    """An answer to the app, and how it gets there."""

    redirect_uri: str
    fields: Mapping[str, str]
    by_form: bool = False

    @property
    def url(self) -> str:
        """The callback address with the answer in its query."""
        joint = "&" if "?" in self.redirect_uri else "?"
        return self.redirect_uri + joint + urlencode(self.fields)


@dataclass
class SentBack(Exception):
    """The request is wrong, and the app is told."""

    reply: Reply


@dataclass(frozen=True)
class Return:
    """Where the answer goes: proven before anything is sent there."""

    redirect_uri: str
    state: str
    by_form: bool = False

    def reply(self, **fields: str) -> Reply:
        given = {"state": self.state} if self.state else {}
        return Reply(self.redirect_uri, {**fields, **given}, self.by_form)

    def error(self, trace: Trace, number: int, *, error: str = "", text: str = "", **fields: str) -> Reply:
        """A refusal, as the app reads it."""
        usual = reason(number)
        return self.reply(
            error=error or usual.error,
            **fields,
            error_description=trace.described(number, text or usual.text),
            error_uri=explained(number),
        )


@dataclass(frozen=True)
class ConsentRequest:
    """An authorization request that passed every check."""

    authority: Authority
    client_id: str
    back: Return
    scopes: tuple[str, ...]
    full_names: bool
    prompt: str
    login_hint: str
    domain_hint: str
    nonce: str
    challenge: str
    claims: str
    client_info: bool

    @property
    def wanted(self) -> frozenset[str]:
        return frozenset(self.scopes)


def read_request(state: State, path: str, query: MultiMapping[str]) -> ConsentRequest:
    """Check an authorization request as strictly as Microsoft does. Raises ConsentRefused and SentBack."""
    authority = proven_authority(state, path)
    refuse_repeats(query)
    client = proven_client(state, query)
    mode = query.get("response_mode", "query")
    back = Return(proven_redirect(client, query), query.get("state", ""), by_form=mode == "form_post")
    trace = Trace(state.clock())
    if wrong := _wrong_shape(query, mode):
        number, text = wrong
        error = "" if number == _WRONG_TYPE else "invalid_request"
        raise SentBack(back.error(trace, number, error=error, text=text))
    return ConsentRequest(
        authority=authority,
        client_id=client.client_id,
        back=back,
        scopes=asked_scopes(query.get("scope", ""), back, trace),
        full_names=GRAPH in query.get("scope", ""),
        prompt=query.get("prompt", ""),
        login_hint=query.get("login_hint", ""),
        domain_hint=query.get("domain_hint", ""),
        nonce=query.get("nonce", ""),
        challenge=query.get("code_challenge", ""),
        claims=query.get("claims", ""),
        client_info=query.get("client_info") == "1",
    )


def proven_authority(state: State, path: str) -> Authority:
    """Raises ConsentRefused."""
    authority = authority_of(path, state.directory)
    if authority is None:
        raise shown(90002, f"Tenant '{path}' not found.")
    return authority


def refuse_repeats(query: MultiMapping[str]) -> None:
    """Raises ConsentRefused when a parameter is given twice."""
    for name in set(query.keys()):
        if len(query.getall(name)) > 1:
            raise shown(
                9000411, f"The request is not properly formatted. The parameter '{name}' is duplicated."
            )


def proven_client(state: State, query: MultiMapping[str]) -> Client:
    """Raises ConsentRefused."""
    if not query.get("client_id"):
        raise shown(900144, "The request body must contain the following parameter: 'client_id'.")
    client = state.clients.get(query["client_id"])
    if client is None:
        raise shown(
            700016, f"Application with identifier '{query['client_id']}' was not found in the directory."
        )
    return client


def proven_redirect(client: Client, query: MultiMapping[str]) -> str:
    """Raises ConsentRefused."""
    given = query.get("redirect_uri", "")
    if not given:
        raise shown(900144, "The request body must contain the following parameter: 'redirect_uri'.")
    if given not in client.redirect_uris:
        raise shown(50011, f"The redirect URI '{given}' does not match those configured for the application.")
    return given


def asked_scopes(raw: str, back: Return, trace: Trace) -> tuple[str, ...]:
    """The scopes of a request. Raises SentBack."""
    try:
        scopes = parse(raw)
    except UnknownScope as unknown:
        raise SentBack(back.error(trace, 70011, text=not_valid(str(unknown)))) from None
    if not scopes:
        text = "The request body must contain the following parameter: 'scope'."
        raise SentBack(back.error(trace, 900144, text=text))
    return scopes


def shown(number: int, text: str = "", *, status: int = 400) -> ConsentRefused:
    """An error that stays on Microsoft's page."""
    return ConsentRefused(status, f"AADSTS{number}", text or reason(number).text)


def _wrong_shape(query: MultiMapping[str], mode: str) -> tuple[int, str] | None:
    """What the app is told, and by which number."""
    kind, method = query.get("response_type", ""), query.get("code_challenge_method", "")
    if not kind:
        return 900144, "The request body must contain the following parameter: 'response_type'."
    if kind != "code":
        return _WRONG_TYPE, f"response_type '{kind}' is not enabled for the application."
    if mode not in MODES:
        return 90023, f"Unsupported 'response_mode' value '{mode}' for this response type."
    if query.get("prompt", "") not in {"", *PROMPTS}:
        return 90023, f"Unsupported 'prompt' value '{query['prompt']}'."
    if query.get("domain_hint", "") not in {"", *DOMAIN_HINTS} and "." not in query["domain_hint"]:
        return 90023, f"Unsupported 'domain_hint' value '{query['domain_hint']}'."
    if bool(query.get("code_challenge")) != bool(method) or method not in {"", "S256"}:
        return 501481, "code_challenge and code_challenge_method S256 belong together."
    if "claims" in query and not is_json_object(query["claims"]):
        return 9002313, "The claims parameter is not valid JSON."
    if "client_info" in query and query["client_info"] != "1":
        return 90023, "Unsupported 'client_info' value."
    return None


def is_json_object(text: str) -> bool:
    """Whether this can be a claims request."""
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
