"""Slack's side of the bot: one entry for both transports, Bolt in the middle, a handler at the end.

The one rule: a payload is typed before Bolt sees it. What is no payload of Slack's never gets there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

import aiohttp
import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.ids import UserId, WorkspaceId
from bot.domain.job import Job
from bot.services.admins import Admins
from bot.services.channels import Channels
from bot.services.connecting import Connecting
from bot.services.evidence import Evidences
from bot.services.exporting import Exporting
from bot.services.incidents import Incidents
from bot.services.people import People
from bot.services.permissions import Permissions
from bot.services.requests import Requests
from bot.services.switching import Switching
from bot.services.workspaces import Workspaces
from handlers.answering import Answering, Pace
from handlers.desk import Desk
from handlers.events import EVENTS, Events
from handlers.home import Home
from handlers.payload import Asked, Form, Malformed, read
from handlers.presenting import Presenter
from handlers.router import ERRAND, Errand, Router
from handlers.screen import Figures, Screen
from handlers.tasks import Tasks

_ANY: Final = re.compile("")
_DRAINS_FOR: Final = 10.0
_log = structlog.get_logger(__name__)


class Services(Protocol):
    """What the handlers need of the services."""

    @property
    def people(self) -> People: ...

    @property
    def channels(self) -> Channels: ...

    @property
    def connecting(self) -> Connecting: ...

    @property
    def switching(self) -> Switching: ...

    @property
    def requests(self) -> Requests: ...

    @property
    def incidents(self) -> Incidents: ...

    @property
    def admins(self) -> Admins: ...

    @property
    def evidences(self) -> Evidences: ...

    @property
    def exporting(self) -> Exporting: ...

    @property
    def permissions(self) -> Permissions: ...

    @property
    def workspaces(self) -> Workspaces: ...


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the bot is, as ``auth.test`` says."""

    workspace_id: WorkspaceId
    bot_user_id: UserId
    bot_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to Slack: a status for HTTP, and the ack's body for both transports."""

    status: int = 200
    body: dict[str, Any] | None = None


class SlackSide:
    """Takes payloads in, from either transport, and keeps Home tabs drawn."""

    def __init__(self, app: AsyncApp, home: Home, tasks: Tasks, workspace_id: WorkspaceId) -> None:
        self._app = app
        self._workspace_id = workspace_id
        self._home = home
        self._tasks = tasks

    async def dispatch(self, body: Mapping[str, Any]) -> Answer:
        """Answer one payload that is known to come from Slack. Never raises."""
        try:
            asked = read(body, self._workspace_id)
        except Malformed as fault:
            _log.warning("A payload could not be read", fault=str(fault))
            # An event that is refused comes three times more, and no other shape.
            return Answer() if body.get("type") == Form.EVENT else Answer(400, {"error": "malformed"})
        if asked.form is Form.OTHER or (asked.form is Form.EVENT and asked.name not in EVENTS):
            _log.info("A payload nobody asked for", name=asked.name[:60])
            return Answer()
        errand = Errand(asked)
        request = AsyncBoltRequest(body=_routed(asked), mode="socket_mode", context={ERRAND: errand})
        response = await self._app.async_dispatch(request)
        return Answer(response.status, errand.ack)

    async def publish_home(self, user_id: UserId) -> None:
        """Draw one person's Home now."""
        await self._home.publish(user_id)

    def refresh_home(self, *user_ids: UserId) -> None:
        """Something has changed: redraw for these and for those who looked in the last ten minutes."""
        self._home.refresh(*user_ids)

    async def home_changed(self, job: Job) -> None:
        """The job ``REFRESH_HOME``: a sign-in or a check changed something without a click here."""
        actor = job.payload["actor"]
        self.refresh_home(*([UserId(actor)] if actor else []))

    async def drain(self, within: float = _DRAINS_FOR) -> None:
        """Let the answers under way be delivered before the process ends."""
        await self._tasks.drain(within)


def _routed(asked: Asked) -> dict[str, Any]:
    """What Bolt chooses a listener by, and nothing else: it reads the rest of a payload with less care.

    No headers either: one of Bolt's own would make it skip the listener.
    """
    match asked.form:
        case Form.COMMAND:
            return {"command": asked.name}
        case Form.ACTION:
            return {"type": asked.form.value, "actions": [{"action_id": asked.name, "block_id": ""}]}
        case Form.EVENT:
            return {"type": asked.form.value, "event": {"type": asked.name}}
        case _:
            return {"type": asked.form.value, "view": {"type": "modal", "callback_id": asked.name}}


def build_slack(
    services: Services,
    *,
    client: AsyncWebClient,
    session: aiohttp.ClientSession,
    identity: Identity,
    command: str,
    clock: Callable[[], datetime],
    figures: Figures,
    pace: Pace | None = None,
) -> SlackSide:
    """Put the handlers together. ``client`` carries the bot's token and ``session``, without retries."""
    pace, tasks = pace or Pace(), Tasks()
    screen = Screen(client, session, figures)
    home = Home(
        people=services.people,
        channels=services.channels,
        screen=screen,
        tasks=tasks,
        workspace_id=identity.workspace_id,
        command=command,
        clock=clock,
    )
    desk = Desk(
        people=services.people,
        channels=services.channels,
        connecting=services.connecting,
        switching=services.switching,
        requests=services.requests,
        incidents=services.incidents,
        admins=services.admins,
        evidences=services.evidences,
        exporting=services.exporting,
        permissions=services.permissions,
        workspaces=services.workspaces,
        home=home,
        clock=clock,
        command=command,
    )
    answering = Answering(
        people=services.people, presenter=Presenter(screen), tasks=tasks, command=command, pace=pace
    )
    events = Events(desk, tasks, identity.bot_user_id, pace.ack_within)
    router = Router(desk, answering, events, figures, identity.workspace_id)
    return SlackSide(_app(router, client, identity), home, tasks, identity.workspace_id)


def _app(router: Router, client: AsyncWebClient, identity: Identity) -> AsyncApp:
    """Bolt with our own verification, parsing and authorization, and one listener per kind of payload."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None,
            team_id=identity.workspace_id,
            bot_id=identity.bot_id,
            bot_user_id=identity.bot_user_id,
            bot_token=client.token,
        )

    app = AsyncApp(
        name="inboxkeeper",
        # Bolt warns of a token beside ``authorize``; nothing here calls Slack through Bolt's client.
        client=AsyncWebClient(token=None, base_url=client.base_url, session=client.session),
        authorize=authorize,
        process_before_response=True,
        request_verification_enabled=False,
        ssl_check_enabled=False,
        url_verification_enabled=False,
    )
    app.command(_ANY)(router.command)
    app.block_action(_ANY)(router.action)
    app.view_submission(_ANY)(router.form)
    app.view_closed(_ANY)(router.closed)
    for name in EVENTS:
        app.event(name)(router.event)
    return app
