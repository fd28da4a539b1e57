"""The Home tab: drawn from the database whenever somebody looks, and again after a deed.

The one rule: one drawing per person at a time, so that an older picture never covers a newer one.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from weakref import WeakValueDictionary

import structlog

from bot.domain.errors import SlackAway
from bot.domain.hubspot_models import HubSpotSummary
from bot.domain.ids import UserId, WorkspaceId
from bot.domain.view_models import Overview
from bot.services.connections.channels import Channels
from bot.services.monitoring.hubspot import HubSpotScreens
from bot.services.people.people import People
from bot.slack.views_api import ViewsApi
from bot.views.blocks import HOME_BLOCKS, View
from bot.views.home import HOME_ROWS
from bot.views.home import home as home_view
from bot.views.hubspot import home_section
from bot.views.i18n import Language
from bot.views.replies import busy_message, refusal_message
from handlers.errors import Bug, Refused, attempt
from handlers.slack_request import language_of
from handlers.tasks import Tasks

_STILL_LOOKING: Final = timedelta(minutes=10)
_MOST_VIEWERS: Final = 50
"""Slack takes about a hundred drawings a minute."""
_log = structlog.get_logger(__name__)


class Home:
    """Publishes Home tabs and knows who looked lately."""

    def __init__(
        self,
        *,
        people: People,
        channels: Channels,
        views_api: ViewsApi,
        tasks: Tasks,
        workspace_id: WorkspaceId,
        command: str,
        clock: Callable[[], datetime],
        hubspot: HubSpotScreens | None = None,
    ) -> None:
        self._people = people
        self._channels = channels
        self._views_api = views_api
        self._tasks = tasks
        self._workspace_id = workspace_id
        self._command = command
        self._clock = clock
        self._hubspot = hubspot
        self._viewers: OrderedDict[UserId, datetime] = OrderedDict()
        self._drawn: dict[UserId, str] = {}
        """The hash of the picture that each viewer has, as far as this process knows."""
        self._drawing: WeakValueDictionary[UserId, asyncio.Lock] = WeakValueDictionary()

    def opened(self, user_id: UserId, *, known: str = "") -> None:
        """Somebody looks at Home."""
        self._viewers[user_id] = self._clock()
        self._viewers.move_to_end(user_id)
        if known:
            self._drawn[user_id] = known
        while len(self._viewers) > _MOST_VIEWERS:
            self._forget(next(iter(self._viewers)))
        self._tasks.start(self.publish(user_id))

    def refresh(self, *actors: UserId) -> None:
        """Something has changed: redraw for whoever did it and for those who looked lately."""
        since = self._clock() - _STILL_LOOKING
        lately = (viewer for viewer, at in self._viewers.items() if at >= since)
        for user_id in dict.fromkeys([*actors, *lately]):
            self._tasks.start(self.publish(user_id))

    async def publish(self, user_id: UserId) -> None:
        """Draw one person's Home now. Never raises: the next look draws it again."""
        async with self._drawing.setdefault(user_id, asyncio.Lock()):
            published = await attempt(self._published(user_id))
        if isinstance(published, Bug):
            _log.warning("Home was not drawn", reference=published.reference)

    async def _published(self, user_id: UserId) -> None:
        try:
            view = await self._view(user_id)
            known = self._drawn.get(user_id)
            drawn = await self._views_api.publish(user_id, view, known=known)
            if drawn is None:  # another process was first: look again, then let the newest win
                drawn = await self._views_api.publish(user_id, await self._view(user_id), known=None)
        except SlackAway:
            return
        if drawn and user_id in self._viewers:
            self._drawn[user_id] = drawn

    async def _view(self, user_id: UserId) -> View:
        lang = await language_of(self._people, self._workspace_id, user_id)
        overview = await attempt(self._overview(user_id))
        if isinstance(overview, Overview):
            view = home_view(lang, overview, now=self._clock())
            return await self._with_hubspot(lang, view)
        if isinstance(overview, Refused):
            return _as_home(refusal_message(lang, overview.refusal, self._command))
        return _as_home(busy_message(lang))

    async def _with_hubspot(self, lang: Language, view: View) -> View:
        """And HubSpot's section, where its portal is watched."""
        summary = await attempt(self._hubspot.summary()) if self._hubspot else None
        if not isinstance(summary, HubSpotSummary):
            return view
        *listing, foot = view["blocks"]
        theirs = home_section(lang, summary)
        return {**view, "blocks": [*listing[: HOME_BLOCKS - len(theirs) - 1], *theirs, foot]}

    async def _overview(self, user_id: UserId) -> Overview:
        actor = await self._people.member(self._workspace_id, user_id)
        return await self._channels.overview(actor, most=HOME_ROWS)

    def _forget(self, user_id: UserId) -> None:
        self._viewers.pop(user_id, None)
        self._drawn.pop(user_id, None)


def _as_home(message: dict[str, Any]) -> View:
    return {"type": "home", "blocks": message["blocks"]}
