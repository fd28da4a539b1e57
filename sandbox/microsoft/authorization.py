"""What an app may ask for, what it is answered, and what a person's answer comes to.

Rule: until client and redirect address are proven, never redirect. After that what is wrong with the request
goes back to the app, and what is wrong with the person stays on Microsoft's own page. `standing` decides what
is shown, and `accepted` decides it once more: a form is only a form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import urlencode

from multidict import MultiMapping

from sandbox.answers import ConsentRefused
from sandbox.microsoft.aadsts import Trace, explained, reason
from sandbox.microsoft.authority import Authority, authority_of, client_info
from sandbox.microsoft.scopes import (
    GRAPH,
    SCOPES,
    UnknownScope,
    needs_admin,
    not_valid,
    parse,
    work_only_among,
)
from sandbox.microsoft.state import Account, ApprovalRequest, Client, Code, SignIn, State, Tenant

PROMPTS = frozenset({"login", "none", "consent", "select_account"})
_MODES = frozenset({"query", "form_post"})
_DOMAIN_HINTS = frozenset({"consumers", "organizations"})
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
    if mode not in _MODES:
        return 90023, f"Unsupported 'response_mode' value '{mode}' for this response type."
    if query.get("prompt", "") not in {"", *PROMPTS}:
        return 90023, f"Unsupported 'prompt' value '{query['prompt']}'."
    if query.get("domain_hint", "") not in {"", *_DOMAIN_HINTS} and "." not in query["domain_hint"]:
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


_BLOCKS = {"user_disabled": 50057, "app_blocked": 7000112, "not_assigned": 50105, "conditional_access": 53003}


class Standing(Enum):
    """What stands between a signed-in person and the app."""

    NOTHING = auto()
    CONSENT = auto()
    ADMIN = auto()
    """Their admin has to allow it, and cannot be asked here."""
    REQUEST = auto()
    """Their admin has to allow it, and can be asked on this page."""


def check_account(state: State, wish: ConsentRequest, account: Account) -> None:
    """Whether this account may go on at all. Raises ConsentRefused, or SentBack when the app is to blame."""
    if not account.signs_in:
        raise shown(50034, f"The user account {account.upn} cannot be used to sign in.")
    if not wish.authority.admits(account):
        raise shown(50020, f"User account '{account.upn}' does not exist in tenant '{wish.authority.path}'.")
    for fault, number in _BLOCKS.items():
        if state.stands(fault, account):
            raise shown(number, status=403)
    if account.is_personal and (unknown := work_only_among(wish.scopes)):
        raise SentBack(wish.back.error(Trace(state.clock()), 70011, text=not_valid(unknown[0])))


def standing(state: State, wish: ConsentRequest, account: Account) -> Standing:
    """What has to be shown to an account that may go on."""
    missing = wish.wanted - state.allowed(wish.client_id, account)
    if not missing and wish.prompt != "consent":
        return Standing.NOTHING
    tenant = state.directory.tenant_or_none(account.tid)
    if tenant is None or tenant.users_may_consent or account.is_admin or not needs_admin(missing):
        return Standing.CONSENT
    return Standing.REQUEST if tenant.takes_requests else Standing.ADMIN


def accepted(state: State, wish: ConsentRequest, account: Account, *, for_everybody: bool = False) -> Reply:
    """The answer with a code, after *Accept* or where nothing had to be asked. Raises ConsentRefused."""
    check_account(state, wish, account)
    if standing(state, wish, account) in (Standing.ADMIN, Standing.REQUEST):
        raise shown(90094, status=403)
    if for_everybody and account.is_admin:
        approve(state.directory.tenant(account.tid), wish.client_id, wish.wanted)
    state.ledger.consent(wish.client_id, account.oid, wish.wanted)
    return _with_code(state, wish, account)


def declined(state: State, wish: ConsentRequest) -> Reply:
    """After *Cancel*, and after returning without an approval."""
    return wish.back.error(Trace(state.clock()), 65004, error_subcode="cancel")


def requested(state: State, wish: ConsentRequest, account: Account, reason: str) -> None:
    """The person asks their admin.

    Raises ConsentRefused where that is not offered, ValueError without a reason.
    """
    if standing(state, wish, account) is not Standing.REQUEST:
        raise shown(90094, status=403)
    if not reason.strip():
        raise ValueError("a justification is needed")
    tenant = state.directory.tenant(account.tid)
    tenant.requests.append(ApprovalRequest(account.email, wish.scopes, reason.strip(), state.clock()))


def left_with_request(state: State, wish: ConsentRequest) -> Reply:
    """Back at the app, after the request was sent."""
    return wish.back.error(Trace(state.clock()), 90095)


def not_signed_in(state: State, wish: ConsentRequest) -> Reply:
    """``prompt=none``: nobody is signed in at the local Microsoft."""
    return wish.back.error(Trace(state.clock()), 50058)


def approve(tenant: Tenant, client_id: str, scopes: frozenset[str]) -> None:
    """An admin allows an app something for everybody; whoever asked for it has their answer."""
    tenant.approved[client_id] = tenant.approved.get(client_id, frozenset()) | scopes
    tenant.requests = [
        asked for asked in tenant.requests if not set(asked.scopes) <= tenant.approved[client_id]
    ]


def withdraw(state: State, tenant: Tenant) -> None:
    """The admin takes an app's permissions away, for everybody, and lets nobody allow them again."""
    tenant.approved.clear()
    tenant.users_may_consent = False
    for account in state.directory.members(tenant):
        state.ledger.narrow(account.oid, needs_admin(frozenset(SCOPES)))


def _with_code(state: State, wish: ConsentRequest, account: Account) -> Reply:
    sign_in = SignIn(
        client_id=wish.client_id,
        oid=account.oid,
        tid=account.tid,
        scopes=wish.scopes,
        full_names=wish.full_names,
        mfa=state.stands("mfa_demanded", account),
        claims=bool(wish.claims),
    )
    code = state.ledger.issue_code(Code(sign_in, wish.back.redirect_uri, wish.nonce, wish.challenge))
    told = {"client_info": client_info(account)} if wish.client_info else {}
    return wish.back.reply(code=code, **told, session_state=account.oid)
