"""LocalSlack: puts the parts together and mounts them on an aiohttp application."""

from __future__ import annotations

import asyncio
from typing import Literal

from aiohttp import web

from sandbox.clock import SandboxClock
from sandbox.slack.answers import respond
from sandbox.slack.control import Control, Workshop
from sandbox.slack.core import GRANTED, Core, Settings, SlackError
from sandbox.slack.delivery import Delivery, Events, HttpDelivery, Sent
from sandbox.slack.methods import WebApi, hang_up
from sandbox.slack.page import Page, Tour
from sandbox.slack.persona import Acting, Pressing
from sandbox.slack.socketmode import SocketDelivery


class LocalSlack:
    """One workspace with one installed app, strict where Slack is strict.

    Set `public_url` once the port is known and, for HTTP delivery, `request_url`.
    """

    def __init__(
        self,
        *,
        clock: SandboxClock,
        bot_token: str,
        app_token: str,
        signing_secret: str,
        command: str = "/inbox",
        transport: Literal["socket", "http"] = "socket",
        request_url: str | None = None,
        scopes: tuple[str, ...] = GRANTED,
        home_tab: bool = True,
        messages_read_only: bool = True,
        ack_within: float = 3.0,
    ) -> None:
        settings = Settings(
            bot_token=bot_token,
            app_token=app_token,
            signing_secret=signing_secret,
            command=command,
            scopes=scopes,
            home_tab=home_tab,
            messages_read_only=messages_read_only,
            request_url=request_url,
        )
        self.core = Core.of(clock=clock, settings=settings)
        self._http = HttpDelivery(self.core, ack_within=ack_within)
        self._socket = SocketDelivery(self.core, ack_within=ack_within)
        delivery: Delivery = self._socket if transport == "socket" else self._http
        self._events = Events(self.core, delivery)
        self._acting = Acting(self.core, delivery, self._events)
        self._pressing = Pressing(self.core, delivery, self._acting)
        self._page = Page(self.core, links=())

    @property
    def public_url(self) -> str | None:
        return self.core.settings.public_url

    @public_url.setter
    def public_url(self, url: str) -> None:
        self.core.settings.public_url = url.rstrip("/")

    @property
    def request_url(self) -> str | None:
        return self.core.settings.request_url

    @request_url.setter
    def request_url(self, url: str) -> None:
        self.core.settings.request_url = url

    @property
    def last_request(self) -> Sent | None:
        """The last payload delivered over HTTP, as it went out."""
        return self._http.last_sent

    @property
    def page_links(self) -> tuple[tuple[str, str], ...]:
        """(label, address) of what else the sandbox offers, shown in the page's sidebar."""
        return self._page.links

    @page_links.setter
    def page_links(self, links: tuple[tuple[str, str], ...]) -> None:
        self._page.links = links

    @property
    def tour(self) -> Tour | None:
        """What one can try here, shown in the sidebar with what was done."""
        return self._page.tour

    @tour.setter
    def tour(self, tour: Tour) -> None:
        self._page.tour = tour

    def add_routes(self, app: web.Application) -> None:
        WebApi(self.core).add_routes(app)
        self._socket.add_routes(app)
        Control(self.core, self._acting, self._pressing).add_routes(app)
        Workshop(self.core, self._events, self._http, self._socket).add_routes(app)
        app.router.add_post("/respond/{secret}", self._respond)
        self._page.add_routes(app)

    async def until_connected(self) -> None:
        """Returns once the bot's Socket Mode client is there."""
        await self._socket.until_connected()

    async def close(self) -> None:
        """Ends the sockets and the event streams, so that the server can stop."""
        await self._page.close()
        await asyncio.gather(self._socket.close(), self._http.close())

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        if self.core.faults.strike("away", "respond"):
            return hang_up(request)
        await self.core.faults.delay("respond")
        try:
            body = await request.json()
        except ValueError:
            body = None
        try:
            respond(self.core, request.match_info["secret"], body)
        except SlackError as error:
            problems = error.beside.get("response_metadata", {}).get("messages", [])
            self.core.calls.add("respond", error=error.code, problems=problems)
            gone = error.code in ("used_url", "expired_url", "invalid_url")
            answer = {"ok": False, "error": error.code, **error.beside}
            return web.json_response(answer, status=404 if gone else 400)
        self.core.calls.add("respond", arguments=body)
        return web.Response(text="ok")
