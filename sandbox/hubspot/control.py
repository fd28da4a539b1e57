"""What one can do to the local HubSpot behind the scenes. Rule: no answer carries a token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from aiohttp import web

from sandbox.controls import as_bad_request, body_of, text
from sandbox.hubspot.state import FAULTS, SCOPES, Fault, Portal

Deed = Callable[[Portal, Mapping[str, Any]], object]

DEEDS: Final[Mapping[str, Deed]] = {
    "disconnect": lambda it, body: it.change(text(body, "account"), authorized=False),
    "reconnect": lambda it, body: it.reconnect(text(body, "account")),
    "reconnect_anew": lambda it, body: it.reconnect(text(body, "account"), anew=True),
    "turn_off": lambda it, body: it.change(text(body, "account"), active=False),
    "turn_on": lambda it, body: it.change(text(body, "account"), active=True),
    "remove": lambda it, body: it.change(text(body, "account"), archived=True),
    "vanish": lambda it, body: it.change(text(body, "account"), vanished=True),
    "archive_inbox": lambda it, body: it.archive_inbox(int(text(body, "inbox"))),
    "restore_inbox": lambda it, body: it.archive_inbox(int(text(body, "inbox")), archived=False),
    "lose_all": lambda it, body: it.lose_all(str(body.get("how", "authorized")), body.get("minutes")),
    "give_back": lambda it, body: it.give_back(),
}
"""What happens to channels, by name."""


class ControlApi:
    """The deeds, the faults and the token over HTTP."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/control/hubspot", self._told)
        for name, deed in (
            ("do", self._do),
            ("break", self._break),
            ("mend", self._mend),
            ("scopes", self._scopes),
        ):
            app.router.add_post(f"/control/hubspot/{name}", deed)

    async def _told(self, _: web.Request) -> web.Response:
        portal = self._portal
        portal.passes()
        channels = [
            {
                "account": it.address or str(it.id),
                "id": it.id,
                "inbox": it.inbox,
                "name": it.name,
                "active": it.active,
                "authorized": it.authorized,
                "archived": it.archived,
                "vanished": it.vanished,
            }
            for it in portal.accounts
        ]
        return web.json_response(
            {
                "portal": portal.id,
                "inboxes": [{"id": it.id, "name": it.name, "archived": it.archived} for it in portal.inboxes],
                "channels": channels,
                "broken": [it.what for it in portal.faults],
                "faults": FAULTS,
                "requests": portal.requests,
                "works": bool(portal.tokens),
            }
        )

    async def _do(self, request: web.Request) -> web.Response:
        body = await body_of(request, "what", "account", "inbox", "how", "minutes")
        with as_bad_request():
            deed = DEEDS.get(text(body, "what"))
            if deed is None:
                raise ValueError("no such deed")
            deed(self._portal, body)
        return web.json_response({"ok": True})

    async def _break(self, request: web.Request) -> web.Response:
        body = await body_of(request, "what", "path", "times")
        with as_bad_request():
            if text(body, "what") not in FAULTS:
                raise ValueError("no such fault")
        self._portal.faults.append(Fault(text(body, "what"), body.get("path", ""), body.get("times")))
        return web.json_response({"ok": True})

    async def _mend(self, request: web.Request) -> web.Response:
        await body_of(request)
        self._portal.faults.clear()
        return web.json_response({"ok": True})

    async def _scopes(self, request: web.Request) -> web.Response:
        """What the token may read; ``withdraw`` of everything is a token that was deleted."""
        body = await body_of(request, "withdraw", "grant")
        for scopes in self._portal.tokens.values():
            scopes.difference_update(body.get("withdraw", ()))
            scopes.update(set(body.get("grant", ())) & SCOPES)
        return web.json_response({"ok": True})
