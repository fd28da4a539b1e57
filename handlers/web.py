"""The web application: Slack's route, the pages, and what operators and load balancers ask.

The one rule: whatever happens, a browser gets a page, a machine gets a small JSON word, and neither gets
a traceback. Paths hold tickets, so nothing here logs them: serve it without an access log.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from html import escape
from time import perf_counter
from typing import Final
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.http_server import request_begins, request_ends
from bot.metrics import Metrics
from bot.services import Services
from bot.views.pages.template import ICON_PATH, SCRIPT_PATH, STATIC, STYLESHEET_PATH, Team
from handlers.api import PREFIX as API
from handlers.api import ROUTES as API_ROUTES
from handlers.api import Api
from handlers.errors import Away, Bug, Fault, Refused, attempt
from handlers.exports import ExportPages
from handlers.oauth import AdminConsentCallback, OAuthCallback, OAuthPages
from handlers.slack_http import MOST_BYTES, PATH, SlackHttp
from handlers.tasks import Tasks
from handlers.web_session import (
    FORM_WITHIN,
    HAS_SCRIPT,
    WITH_SCRIPT,
    Site,
    fault_page,
    http_page,
    language_wanted,
)

Ready = Callable[[], Mapping[str, bool] | Awaitable[Mapping[str, bool]]]
"""What must work for this process to be of use, by name."""
Census = Callable[[], Awaitable[None]]
"""Brings the figures that come from the database up to date. Never raises, however the database is."""

_MACHINES: Final = frozenset({PATH, "/healthz", "/readyz", "/metrics"})
_DRAINS_FOR: Final = 10.0
_FORM_WITHIN: Final = 10.0
"""Seconds that a form may take to arrive."""
_LONGEST: Final = 200
"""Characters of a secret in an address; ours have 43."""
_EXPOSITION: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Vitals:
    """What the process says of itself."""

    ready: Ready
    metrics: Metrics
    census: Census | None = None
    """With it ``/readyz`` and ``/metrics`` are served, too; without, they are nobody's business here."""


def build_web(
    services: Services,
    *,
    inbound: SlackHttp | None,
    base_url: str,
    vitals: Vitals,
    team_url: str = "",
) -> web.Application:
    """``inbound`` is ``None`` under Socket Mode: then Slack has no business posting here.

    ``team_url`` is where Slack says that the workspace is. Under a ``base_url`` with a path everything is
    served both there and without it: some proxies take the path away, others pass it on.
    """
    team = Team(team_url or slack_url(services.workspace.id), services.workspace.name)
    site, tasks = Site.at(base_url, team), Tasks()
    app = web.Application(client_max_size=MOST_BYTES, middlewares=[_answering(vitals.metrics, site)])
    app[FORM_WITHIN] = _FORM_WITHIN
    app.on_response_prepare.append(_guard(site))
    approving = AdminConsentCallback(services.oauth_flow, services.channels.label_at, site)
    callback = OAuthCallback(services.oauth_flow, tasks, site, approving)
    for root in sorted({"", site.prefix}):
        routes = Routes(app.router, root)
        if inbound is not None:
            routes.add_post(PATH, inbound.receive)
        _add_pages(routes, OAuthPages(services.oauth_flow, site), callback)
        _add_exports(routes, ExportPages(services.history_export, site))
        routes.add_get("/healthz", _healthz)
        if vitals.census is not None:
            _add_watch(routes, vitals.ready, vitals.metrics, vitals.census)
        policy = services.core.policy
        if policy.keeps_tokens:
            proxies = policy.trusted_proxies
            _add_api(routes, Api(services.api_keys, services.token_broker, trusted_proxies=proxies))

    async def drain(_: web.Application) -> None:
        await tasks.drain(_DRAINS_FOR)

    app.on_cleanup.append(drain)
    return app


def build_watch(*, ready: Ready, metrics: Metrics, census: Census) -> web.Application:
    """What monitoring asks, for a port of its own: no page is there."""
    app = web.Application(middlewares=[_in_turn])
    routes = Routes(app.router, "")
    routes.add_get("/healthz", _healthz)
    _add_watch(routes, ready, metrics, census)

    async def guard(_: web.Request, response: web.StreamResponse) -> None:
        response.headers.popall("Server", None)

    app.on_response_prepare.append(guard)
    return app


@web.middleware
async def _in_turn(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tells the door when it is whose turn, so that a scraper may keep its connection."""
    request_begins(request)
    try:
        answered = await attempt(_told(request, handler))
    finally:
        request_ends(request)
    if isinstance(answered, Refused | Away | Bug):
        return web.json_response({"error": "unavailable"}, status=503)
    return answered


async def _told(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return web.json_response({"error": error.reason.casefold()}, status=error.status)


def slack_url(workspace_id: str) -> str:
    """Opens Slack in this workspace."""
    return f"https://app.slack.com/client/{quote(workspace_id)}"


@dataclass(frozen=True, slots=True)
class Routes:
    """A router, from a path on."""

    router: web.UrlDispatcher
    root: str

    def add_get(self, path: str, handler: Handler, *, allow_head: bool = True) -> None:
        self.router.add_get(self.root + path, handler, allow_head=allow_head)

    def add_post(self, path: str, handler: Handler) -> None:
        self.router.add_post(self.root + path, handler)


def _add_pages(router: Routes, pages: OAuthPages, callback: OAuthCallback) -> None:
    router.add_get("/", pages.welcome)
    router.add_get(STYLESHEET_PATH, pages.stylesheet)
    router.add_get(ICON_PATH, pages.icon)
    router.add_get(SCRIPT_PATH, pages.script)
    # Where browsers look by themselves, beside a file that is downloaded.
    router.add_get("/favicon.ico", pages.icon)
    router.add_get("/go/{secret}", pages.landing)
    router.add_post("/go/{secret}", pages.start)
    router.add_get("/go/{secret}/form", pages.back)
    router.add_post("/go/{secret}/form", callback.filled)
    router.add_get("/l/{secret}", pages.link_landing)
    router.add_post("/l/{secret}", pages.link_start)
    router.add_post("/again/{secret}", pages.again)
    router.add_post("/renew/{secret}", pages.renew)
    router.add_post("/receives/{secret}", pages.receives)
    router.add_post("/ask/{secret}", callback.approving.ask)
    # A HEAD must not spend what the GET after it needs.
    router.add_get("/callback/{provider}", callback.arrive, allow_head=False)
    router.add_post("/callback/{provider}", callback.posted)


def _add_exports(router: Routes, exports: ExportPages) -> None:
    router.add_get("/export/{secret}", exports.landing)
    router.add_post("/export/{secret}", exports.fetch)


async def _healthz(_: web.Request) -> web.Response:
    return web.json_response({"alive": True})


def _add_watch(router: Routes, ready: Ready, metrics: Metrics, census: Census) -> None:
    async def readyz(_: web.Request) -> web.Response:
        said = ready()
        parts = dict(await said if inspect.isawaitable(said) else said)
        is_ready = all(parts.values())
        return web.json_response({"ready": is_ready, **parts}, status=200 if is_ready else 503)

    async def figures(_: web.Request) -> web.Response:
        await census()
        return web.Response(body=metrics.exposition(), headers={"Content-Type": _EXPOSITION})

    router.add_get("/readyz", readyz)
    router.add_get("/metrics", figures)


def _add_api(router: Routes, api: Api) -> None:
    for route in API_ROUTES:
        handler = getattr(api, route.handler)
        if route.method == "GET":
            router.add_get(route.path, handler, allow_head=False)
        else:
            router.add_post(route.path, handler)


def _answering(metrics: Metrics, site: Site) -> Middleware:
    @web.middleware
    async def answering(request: web.Request, handler: Handler) -> web.StreamResponse:
        request_begins(request)
        began = perf_counter()
        try:
            answered = await attempt(_handled(request, handler, site))
        finally:
            request_ends(request)
        if isinstance(answered, Refused | Away | Bug):
            answered = _worded(request, answered, site)
        response = _at_home(answered, site)
        metrics.http_request(_route(request, site), response.status, perf_counter() - began)
        return response

    return answering


def _at_home(response: web.StreamResponse, site: Site) -> web.StreamResponse:
    """A page as it is where a proxy serves it under a path: with its stylesheet and its icon there."""
    if site.prefix and isinstance(response, web.Response) and response.content_type == "text/html":
        head, end, body = (response.text or "").partition("</head>")
        response.text = head.replace(f'="{STATIC}/', f'="{escape(site.prefix)}{STATIC}/') + end + body
    return response


async def _handled(request: web.Request, handler: Handler, site: Site) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        if _is_machine(request, site):
            return web.json_response({"error": error.reason.casefold()}, status=error.status)
        return http_page(language_wanted(request), error)


def _worded(request: web.Request, fault: Fault, site: Site) -> web.Response:
    if not _is_machine(request, site):
        secret = "" if request.path.startswith(f"{site.prefix}/export/") else _secret_of(request)
        return fault_page(language_wanted(request), fault, site, secret=secret)
    if isinstance(fault, Bug):
        return web.json_response({"error": "internal", "reference": fault.reference}, status=500)
    return web.json_response({"error": "unavailable"}, status=503)


def _secret_of(request: web.Request) -> str:
    """That of the link that was opened, or came back from the provider."""
    return (request.match_info.get("secret") or request.query.get("state", ""))[:_LONGEST]


def _guard(site: Site) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    async def guard(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(site.headers)
        if response.get(HAS_SCRIPT):
            response.headers["Content-Security-Policy"] = WITH_SCRIPT
        response.headers.popall("Server", None)

    return guard


def _is_machine(request: web.Request, site: Site) -> bool:
    path = request.path.removeprefix(site.prefix)
    return path in _MACHINES or path.startswith(f"{API}/")


def _route(request: web.Request, site: Site) -> str:
    """The pattern, never the path: that may hold a ticket."""
    resource = request.match_info.route.resource
    return resource.canonical.removeprefix(site.prefix) if resource is not None else "unknown"
