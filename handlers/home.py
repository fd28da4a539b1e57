"""The Home tab: as the database has it whenever somebody looks, and again after an action.

The one rule: one drawing per person at a time, so that an older picture never covers a newer one. Whoever
looks stands in a line: a crowd is drawn later, and nobody twice.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from weakref import WeakValueDictionary

import structlog

from bot.domain.errors import SlackAway
from bot.domain.hubspot_models import HubSpotSummary
from bot.domain.ids import UserId, WorkspaceId
from bot.domain.view_models import Browse
from bot.services.connections.channels import Channels
from bot.services.monitoring.hubspot import HubSpotScreens
from bot.services.people.people import People
from bot.slack.views_api import ViewsApi
from bot.views.blocks import View
from bot.views.home import HOME_ROWS, parse_drawn, stamped
from bot.views.home import home as home_view
from bot.views.hubspot import in_the_list
from bot.views.i18n import Language
from bot.views.replies import busy_message, refusal_message
from handlers.drawn import Drawn
from handlers.errors import Away, Bug, Refused, attempt
from handlers.slack_request import language_of
from handlers.tasks import Tasks

_STILL_LOOKING: Final = timedelta(minutes=10)
_MOST_VIEWERS: Final = 50
"""Slack takes about a hundred drawings a minute."""
_DRAWERS: Final = 4
"""Drawings at a time: a thousand people who look at once leave room for what others do."""
_MOST_WAITING: Final = 20_000
"""More looks than that wait for Slack longer than anybody looks."""
_EVERYTHING: Final = Browse()
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_NOTHING: Final[Mapping[str, Any]] = {}
Pause = Callable[[float], Awaitable[None]]
"""Lets so many seconds pass."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Picture:
    """What a viewer has before them, as far as this process knows."""

    browse: Browse = _EVERYTHING
    """What they look for."""
    at: datetime = _LONG_AGO
    """When they chose that, or it was drawn."""
    hash: str = ""
    """Slack's; empty if it is not known."""
    drawing: View | None = None
    """What this process published under that hash."""


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
        pause: Pause = asyncio.sleep,
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
        self._pictures: dict[UserId, _Picture] = {}
        """Of viewers only. Another process may have drawn a later one: each payload says what it showed."""
        self._seen: dict[UserId, object] = {}
        """The hash of what viewers see, if Slack has said so since it was drawn last."""
        self._drawing: WeakValueDictionary[UserId, asyncio.Lock] = WeakValueDictionary()
        self._kept = Drawn[View](clock, channels.mark)
        """By viewer, language and what they look for. When it was published, and its hash, are each
        publication's own."""
        self._pause = pause
        self._waiting: OrderedDict[UserId, bool] = OrderedDict()
        """Whose Home is to be drawn, each once, however often they asked; and whether they did."""
        self._drawers = 0
        self._resting: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    def opened(self, user_id: UserId, view: Mapping[str, Any] = _NOTHING) -> None:
        """Somebody looks at Home: at all that there is, unless they have just been there. ``view`` is what
        was there before, as Slack says."""
        last, lately = self._viewers.get(user_id), self._clock() - _STILL_LOOKING
        is_new = last is None or last < lately
        if is_new:
            self._pictures.pop(user_id, None)
        self._looks(user_id)
        self._learn(user_id, view, since=lately if is_new else _LONG_AGO)
        self._seen[user_id] = view.get("hash")
        self._ask_for(user_id)

    def clicked(self, user_id: UserId, view: Mapping[str, Any]) -> None:
        """Somebody clicks on Home: they see this one, whichever process drew it."""
        self._looks(user_id)
        self._learn(user_id, view)

    def browse(self, user_id: UserId, browse: Browse) -> None:
        """Somebody looks for some of their inboxes, or turns the page."""
        self._looks(user_id)
        picture = self._pictures.get(user_id, _Picture())
        self._pictures[user_id] = replace(picture, browse=browse, at=self._clock())
        self._ask_for(user_id)

    def refresh(self, *actors: UserId) -> None:
        """Something has changed: redraw for whoever did it and for those who looked lately."""
        since = self._clock() - _STILL_LOOKING
        lately = (viewer for viewer, at in self._viewers.items() if at >= since)
        for user_id in lately:
            self._ask_for(user_id, is_own=False)
        for user_id in reversed(actors):
            self._ask_for(user_id, is_first=True)

    def stop(self) -> None:
        """Begin no more drawings: the next look draws what is left."""
        self._waiting.clear()
        self._is_stopped = True
        for drawer in self._resting:
            drawer.cancel()

    async def publish(self, user_id: UserId, *, is_own: bool = True) -> timedelta:
        """Draw one person's Home now. Never raises: the next look draws it again. Returns how long Slack
        wants to be left alone, should it not have taken it for that reason. ``is_own``: for what they did
        themselves."""
        async with self._drawing.setdefault(user_id, asyncio.Lock()):
            published = await attempt(self._published(user_id, is_own=is_own))
        if isinstance(published, Bug):
            _log.warning("Home was not drawn", reference=published.reference)
        return published if isinstance(published, timedelta) else timedelta()

    def _looks(self, user_id: UserId) -> None:
        self._viewers[user_id] = self._clock()
        self._viewers.move_to_end(user_id)
        while len(self._viewers) > _MOST_VIEWERS:
            self._forget(next(iter(self._viewers)))

    def _learn(self, user_id: UserId, view: Mapping[str, Any], *, since: datetime = _LONG_AGO) -> None:
        """Take over what was drawn last, unless it is older than what we know. What was drawn before
        ``since`` was for an earlier visit."""
        drawn = view.get("hash")
        if not isinstance(drawn, str):
            return
        browse, at = parse_drawn(view.get("private_metadata")) or (_EVERYTHING, _LONG_AGO)
        known = self._pictures.get(user_id, _Picture())
        if at >= known.at:
            drawing = known.drawing if drawn == known.hash else None
            self._pictures[user_id] = _Picture(browse if at >= since else _EVERYTHING, at, drawn, drawing)

    def _ask_for(self, user_id: UserId, *, is_own: bool = True, is_first: bool = False) -> None:
        """Let it be drawn: side by side with a few others, or later. ``is_first`` for whoever waits to see
        what they did."""
        if self._is_stopped:
            return
        self._waiting[user_id] = is_own or self._waiting.get(user_id, False)
        if is_first:
            self._waiting.move_to_end(user_id, last=False)
        while len(self._waiting) > _MOST_WAITING:
            self._waiting.popitem(last=False)
        if self._drawers < _DRAWERS:
            self._drawers += 1
            self._tasks.start(self._draw_on())

    async def _draw_on(self) -> None:
        try:
            while self._waiting:
                user_id, is_own = self._waiting.popitem(last=False)
                rest = await self.publish(user_id, is_own=is_own)
                if rest:
                    self._ask_for(user_id, is_own=is_own, is_first=True)
                    await self._rest(rest)
        finally:
            self._drawers -= 1

    async def _rest(self, span: timedelta) -> None:
        resting = asyncio.ensure_future(self._paused(span))
        self._resting.add(resting)
        await asyncio.wait({resting})
        self._resting.discard(resting)

    async def _paused(self, span: timedelta) -> None:
        await self._pause(span.total_seconds())

    async def _published(self, user_id: UserId, *, is_own: bool) -> timedelta:
        at, before = self._clock(), self._pictures.get(user_id)
        try:
            is_shown = await self._publish_at(user_id, at, is_first=True)
            is_news = is_own or self._pictures.get(user_id) is not before
            if not is_shown and not is_news:  # another process drew what they see: it knows what they chose
                self._forget(user_id)
            elif not is_shown:  # another process was first: look again, then let the newest win
                at = self._clock()
                await self._publish_at(user_id, at, is_first=False)
        except SlackAway as away:
            if not away.was_refused:  # Slack may have taken it all the same
                self._published_as(user_id, "", None, at)
            return away.retry_after or timedelta()
        return timedelta()

    async def _publish_at(self, user_id: UserId, at: datetime, *, is_first: bool) -> bool:
        """Whether they see it now: not if another process drew what they see. What Slack has just said that
        they see is not published again; its stamp stays the one that Slack sends along with their clicks."""
        # As of now, both: nothing is drawn over what they click on while it is read.
        picture, seen = self._pictures.get(user_id, _Picture()), self._seen.pop(user_id, None)
        drawing = await self._drawn(user_id, picture.browse)
        if is_first and seen == picture.hash and drawing is picture.drawing:
            return True
        view = stamped(drawing, picture.browse, at)
        known = picture.hash or None
        published = await self._views_api.publish(user_id, view, known=known if is_first else None)
        if published is None and is_first:
            return False
        self._published_as(user_id, published or "", drawing, at)
        return True

    def _published_as(self, user_id: UserId, known: str, drawing: View | None, at: datetime) -> None:
        if user_id in self._viewers:
            picture = self._pictures.get(user_id, _Picture())
            self._pictures[user_id] = _Picture(picture.browse, max(at, picture.at), known, drawing)

    async def _drawn(self, user_id: UserId, browse: Browse) -> View:
        lang = await language_of(self._people, self._workspace_id, user_id)
        key = user_id, lang.code, browse
        view = await attempt(self._kept.of(key, lambda: self._read(user_id, lang, browse)))
        if isinstance(view, Refused):
            return _as_home(refusal_message(lang, view.refusal, self._command))
        if isinstance(view, Away | Bug):
            return _as_home(busy_message(lang))
        return view

    async def _read(self, user_id: UserId, lang: Language, browse: Browse) -> View:
        """As of now; one that cannot be drawn is tried again, and not kept."""
        actor = await self._people.member(self._workspace_id, user_id)
        overview = await self._channels.overview(actor, most=HOME_ROWS, browse=browse)
        theirs = await attempt(self._hubspot.summary()) if self._hubspot else None
        elsewhere = in_the_list(lang, theirs if isinstance(theirs, HubSpotSummary) else None)
        return home_view(lang, overview, elsewhere=elsewhere)

    def _forget(self, user_id: UserId) -> None:
        self._viewers.pop(user_id, None)
        self._pictures.pop(user_id, None)
        self._seen.pop(user_id, None)


def _as_home(message: dict[str, Any]) -> View:
    return {"type": "home", "blocks": message["blocks"]}
