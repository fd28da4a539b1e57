"""A Slack that remembers what it was asked to show, and refuses what the real one would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.slack.validate import validate_message, validate_view

Json = dict[str, Any]


@dataclass
class SlackServer:
    """``calls`` holds every accepted call as (method, arguments), in order."""

    calls: list[tuple[str, Json]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    refusals: dict[str, list[str]] = field(default_factory=dict)
    """Errors to answer with next, by method."""
    users: dict[str, Json] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    is_down: bool = False
    nonsense: tuple[int, str | bytes, str] | None = None
    """Somebody else's answer (status, body, content type) instead of Slack's."""
    retry_after: str | None = None
    """What a 429 to every call asks for."""
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _server: TestServer | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_post("/respond/{secret}", self._respond)
        app.router.add_post("/onward/{secret}", self._onward)
        self._server = TestServer(app)
        await self._server.start_server()

    async def close(self) -> None:
        assert self._server is not None
        await self._server.close()

    @property
    def base_url(self) -> str:
        assert self._server is not None
        return str(self._server.make_url("/api/"))

    @property
    def response_url(self) -> str:
        assert self._server is not None
        return str(self._server.make_url("/respond/secret"))

    def of(self, method: str) -> list[Json]:
        return [arguments for name, arguments in self.calls if name == method]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(condition)

    async def _api(self, request: web.Request) -> web.Response:
        method, arguments = request.match_info["method"], await _arguments(request)
        if self.is_down:
            return web.json_response({"ok": False, "error": "internal_error"}, status=500)
        if self.nonsense is not None:
            status, body, kind = self.nonsense
            raw = body.encode() if isinstance(body, str) else body
            return web.Response(status=status, body=raw, headers={"Content-Type": kind})
        if self.retry_after is not None:
            throttled = {"ok": False, "error": "ratelimited"}
            return web.json_response(throttled, status=429, headers={"Retry-After": self.retry_after})
        if self.refusals.get(method):
            return web.json_response({"ok": False, "error": self.refusals[method].pop(0)})
        if "view" in arguments:
            self.problems += validate_view(arguments["view"])
        await self._took(method, arguments)
        return web.json_response({"ok": True, **self._answer(method, arguments)})

    def _answer(self, method: str, arguments: Json) -> Json:
        match method:
            case "views.open":
                return {"view": {"id": f"V{len(self.of('views.open'))}", "hash": "h"}}
            case "views.publish":
                return {"view": {"id": "VHOME", "hash": f"h{len(self.of('views.publish'))}"}}
            case "users.info":
                return {"user": self.users[arguments["user"]]}
            case "users.list":
                return self._page(arguments.get("cursor", ""))
            case "usergroups.list":
                return {"usergroups": [{"id": one, "name": f"Group {one}"} for one in self.groups]}
            case "usergroups.users.list":
                return {"users": self.groups[arguments["usergroup"]]}
            case _:
                return {"view": {"id": arguments.get("view_id", ""), "hash": "h"}}

    def _page(self, cursor: str) -> Json:
        """One person per page, so that pages are turned."""
        ids = sorted(self.users)
        at = ids.index(cursor) if cursor else 0
        more = ids[at + 1] if at + 1 < len(ids) else ""
        return {"members": [self.users[ids[at]]], "response_metadata": {"next_cursor": more}}

    async def _respond(self, request: web.Request) -> web.Response:
        message = await request.json()
        shown = {key: message[key] for key in ("text", "blocks") if key in message}
        self.problems += validate_message(shown)
        await self._took("respond", message)
        return web.Response(text="ok")

    async def _onward(self, request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect("/respond/secret")

    async def _took(self, method: str, arguments: Json) -> None:
        async with self._changed:
            self.calls.append((method, arguments))
            self._changed.notify_all()


async def _arguments(request: web.Request) -> Json:
    if request.content_type == "application/json":
        return dict(await request.json())
    form = {**request.query, **await request.post()}
    given = {key: str(value) for key, value in form.items()}
    return {key: json.loads(value) if key == "view" else value for key, value in given.items()}
