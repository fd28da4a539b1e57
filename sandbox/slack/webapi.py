"""The Web API: who may call, what is broken, which method, and how an answer is written down.

Rule: an answer is HTTP 200 with `ok` inside, except 429, and except when the fault is the network itself.
"""

from __future__ import annotations

import hmac

from aiohttp import web

from sandbox.slack.arguments import Arguments, arguments_of, token_of
from sandbox.slack.core import Core
from sandbox.slack.errors import SlackError
from sandbox.slack.methods import METHODS
from sandbox.slack.methods.base import Method
from sandbox.slack.state import Json


class WebApi:
    def __init__(self, core: Core) -> None:
        self._core = core

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/api/{method}", self.answer)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        faults = self._core.faults
        if faults.strike("away", name):
            self._core.calls.add(name, error="away")
            return hang_up(request)
        await faults.delay(name)
        arguments = Arguments({})
        try:
            arguments = await arguments_of(request)
            answer = self._call(name, arguments, token_of(request, arguments))
        except SlackError as error:
            return self._refusal(name, arguments, error)
        self._core.calls.add(name, arguments=arguments.values)
        if faults.strike("lost_answer", name):
            return hang_up(request)
        return web.json_response({"ok": True, **answer})

    def _call(self, name: str, arguments: Arguments, token: str | None) -> Json:
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        self._admit(method, token)
        self._break(name)
        return method.run(self._core, arguments)

    def _admit(self, method: Method, token: str | None) -> None:
        settings = self._core.settings
        if token is None:
            raise SlackError("not_authed")
        is_bot = hmac.compare_digest(token.encode(), settings.bot_token.encode())
        is_app = hmac.compare_digest(token.encode(), settings.app_token.encode())
        if not (is_bot or is_app):
            raise SlackError("invalid_auth")
        if not settings.installed and is_bot:
            raise SlackError("account_inactive")
        if is_app != method.for_app_token:
            raise SlackError("not_allowed_token_type")
        if method.scope is not None:
            self._core.require_scope(method.scope)

    def _break(self, name: str) -> None:
        if fault := self._core.faults.strike("ratelimited", name):
            raise SlackError("ratelimited", retry_after=fault.retry_after)
        if self._core.faults.strike("tiers", name):
            wait = self._core.tiers.admit(name, self._core.clock())
            if wait is not None:
                raise SlackError("ratelimited", retry_after=wait)
        if fault := self._core.faults.strike("error", name):
            raise SlackError(fault.error)

    def _refusal(self, name: str, arguments: Arguments, error: SlackError) -> web.Response:
        problems = error.beside.get("response_metadata", {}).get("messages", [])
        self._core.calls.add(name, error=error.code, arguments=arguments.values, problems=problems)
        body = {"ok": False, "error": error.code, **error.beside}
        if error.retry_after is None:
            return web.json_response(body)
        return web.json_response(body, status=429, headers={"Retry-After": str(error.retry_after)})


def hang_up(request: web.Request) -> web.Response:
    """The network went away in the middle: the caller gets no answer at all."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
