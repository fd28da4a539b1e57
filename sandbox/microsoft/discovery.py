"""What Microsoft tells libraries about itself: where its endpoints are, and its keys.

Rule: what servers call is named as Microsoft's own, over https; only what a browser opens is local.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.answers import Answer, ok
from sandbox.microsoft.answers import aad
from sandbox.microsoft.authority import LOGIN, Authority, authority_of
from sandbox.microsoft.scopes import SIGN_IN
from sandbox.microsoft.state import State


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
