"""The web application: Slack's route, the pages, and what operators and load balancers ask.

The one rule: whatever happens, a browser gets a page, a machine gets a small JSON word, and neither gets
a traceback. Paths hold tickets, so nothing here logs them: serve it without an access log.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.services import Services
from bot.telemetry import Metrics
from handlers.approving import Approving
from handlers.browser import HEADERS, Site, language_wanted
from handlers.callback import Callback, Handles
from handlers.exports import Exports
from handlers.failing import fault_page, http_page
from handlers.faults import Away, Bug, Fault, Refused, attempt
from handlers.inbound import MOST_BYTES, PATH, Inbound
from handlers.pages import Pages
from handlers.tasks import Tasks

Ready = Callable[[], Mapping[str, bool] | Awaitable[Mapping[str, bool]]]
"""What must work for this process to be of use, by name."""

_MACHINES: Final = frozenset({PATH, "/healthz", "/readyz", "/metrics"})
_DRAINS_FOR: Final = 10.0
_EXPOSITION: Final = "text/plain; version=0.0.4; charset=utf-8"


def build_web(
    services: Services,
    *,
    inbound: Inbound | None,
    base_url: str,
    ready: Ready,
    metrics: Metrics,
    clock: Callable[[], datetime],
    team_url: str = "",
) -> web.Application:
    """``inbound`` is ``None`` under Socket Mode: then Slack has no business posting here.

    ``team_url`` is where Slack says that the workspace is.
    """
    app = web.Application(client_max_size=MOST_BYTES, middlewares=[_answering(metrics)])
    app.on_response_prepare.append(_guard)
    if inbound is not None:
        app.router.add_post(PATH, inbound.receive)
    site, tasks = Site.at(base_url), Tasks()
    workspace_name = services.workspace.name
    team_url = team_url or slack_url(services.workspace.id)
    label_at = services.channels.label_at
    approving = Approving(services.connecting, label_at, site, workspace_name, team_url)
    _add_pages(
        app.router,
        Pages(services.connecting, site),
        Callback(
            connecting=services.connecting,
            provider_label=label_at,
            handles=Handles(clock),
            tasks=tasks,
            site=site,
            workspace_name=workspace_name,
            team_url=team_url,
            approving=approving,
        ),
    )
    _add_exports(app.router, Exports(services.exporting, site))
    _add_machines(app.router, ready, metrics)

    async def drain(_: web.Application) -> None:
        await tasks.drain(_DRAINS_FOR)

    app.on_cleanup.append(drain)
    return app


def slack_url(workspace_id: str) -> str:
    """Opens Slack in this workspace."""
    return f"https://app.slack.com/client/{quote(workspace_id)}"


def _add_pages(router: web.UrlDispatcher, pages: Pages, callback: Callback) -> None:
    router.add_get("/", pages.welcome)
    router.add_get("/static/page.css", pages.stylesheet)
    router.add_get("/go/{secret}", pages.landing)
    router.add_post("/go/{secret}", pages.start)
    router.add_get("/go/{secret}/form", pages.back)
    router.add_post("/go/{secret}/form", callback.filled)
    router.add_get("/l/{secret}", pages.link_landing)
    router.add_post("/l/{secret}", pages.link_start)
    router.add_post("/again/{secret}", pages.again)
    router.add_post("/ask/{secret}", callback.approving.ask)
    # A HEAD must not spend what the GET after it needs.
    router.add_get("/callback/{provider}", callback.arrive, allow_head=False)
    router.add_post("/callback/{provider}", callback.posted)


def _add_exports(router: web.UrlDispatcher, exports: Exports) -> None:
    router.add_get("/export/{secret}", exports.landing)
    router.add_post("/export/{secret}", exports.fetch)


def _add_machines(router: web.UrlDispatcher, ready: Ready, metrics: Metrics) -> None:
    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def readyz(_: web.Request) -> web.Response:
        said = ready()
        parts = dict(await said if inspect.isawaitable(said) else said)
        is_ready = all(parts.values())
        return web.json_response({"ready": is_ready, **parts}, status=200 if is_ready else 503)

    async def figures(_: web.Request) -> web.Response:
        return web.Response(body=metrics.exposition(), headers={"Content-Type": _EXPOSITION})

    router.add_get("/healthz", healthz)
    router.add_get("/readyz", readyz)
    router.add_get("/metrics", figures)


def _answering(metrics: Metrics) -> Middleware:
    @web.middleware
    async def answering(request: web.Request, handler: Handler) -> web.StreamResponse:
        answered = await attempt(_handled(request, handler))
        response = _worded(request, answered) if isinstance(answered, Refused | Away | Bug) else answered
        metrics.http_request(_route(request), response.status)
        return response

    return answering


async def _handled(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        if _is_machine(request):
            return web.json_response({"error": error.reason.casefold()}, status=error.status)
        return http_page(language_wanted(request), error)


def _worded(request: web.Request, fault: Fault) -> web.Response:
    if not _is_machine(request):
        return fault_page(language_wanted(request), fault)
    if isinstance(fault, Bug):
        return web.json_response({"error": "internal", "reference": fault.reference}, status=500)
    return web.json_response({"error": "unavailable"}, status=503)


async def _guard(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    response.headers.popall("Server", None)


def _is_machine(request: web.Request) -> bool:
    return request.path in _MACHINES


def _route(request: web.Request) -> str:
    """The pattern, never the path: that may hold a ticket."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"
