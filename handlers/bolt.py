"""Slack's side of the bot: one entry for both transports, Bolt in the middle, a handler at the end.

The one rule: a payload is typed before Bolt sees it. Bolt has one catch-all listener per kind of payload;
what a click or a word means is looked up in a dict.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any, Final

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.async_app import AsyncAck, AsyncBoltContext
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import WrongWorkspace
from bot.domain.ids import UserId, WorkspaceId
from bot.domain.job import Job
from bot.services import Services
from bot.services.core.courtesy import Courtesy
from bot.slack.client import SlackClient
from bot.slack.views_api import ViewsApi
from bot.views.blocks import Block
from handlers import actions, commands, keys, modals
from handlers.context import Context, Interaction, KeptHandler, Response, Route
from handlers.drawn import Drawn
from handlers.events import EVENTS, Events
from handlers.home import Home
from handlers.responding import Ack, Presenter, Responder, ResponseBudget, as_ack
from handlers.slack_request import Answer, Malformed, RequestKind, SlackRequest, Surface, read
from handlers.tasks import Tasks

REQUEST: Final = "slack_request"
"""Under this name Bolt's context carries the typed payload in, ..."""
ACK: Final = "ack_body"
"""... and under this one the ack's body out: Bolt itself acknowledges with nothing, for through it the body
would be made JSON, read and made JSON again."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Router:
    """Finds the handler for what was asked, and has it answered."""

    context: Context
    answering: Responder
    events: Events
    client: SlackClient
    workspace_id: WorkspaceId

    async def command(self, ack: AsyncAck, context: AsyncBoltContext) -> None:
        await self._answer(ack, context, commands.route(_request(context).text))

    async def action(self, ack: AsyncAck, context: AsyncBoltContext) -> None:
        await self._answer(ack, context, actions.route(_request(context)))

    async def form(self, ack: AsyncAck, context: AsyncBoltContext) -> None:
        await self._answer(ack, context, modals.route(_request(context)))

    async def suggestion(self, ack: AsyncAck, context: AsyncBoltContext) -> None:
        request = _request(context)

        async def work() -> list[Block]:
            if request.workspace_id != self.workspace_id:
                raise WrongWorkspace
            return await keys.suggest(self.context, request)

        context[ACK] = await self.answering.suggest(work)
        await ack()

    async def closed(self, ack: AsyncAck) -> None:
        await ack()

    async def event(self, context: AsyncBoltContext) -> BoltResponse:
        request = _request(context)
        if request.workspace_id != self.workspace_id:
            return BoltResponse(status=200, body="")
        return BoltResponse(status=200 if await self.events.take(request) else 503, body="")

    async def _answer(self, ack: AsyncAck, context: AsyncBoltContext, route: Route | None) -> None:
        context[ACK] = await self._answered(_request(context), route)
        await ack()

    async def _answered(self, request: SlackRequest, route: Route | None) -> Ack:
        if route is None:
            self.client.metrics.slack_call(f"in.{request.form.value}", "unknown_id")
            _log.warning("Nobody listens to this id", form=request.form.value, name=request.name[:60])
            route = Route(actions.out_of_date)
        if (known := self._known(request, route)) is not None:
            return known

        async def work(interaction: Interaction) -> Response:
            if interaction.request.workspace_id != self.workspace_id:
                raise WrongWorkspace
            if request.surface is Surface.HOME:
                self.context.home.clicked(request.user_id, request.view)
            return await route.handler(self.context, interaction)

        return await self.answering.answer(request, work, opens=route.opens)

    def _known(self, request: SlackRequest, route: Route) -> Ack:
        """An answer that nothing need be waited for takes no task, which costs as much as all of it."""
        if request.workspace_id != self.workspace_id or not isinstance(route.handler, KeptHandler):
            return None
        kept = route.handler.at_once(self.context, request)
        return None if kept is None else as_ack(request, kept)


def _request(context: AsyncBoltContext) -> SlackRequest:
    request = context[REQUEST]
    assert isinstance(request, SlackRequest)
    return request


_ANY: Final = re.compile("")
_DRAINS_FOR: Final = 10.0


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the bot is, as ``auth.test`` says."""

    workspace_id: WorkspaceId
    bot_user_id: UserId
    bot_id: str


class SlackApp:
    """Takes payloads in, from either transport, and keeps Home tabs drawn."""

    def __init__(
        self,
        app: AsyncApp,
        home: Home,
        tasks: Tasks,
        workspace_id: WorkspaceId,
        *,
        answered: Callable[[str, float], None],
        courtesy: Courtesy,
    ) -> None:
        """``answered`` is told of each payload's kind and how many seconds its answer took."""
        self._app = app
        self._answered = answered
        self._courtesy = courtesy
        self._workspace_id = workspace_id
        self._home = home
        self._tasks = tasks

    async def dispatch(self, body: Mapping[str, Any]) -> Answer:
        """Answer one payload that is known to come from Slack. Never raises."""
        try:
            request = read(body, self._workspace_id)
        except Malformed as fault:
            _log.warning("A payload could not be read", fault=str(fault))
            # An event that is refused comes three times more, and no other shape.
            return Answer() if body.get("type") == RequestKind.EVENT else Answer(400, {"error": "malformed"})
        if request.form is RequestKind.OTHER or (
            request.form is RequestKind.EVENT and request.name not in EVENTS
        ):
            _log.info("A payload nobody asked for", name=request.name[:60])
            return Answer()
        began = perf_counter()
        bolt_request = AsyncBoltRequest(body=_routed(request), mode="socket_mode", context={REQUEST: request})
        with self._courtesy.serving():
            response = await self._app.async_dispatch(bolt_request)
        self._answered(request.form.value, perf_counter() - began)
        return Answer(response.status, bolt_request.context.get(ACK))

    def refresh_home(self, *user_ids: UserId) -> None:
        """Something has changed: redraw for these and for those who looked in the last ten minutes."""
        self._home.refresh(*user_ids)

    async def home_changed(self, job: Job) -> None:
        """The job ``REFRESH_HOME``: a sign-in or a check changed something without a click here."""
        actor = job.payload["actor"]
        self.refresh_home(*([UserId(actor)] if actor else []))

    async def drain(self, within: float = _DRAINS_FOR) -> None:
        """Let the answers under way be delivered before the process ends."""
        self._home.stop()
        await self._tasks.drain(within)


def _routed(request: SlackRequest) -> dict[str, Any]:
    """What Bolt chooses a listener by, and nothing else: it reads the rest of a payload with less care.

    No headers either: one of Bolt's own would make it skip the listener.
    """
    match request.form:
        case RequestKind.COMMAND:
            return {"command": request.name}
        case RequestKind.ACTION:
            return {"type": request.form.value, "actions": [{"action_id": request.name, "block_id": ""}]}
        case RequestKind.SUGGESTION:
            return {"type": request.form.value, "action_id": request.name, "block_id": "", "value": ""}
        case RequestKind.EVENT:
            return {"type": request.form.value, "event": {"type": request.name}}
        case _:
            return {"type": request.form.value, "view": {"type": "modal", "callback_id": request.name}}


def build_slack(
    services: Services,
    *,
    client: SlackClient,
    identity: Identity,
    command: str,
    clock: Callable[[], datetime],
    budget: ResponseBudget | None = None,
) -> SlackApp:
    """Put the handlers together."""
    budget, tasks = budget or ResponseBudget(), Tasks()
    views_api = ViewsApi(client)
    home = Home(
        people=services.people,
        channels=services.channels,
        views_api=views_api,
        tasks=tasks,
        workspace_id=identity.workspace_id,
        command=command,
        clock=clock,
        pause=budget.pause,
        hubspot=services.hubspot,
    )
    drawn = Drawn[Response](clock, services.channels.mark)
    context = Context(services, home=home, clock=clock, command=command, drawn=drawn)
    answering = Responder(
        people=services.people, presenter=Presenter(views_api), tasks=tasks, command=command, budget=budget
    )
    events = Events(context, tasks, identity.bot_user_id, budget.ack_within)
    router = Router(context, answering, events, client, identity.workspace_id)
    app = _app(router, client.web, identity)
    return SlackApp(
        app,
        home,
        tasks,
        identity.workspace_id,
        answered=client.metrics.ack,
        courtesy=services.core.courtesy,
    )


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
        # Of what we show it neither could find anything.
        ignoring_self_events_enabled=False,
        attaching_function_token_enabled=False,
    )
    app.command(_ANY)(router.command)
    app.block_action(_ANY)(router.action)
    app.options(_ANY)(router.suggestion)
    app.view_submission(_ANY)(router.form)
    app.view_closed(_ANY)(router.closed)
    for name in EVENTS:
        app.event(name)(router.event)
    return app
