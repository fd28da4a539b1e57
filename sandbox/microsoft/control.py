"""What one can do to the local Microsoft, over HTTP and JSON. Rule: no answer carries a secret but a code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sandbox.controls import as_bad_request, bad_request, body_of, text
from sandbox.microsoft.operations import FAULTS, Operations
from sandbox.microsoft.state import State


class ControlApi:
    """The requests under `/control/microsoft`."""

    def __init__(self, state: State, operations: Operations) -> None:
        self._state = state
        self._operations = operations

    def add_routes(self, app: web.Application) -> None:
        base = "/control/microsoft"
        app.router.add_get(f"{base}/accounts", self._accounts)
        app.router.add_post(f"{base}/accounts", self._add)
        app.router.add_post(f"{base}/rename", self._rename)
        app.router.add_post(f"{base}/alias", self._alias)
        app.router.add_post(f"{base}/share", self._share)
        app.router.add_post(f"{base}/tenant", self._tenant)
        app.router.add_post(f"{base}/approve", self._approve)
        app.router.add_post(f"{base}/consent", self._consent)
        app.router.add_post(f"{base}/break", self._break)
        app.router.add_post(f"{base}/mend", self._mend)

    async def _accounts(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "accounts": self._operations.accounts(),
                "tenants": self._operations.tenants(),
                "broken_for_all": self._state.faults.named(None),
                "requests": dict(self._state.requests),
                "faults": FAULTS,
            }
        )

    async def _add(self, request: web.Request) -> web.Response:
        body = await body_of(request, "email", "name")
        with as_bad_request():
            account = self._state.directory.add(text(body, "email"), body.get("name", ""))
        return web.json_response({"oid": account.oid, "tid": account.tid, "email": account.email})

    async def _rename(self, request: web.Request) -> web.Response:
        body = await body_of(request, "account", "to")
        with as_bad_request():
            account = self._state.directory.rename(text(body, "account"), text(body, "to"))
        return web.json_response({"oid": account.oid, "email": account.email})

    async def _alias(self, request: web.Request) -> web.Response:
        body = await body_of(request, "account", "alias")
        with as_bad_request():
            account = self._state.directory.add_alias(text(body, "account"), text(body, "alias"))
        return web.json_response({"oid": account.oid, "aliases": sorted(account.aliases)})

    async def _share(self, request: web.Request) -> web.Response:
        body = await body_of(request, "mailbox", "delegate", "allowed")
        with as_bad_request():
            self._operations.share(
                text(body, "mailbox"), text(body, "delegate"), allowed=body.get("allowed", True) is True
            )
        return web.json_response({"ok": True})

    async def _tenant(self, request: web.Request) -> web.Response:
        body = await body_of(request, "tenant", "users_may_consent", "takes_requests")
        with as_bad_request():
            self._operations.decide(
                text(body, "tenant"),
                users_may_consent=_flag(body, "users_may_consent"),
                takes_requests=_flag(body, "takes_requests"),
            )
        return web.json_response({"ok": True})

    async def _approve(self, request: web.Request) -> web.Response:
        body = await body_of(request, "tenant", "scopes")
        with as_bad_request():
            self._operations.approve(text(body, "tenant"), body.get("scopes", ""))
        return web.json_response({"ok": True})

    async def _consent(self, request: web.Request) -> web.Response:
        body = await body_of(request, "url", "account", "cancel", "for_everybody", "reason")
        with as_bad_request():
            redirect = self._operations.consent(
                text(body, "url"),
                text(body, "account"),
                cancel=body.get("cancel") is True,
                for_everybody=body.get("for_everybody") is True,
                reason=body.get("reason", ""),
            )
        return web.json_response({"redirect": redirect})

    async def _break(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        what = text(body, "what")
        options = {
            key: value for key, value in body.items() if key not in {"what", "account", "tenant", "all"}
        }
        with as_bad_request():
            self._operations.break_down(
                what, _named(body, "account"), tenant=_named(body, "tenant"), **options
            )
        return web.json_response({"ok": True})

    async def _mend(self, request: web.Request) -> web.Response:
        body = await body_of(request, "account", "tenant", "all")
        with as_bad_request():
            self._operations.mend(_named(body, "account"), tenant=_named(body, "tenant"))
        return web.json_response({"ok": True})


def _named(body: Mapping[str, Any], field: str) -> str | None:
    """An account or tenant; nobody when everybody is meant."""
    return None if body.get("all") or field not in body else text(body, field)


def _flag(body: Mapping[str, Any], name: str) -> bool | None:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise bad_request(f"{name} is true or false")
    return value
