"""Under which addresses of the local Microsoft one signs in, what they tell libraries about themselves, and
who signed in, as an app is told.

Rule: the path decides who may sign in, and only the path. What servers call is named as Microsoft's own, over
https; only what a browser opens is local. `tid` and `oid` are who somebody is; the rest may change.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from sandbox.answers import Answer, ok
from sandbox.microsoft.aadsts import aad
from sandbox.microsoft.scopes import EMAIL, PROFILE, SIGN_IN
from sandbox.microsoft.state import CONSUMERS, Account, Directory, State

LOGIN = "https://login.microsoftonline.com"
"""What Microsoft calls itself; the product's own settings lead here instead."""
_COMMON, _ORGANIZATIONS, _CONSUMERS = "common", "organizations", "consumers"


@dataclass(frozen=True)
class Authority:
    """The part of an address that names accounts: everybody's, one kind's or one organisation's."""

    path: str
    """As Microsoft's own documents write it: a word, or the tenant's id."""
    tid: str = ""
    """Empty when more than one tenant can sign in."""

    @property
    def issuer(self) -> str:
        return f"{LOGIN}/{self.tid or '{tenantid}'}/v2.0"

    @property
    def is_one_organisation(self) -> bool:
        return bool(self.tid) and self.tid != CONSUMERS

    def admits(self, account: Account) -> bool:
        if self.tid:
            return account.tid == self.tid
        return not (account.is_personal and self.path == _ORGANIZATIONS)


def authority_of(path: str, directory: Directory) -> Authority | None:
    """The authority under a path: a word, a tenant's id or one of its domains."""
    word = path.casefold()
    if word in (_COMMON, _ORGANIZATIONS):
        return Authority(word)
    if word in (_CONSUMERS, CONSUMERS):
        return Authority(word, CONSUMERS)
    tenant = directory.tenant_or_none(path)
    return Authority(tenant.tid, tenant.tid) if tenant else None


_ID_LIFE = timedelta(hours=1)


def claims_of(
    account: Account, client_id: str, scopes: frozenset[str], nonce: str, now: datetime
) -> dict[str, Any]:
    """The claims of an id token of version 2.0."""
    at = int(now.timestamp())
    claims: dict[str, Any] = {
        "ver": "2.0",
        "iss": f"{LOGIN}/{account.tid}/v2.0",
        "aud": client_id,
        "iat": at,
        "nbf": at,
        "exp": at + int(_ID_LIFE.total_seconds()),
        "sub": _pairwise(account, client_id),
        "tid": account.tid,
    }
    if PROFILE in scopes:
        claims |= {"name": account.name, "preferred_username": account.upn, "oid": account.oid}
    if EMAIL in scopes:
        claims["email"] = account.email
    if nonce:
        claims["nonce"] = nonce
    return claims


def client_info(account: Account) -> str:
    """The account's id as Microsoft's libraries want it."""
    told = json.dumps({"uid": account.oid, "utid": account.tid})
    return base64.urlsafe_b64encode(told.encode()).rstrip(b"=").decode()


def _pairwise(account: Account, client_id: str) -> str:
    """Different for every app."""
    digest = hashlib.sha256(f"{client_id}/{account.tid}/{account.oid}".encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Discovery:
    """The OpenID configuration and the signing keys."""

    def __init__(self, state: State, prefix: str) -> None:
        self._state = state
        self._prefix = prefix

    async def configuration(self, request: web.Request) -> web.Response:
        """GET /{tenant}/v2.0/.well-known/openid-configuration."""
        return (await self._broken("discovery") or self._configuration(request)).response()

    async def keys(self, request: web.Request) -> web.Response:
        """GET /{tenant}/discovery/v2.0/keys."""
        return (await self._broken("keys") or ok(self._state.key.jwks())).response()

    async def _broken(self, place: str) -> Answer | None:
        self._state.requests[place] += 1
        await self._state.faults.delay(place)
        return self._state.faults.answer_for(place)

    def _configuration(self, request: web.Request) -> Answer:
        path = request.match_info["tenant"]
        authority = authority_of(path, self._state.directory)
        if authority is None:
            return aad(self._state.clock, 90002, error="invalid_tenant", text=f"Tenant '{path}' not found.")
        return ok(_document(authority, f"{request.url.origin()}{self._prefix}"))


def _document(authority: Authority, public: str) -> dict[str, Any]:
    there, here = f"{LOGIN}/{authority.path}", f"{public}/{authority.path}"
    return {
        "token_endpoint": f"{there}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "jwks_uri": f"{there}/discovery/v2.0/keys",
        "response_modes_supported": ["query", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code"],
        "scopes_supported": sorted(SIGN_IN),
        "issuer": authority.issuer,
        "request_uri_parameter_supported": False,
        "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
        "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
        "http_logout_supported": True,
        "frontchannel_logout_supported": True,
        "end_session_endpoint": f"{there}/oauth2/v2.0/logout",
        "claims_supported": [
            "sub",
            "iss",
            "aud",
            "exp",
            "iat",
            "nonce",
            "preferred_username",
            "name",
            "tid",
            "ver",
            "email",
        ],
        "tenant_region_scope": "EU" if authority.is_one_organisation else None,
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
    }
