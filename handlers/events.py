"""Slack's events: one handler per type.

The one rule: an event whose loss would matter is answered only when it is written down, so that Slack
sends it again; the others are answered at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from bot.slack.directory import organisation_teams, person_of
from handlers.context import Context
from handlers.errors import attempt
from handlers.slack_request import SlackRequest
from handlers.tasks import Tasks, finished


@dataclass(frozen=True)
class Events:
    """Takes events in."""

    context: Context
    tasks: Tasks
    bot_user_id: str
    ack_within: float = 2.2

    async def take(self, request: SlackRequest) -> bool:
        """Whether the event is dealt with; if not, Slack should send it again. Never raises."""
        handler = EVENTS.get(request.name)
        if handler is None:
            return True
        if handler is _home_opened:  # notes who looks, and is done: a crowd is drawn when it can be
            return await self._taken(handler, request)
        if self.tasks.is_full:
            return False
        task = self.tasks.start(self._taken(handler, request))
        if not await finished(task, within=self.ack_within):
            return False
        return not task.cancelled() and task.result()

    async def _taken(self, handler: EventHandler, request: SlackRequest) -> bool:
        done = await attempt(handler(self, request))
        return done is True


async def _home_opened(events: Events, request: SlackRequest) -> bool:
    if request.event.get("tab") == "home" and request.user_id:
        view = request.event.get("view")
        events.context.home.opened(request.user_id, view if isinstance(view, dict) else {})
    return True


async def _user_changed(events: Events, request: SlackRequest) -> bool:
    user = request.event.get("user")
    if not isinstance(user, dict) or not request.user_id:
        return True
    home, teams = request.workspace_id, organisation_teams(user)
    if teams is not None and home not in teams:  # theirs is another workspace of the organisation by now
        await events.context.services.people.left(request.user_id)
        return True
    person = replace(person_of(user, home), id=request.user_id)
    if not isinstance(user.get("locale"), str):
        locale = await events.context.services.people.locale_of(request.workspace_id, request.user_id)
        person = replace(person, locale=locale)
    await events.context.services.people.changed(person)
    return True


async def _uninstalled(events: Events, request: SlackRequest) -> bool:
    # Delivered late and again, it must not end an installation that came back meanwhile.
    if not request.key or await events.context.services.workspaces.first_time(f"event:{request.key}"):
        await events.context.services.workspaces.gone(request.workspace_id)
    return True


async def _revoked(events: Events, request: SlackRequest) -> bool:
    tokens = request.event.get("tokens")
    bots = tokens.get("bot") if isinstance(tokens, dict) else None
    if isinstance(bots, list) and events.bot_user_id in bots:
        return await _uninstalled(events, request)
    return True


EventHandler = Callable[[Events, SlackRequest], Awaitable[bool]]

EVENTS: Final[Mapping[str, EventHandler]] = {
    "app_home_opened": _home_opened,
    "user_change": _user_changed,
    "app_uninstalled": _uninstalled,
    "tokens_revoked": _revoked,
}
