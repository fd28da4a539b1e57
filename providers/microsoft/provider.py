"""Mailboxes at Microsoft: work or school (Office 365) and Outlook.com.

The one rule: nothing is believed that was not just proven: identity by the id token that came from the token
endpoint itself, the grant by a refresh, the mailbox by a call to its inbox, the end of an access by a refused
refresh. Every refresh brings a new secret, which is always stored; an older one still works.

Scopes: ``Mail.ReadBasic`` is the least that may open an inbox; it shows headers, which the product never
fetches. Work tenants demand their admin's approval for it by default. ``User.Read`` alone needs none, and
proves the sign-in, not the mailbox: the *grant-only* mode. For a shared mailbox ``User.ReadBasic.All`` tells
its immutable id, and ``Mail.ReadBasic.Shared`` opens it with the account of whoever signed in; always under
its own address, for ``/me`` would be somebody else's mailbox.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

from bot.domain.channel import Cause
from bot.domain.errors import (
    ConsentFailed,
    GrantRejected,
    MailboxGone,
    PermissionMissing,
    ProviderError,
    ProviderUnavailable,
    UseNotGranted,
)
from bot.domain.grant import (
    CONSUMERS,
    EXCHANGE,
    Delegate,
    Grant,
    MailboxIdentity,
    Revocation,
    Secret,
    covers,
    lacking,
    resource_in,
)
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
from providers.http_client import HttpClient, HttpReply, Session
from providers.microsoft.errors import MAIL_SCOPE, SHARED_SCOPE, MicrosoftErrors, challenge_of
from providers.microsoft.oauth import SignIn
from providers.settings import MicrosoftClient, Mode

PROFILE_SCOPE: Final = "User.Read"
DIRECTORY_SCOPE: Final = "User.ReadBasic.All"
_ALWAYS: Final = frozenset({"openid", "profile", "offline_access", "email"})
"""What makes a sign-in one that lasts; nobody is asked about it by us, and nothing hangs on it."""
_GRAPH: Final = "https://graph.microsoft.com/"
_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
_HEADER_SAFE: Final = re.compile(r"[\x21-\x7e]{1,16384}")
_OWN: Final = "id,mail,userPrincipalName"
_WORK: Final = f"{_OWN},proxyAddresses"


def needed_in(mode: Mode) -> frozenset[str]:
    """The least that proves a mailbox, or a sign-in alone."""
    return frozenset({PROFILE_SCOPE, MAIL_SCOPE} if mode is Mode.FULL else {PROFILE_SCOPE})


@dataclass(frozen=True, slots=True)
class _Who:
    """Who signed in, by the id token."""

    tenant: str
    object_id: str
    name: str
    """What they typed to sign in, most often their address."""

    @property
    def subject(self) -> str:
        """As msal names an account, too: neither part alone is unique."""
        return f"{self.object_id}.{self.tenant}"

    @property
    def is_consumer(self) -> bool:
        return self.tenant == CONSUMERS

    @property
    def identity(self) -> MailboxIdentity:
        return MailboxIdentity("microsoft", self.subject, self.tenant)


class Microsoft:
    """The Provider for Microsoft 365 and Outlook.com."""

    key = "microsoft"
    label = "Office 365"
    traits = ProviderTraits(sign_in_scopes=frozenset({"offline_access"}), revokes=False)
    # Who signs in is seen by PROFILE_SCOPE as well, which is asked for anyway.

    def __init__(
        self,
        client: MicrosoftClient,
        *,
        session: Session,
        clock: Callable[[], datetime],
        timeout: timedelta = timedelta(seconds=10),
    ) -> None:
        self._client = client
        self.app_id = client.client_id
        self._clock = clock
        self._mode = client.mode
        self._wire = HttpClient(session, timeout=timeout)
        self._errors = MicrosoftErrors(clock)
        self._sign_in = SignIn(client, self._wire, self._errors, clock)
        self.needed_scopes = needed_in(client.mode)
        self.shared_scopes = frozenset(
            {PROFILE_SCOPE, DIRECTORY_SCOPE, SHARED_SCOPE} if client.mode is Mode.FULL else ()
        )

    def approval_url(self, scopes: frozenset[str], *, redirect_uri: str, tenant: str, state: str) -> str:
        """See ``Provider``. Never ``common``: a personal account can approve nothing."""
        query = {
            "client_id": self._client.client_id,
            "scope": " ".join(
                scope if resource_in(scope) else f"{_GRAPH}{scope}" for scope in sorted(scopes)
            ),
            "redirect_uri": redirect_uri,
            **({"state": state} if state else {}),
        }
        where = quote(tenant or "organizations")
        return f"{self._client.login_url}/{where}/v2.0/adminconsent?{urlencode(query, quote_via=quote)}"

    async def begin(self, consent: Consent) -> Redirect:
        """See ``Provider``."""
        return await self._sign_in.begin(consent)

    async def redeem(self, consent: Consent, callback: Mapping[str, str]) -> Authorization:
        """See ``Provider``. Whose address it is, the directory says; for a shared mailbox its own entry."""
        answer = await self._sign_in.redeem(consent, callback)
        who = self._proven(consent, answer)
        secret, access = answer.get("refresh_token"), _access_token(answer)
        if not _is_token(secret) or access is None:
            raise ConsentFailed(consent.address, "no_refresh_token")
        # The answer speaks of Graph alone. What else was consented to shows when it is used.
        scopes = _scopes_of(answer, consent.scopes) | _at(EXCHANGE, consent.scopes)
        needed = self.shared_scopes if consent.is_shared else self.needed_scopes
        found = await self._addresses(who, access)
        authorization = Authorization(
            identity=who.identity,
            address=found[0] if found else who.name.lower(),
            addresses=frozenset(found) or frozenset({who.name.lower()}),
            scopes=scopes,
            missing=lacking(needed, scopes),
            secret=Secret(str(secret)),
        )
        if not consent.is_shared or authorization.missing:
            return authorization
        return await self._shared(consent.address, who, access, authorization)

    async def refresh(self, grant: Grant, *, claims: str = "") -> RefreshedGrant:
        """See ``Provider``."""
        return await self._refresh(grant, claims=claims)

    async def refresh_for(self, grant: Grant, resource: str) -> RefreshedGrant:
        """See ``HasResources``."""
        if not _at(resource, grant.scopes):
            raise UseNotGranted("not_asked_for")
        return await self._refresh(grant, resource=resource)

    async def probe(self, grant: Grant, fresh: RefreshedGrant, renew: Renew | None = None) -> Evidence:
        """See ``Provider``. What was granted, the mailbox tells: an answer that opens it proves more than a
        list of permissions, which is written in other ways, wider, or short of what an admin allowed."""
        if fresh.identity and fresh.identity.subject != grant.signer.subject:
            raise MailboxGone("other_account", cause=Cause.OTHER_MAILBOX)
        is_shared = grant.delegate is not None
        path, what = self._look_at(grant)
        reply = await self._graph(path, fresh.access_token)
        if reply.status == 401:
            # A token can die on the way, or its session has been revoked meanwhile: a refresh knows.
            again = await renewed(self, grant, fresh, renew, claims=challenge_of(reply))
            reply = await self._graph(path, again.access_token)
        if reply.is_trouble or reply.status != 200:
            needed = self.shared_scopes if is_shared else self.needed_scopes
            raise _named(self._errors.of_graph(reply, is_shared=is_shared), lacking(needed, fresh.scopes))
        if not isinstance((reply.json_object() or {}).get("id"), str):
            raise self._errors.unreadable(reply)
        return Evidence(self._clock(), what)

    async def revoke(self, grant: Grant, renew: Renew | None = None) -> Revocation:
        """See ``Provider``. No app may end an access at Microsoft: a refresh shows whether its owner has."""
        if not grant.secret:
            return Revocation.NOT_CONFIRMED
        try:
            await (renew("") if renew else self.refresh(grant))
        except GrantRejected as refused:
            return Revocation.CONFIRMED if refused.cause is Cause.GRANT_REFUSED else Revocation.BY_HAND
        except ProviderUnavailable:
            raise
        except ProviderError:
            return Revocation.BY_HAND  # a policy or our own client: the consent may well stand
        return Revocation.BY_HAND

    # --- whose mailbox

    def _proven(self, consent: Consent, answer: Mapping[str, Any]) -> _Who:
        """The id token came from the token endpoint over TLS, which OpenID Connect Core 3.1.3.7 takes for
        proof; msal has compared the nonce."""
        claims = answer.get("id_token_claims")
        who = _who(claims) if isinstance(claims, dict) else None
        if who is None or not isinstance(claims, dict) or claims.get("aud") != self._client.client_id:
            raise ConsentFailed(consent.address, "identity_not_proven")
        return who

    async def _addresses(self, who: _Who, access: Secret) -> list[str]:
        """Every address of the account, its main one first. Not ``otherMails``: contact addresses elsewhere,
        which anybody's admin writes unchecked, and whose mail never arrives here."""
        fields = _OWN if who.is_consumer else _WORK
        entry = await self._entry(f"/v1.0/me?{urlencode({'$select': fields}, safe=',$')}", access)
        proxies = [
            one.partition(":")[2] for one in _texts(entry.get("proxyAddresses")) if one[:5].lower() == "smtp:"
        ]
        known = [entry.get("mail"), entry.get("userPrincipalName"), *proxies]
        plain = [one.lower() for one in known if isinstance(one, str) and "@" in one]
        return list(dict.fromkeys(plain))

    async def _shared(self, address: str, who: _Who, access: Secret, own: Authorization) -> Authorization:
        """The shared mailbox itself: its id and addresses, opened by ``who``."""
        entry = await self._found(address, access)
        mailbox_id = entry.get("id")
        if not isinstance(mailbox_id, str) or not _ID.fullmatch(mailbox_id):
            raise ProviderUnavailable("unreadable_200")
        names = [one.lower() for one in _texts([entry.get("mail"), entry.get("userPrincipalName")]) if one]
        return Authorization(
            identity=MailboxIdentity(self.key, f"{mailbox_id}.{who.tenant}", who.tenant),
            address=names[0] if names else address,
            addresses=frozenset(names),
            scopes=own.scopes,
            missing=own.missing,
            secret=own.secret,
            delegate=Delegate(who.subject, own.address),
        )

    async def _found(self, address: str, access: Secret) -> dict[str, Any]:
        """The directory's entry for an address: by its sign-in name alone it would miss those whose name was
        made up for them. Raises ``MailboxGone``."""
        quoted = address.replace("'", "''")
        query = {
            "$filter": f"mail eq '{quoted}' or userPrincipalName eq '{quoted}'",
            "$select": _OWN,
        }
        answer = await self._entry(f"/v1.0/users?{urlencode(query, safe='$,', quote_via=quote)}", access)
        entries = answer.get("value")
        found = [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
        mine = [one for one in found if _texts([one.get("mail")]) and one["mail"].lower() == address.lower()]
        if not found:
            raise MailboxGone("not_in_directory")
        return (mine or found)[0]

    async def _entry(self, path: str, access: Secret) -> dict[str, Any]:
        reply = await self._graph(path, access)
        entry = reply.json_object()
        if reply.is_trouble or reply.status != 200:
            raise self._errors.of_graph(reply)
        if entry is None:
            raise self._errors.unreadable(reply)
        return entry

    # --- the grant and the mailbox

    async def _refresh(self, grant: Grant, *, claims: str = "", resource: str = "") -> RefreshedGrant:
        if not grant.secret:
            raise GrantRejected("erased")
        asked = _at(resource, grant.scopes)
        fields = {
            "client_id": self._client.client_id,
            **self._client.proof(grant.identity.tenant, self._clock),
            "grant_type": "refresh_token",
            "refresh_token": grant.secret.reveal(),
            "scope": " ".join([*sorted(asked), *sorted(_ALWAYS - {"email"})]),
            **({"claims": claims} if claims else {}),
        }
        reply = await self._wire.post_form(self._client.token_url(grant.identity.tenant), fields)
        answer = reply.json_object()
        if reply.status != 200 or answer is None or "error" in answer:
            raise self._errors.of_token(reply)
        access, rotated = _access_token(answer), answer.get("refresh_token")
        if access is None or (rotated and not _is_token(rotated)):
            raise self._errors.unreadable(reply)
        who = _who(_payload(answer.get("id_token")))
        return RefreshedGrant(
            access_token=access,
            secret=Secret(rotated) if rotated else grant.secret,
            scopes=(_scopes_of(answer, asked, resource) or asked) | (grant.scopes - asked),
            identity=who.identity if who else None,
            lives_for=life_in(answer),
        )

    def _look_at(self, grant: Grant) -> tuple[str, str]:
        """The call that proves it, and its name for the record."""
        if grant.delegate is not None:
            return f"/v1.0/users/{quote(grant.address, safe='@')}/mailFolders/inbox?$select=id", "graph.inbox"
        if self._mode is Mode.GRANT_ONLY:
            return "/v1.0/me?$select=id", "graph.me"
        return "/v1.0/me/mailFolders/inbox?$select=id", "graph.inbox"

    async def _graph(self, path: str, access: Secret) -> HttpReply:
        headers = {"Authorization": f"Bearer {access.reveal()}", "Accept": "application/json"}
        return await self._wire.get(f"{self._client.graph_url}{path}", headers=headers)


def _who(claims: Mapping[str, Any]) -> _Who | None:
    tenant, object_id = claims.get("tid"), claims.get("oid")
    if not isinstance(tenant, str) or not isinstance(object_id, str):
        return None
    if not (_ID.fullmatch(tenant) and _ID.fullmatch(object_id)):
        return None
    name = claims.get("preferred_username")
    return _Who(tenant.lower(), object_id.lower(), name[:320] if isinstance(name, str) else "")


def _payload(id_token: object) -> Mapping[str, Any]:
    """The claims of a token that came straight from the token endpoint; empty if it is none."""
    parts = id_token.split(".") if isinstance(id_token, str) else []
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _access_token(answer: Mapping[str, Any]) -> Secret | None:
    token = answer.get("access_token")
    return Secret(str(token)) if _is_token(token) else None


def _is_token(value: object) -> bool:
    return isinstance(value, str) and _HEADER_SAFE.fullmatch(value) is not None


def _named(error: ProviderError, missing: frozenset[str]) -> ProviderError:
    """Somebody who may not open a mailbox: where permissions are known to be missing, that is why."""
    is_denied = isinstance(error, PermissionMissing) or getattr(error, "cause", None) is Cause.SHARED_ACCESS
    if not missing or not is_denied:
        return error
    return PermissionMissing(error.code, scopes=missing, claims=error.claims)


def _at(resource: str, scopes: frozenset[str]) -> frozenset[str]:
    return frozenset(one for one in scopes if resource_in(one) == resource)


def _scopes_of(answer: Mapping[str, Any], asked: frozenset[str], resource: str = "") -> frozenset[str]:
    """The granted permissions without those of the sign-in itself: those that were ``asked`` for as we have
    written them, whether they were granted so or within a wider one, for they are asked for again.

    Exchange names its own with its address or without: it is the one that was asked."""
    scope = answer.get("scope")
    names = [name for name in (scope.split() if isinstance(scope, str) else []) if not _is_always(name)]
    told = [f"{resource}/{one}" if resource and not resource_in(one) else one for one in names]
    ours = {one for one in asked if any(covers(name, one) for name in told)}
    others = {name.removeprefix(_GRAPH) for name in told if not any(covers(name, one) for one in asked)}
    return frozenset(ours | others)


def _is_always(name: str) -> bool:
    return name.casefold() in _ALWAYS


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
