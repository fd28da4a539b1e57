"""Finds the handler for what Slack sent and has it answered.

The one rule: Bolt has one catch-all listener per kind of payload; what a click or a word means is looked
up in a dict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog
from slack_bolt.kwargs_injection.async_args import AsyncArgs
from slack_bolt.response import BoltResponse

from bot.domain.errors import WrongWorkspace
from bot.domain.ids import WorkspaceId
from handlers import actions, commands, modals
from handlers.answering import Answering
from handlers.desk import Desk, Route
from handlers.events import Events
from handlers.payload import Asked
from handlers.presenting import Ack
from handlers.reply import Reply, Turn
from handlers.screen import Figures

ERRAND: Final = "errand"
_log = structlog.get_logger(__name__)


@dataclass
class Errand:
    """What Bolt's context carries: the typed payload in, the ack's body out.

    Bolt itself acknowledges with nothing; through it the body would be made JSON, read and made JSON again.
    """

    asked: Asked
    ack: Ack = None


@dataclass(frozen=True)
class Router:
    """Finds the handler for what was asked, and has it answered."""

    desk: Desk
    answering: Answering
    events: Events
    figures: Figures
    workspace_id: WorkspaceId

    async def command(self, args: AsyncArgs) -> None:
        asked = _errand(args).asked
        await self._answer(args, commands.route(asked.text))

    async def action(self, args: AsyncArgs) -> None:
        await self._answer(args, actions.route(_errand(args).asked))

    async def form(self, args: AsyncArgs) -> None:
        await self._answer(args, modals.route(_errand(args).asked))

    async def closed(self, args: AsyncArgs) -> None:
        await args.ack()

    async def event(self, args: AsyncArgs) -> BoltResponse:
        asked = _errand(args).asked
        if asked.workspace_id != self.workspace_id:
            return BoltResponse(status=200, body="")
        return BoltResponse(status=200 if await self.events.take(asked) else 503, body="")

    async def _answer(self, args: AsyncArgs, route: Route | None) -> None:
        errand = _errand(args)
        errand.ack = await self._answered(errand.asked, route)
        await args.ack()

    async def _answered(self, asked: Asked, route: Route | None) -> Ack:
        if route is None:
            self.figures.slack_call(f"in.{asked.form.value}", "unknown_id")
            _log.warning("Nobody listens to this id", form=asked.form.value, name=asked.name[:60])
            route = Route(actions.out_of_date)

        async def work(turn: Turn) -> Reply:
            if turn.asked.workspace_id != self.workspace_id:
                raise WrongWorkspace
            return await route.handler(self.desk, turn)

        return await self.answering.answer(asked, work, opens=route.opens)


def _errand(args: AsyncArgs) -> Errand:
    errand = args.context[ERRAND]
    assert isinstance(errand, Errand)
    return errand
