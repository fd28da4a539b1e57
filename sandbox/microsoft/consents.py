"""What a person's answer comes to.

Rule: `standing` decides what is shown, and `accepted` decides it once more: a form is only a form.
"""

from __future__ import annotations

from enum import Enum, auto

from sandbox.microsoft.answers import Trace
from sandbox.microsoft.authorization import ConsentRequest, Reply, SentBack, shown
from sandbox.microsoft.directory import Account, ApprovalRequest, Tenant
from sandbox.microsoft.identity import client_info
from sandbox.microsoft.ledger import Code, SignIn
from sandbox.microsoft.scopes import SCOPES, needs_admin, not_valid, work_only_among
from sandbox.microsoft.state import State

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
