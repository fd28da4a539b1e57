"""Where the provider sends people back to: the ticket is spent here, once, and its outcome shown.

The one rule: only a GET spends, and asking again while the first request is still at work waits for the
same outcome instead of finding the ticket gone.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from aiohttp import web

from bot.domain.errors import TicketUnknown
from bot.domain.ticket import TicketOutcome
from bot.services.connecting import Connecting, Refilled
from bot.views.language import language_for
from bot.views.pages import outcome_page
from bot.views.pages.mailbox import mailbox_page
from handlers.approving import Approving
from handlers.browser import Site, browser_of, is_own_form, language_wanted, page, see_other
from handlers.failing import fault_page
from handlers.faults import Fault, attempt
from handlers.tasks import Tasks
from providers.imap_hosts import guidance_for

_HANDLE_LASTS: Final = timedelta(minutes=1)
_MOST_HANDLES: Final = 500
_MOST_FIELDS: Final = 30
_LONGEST_FIELD: Final = 4_096


@dataclass
class Handles:
    """What providers posted, for a minute, under a random name: a POST carries no cookie of ours."""

    clock: Callable[[], datetime]
    _held: OrderedDict[str, tuple[datetime, Mapping[str, str]]] = field(default_factory=OrderedDict)

    def hold(self, callback: Mapping[str, str]) -> str:
        handle = secrets.token_urlsafe(24)
        self._held[handle] = (self.clock() + _HANDLE_LASTS, callback)
        while len(self._held) > _MOST_HANDLES:
            self._held.popitem(last=False)
        return handle

    def held(self, handle: str) -> Mapping[str, str]:
        """What was posted; the same again for a reload. Raises ``TicketUnknown`` when the minute is over."""
        held = self._held.get(handle)
        if held is None or held[0] < self.clock():
            self._held.pop(handle, None)
            raise TicketUnknown
        return held[1]


@dataclass(frozen=True)
class Callback:
    """The route back."""

    connecting: Connecting
    provider_label: Callable[[str, str], str]
    """What people call a provider, by its key and the address that is connected there."""
    handles: Handles
    tasks: Tasks
    site: Site
    workspace_name: str
    team_url: str
    approving: Approving
    _at_work: dict[tuple[str, str, str | None], asyncio.Task[TicketOutcome | Fault]] = field(
        default_factory=dict
    )

    async def arrive(self, request: web.Request) -> web.Response:
        """``GET /callback/{provider}``: spend the ticket and show what came of it."""
        handle = request.query.get("handle")
        callback = self.handles.held(handle) if handle else _fields(request.query)
        if (approval := await self.approving.heard(request, _provider(request), callback)) is not None:
            return approval
        outcome = await self._outcome(_provider(request), callback, browser_of(request))
        if not isinstance(outcome, TicketOutcome):
            return fault_page(language_wanted(request), outcome)
        return self._shown(outcome, callback.get("state", ""))

    async def posted(self, request: web.Request) -> web.Response:
        """``POST /callback/{provider}``: the same as a GET, which brings our cookie along."""
        form = await request.post()
        handle = self.handles.hold(_fields({k: v for k, v in form.items() if isinstance(v, str)}))
        return see_other(f"{self.site.prefix}/callback/{_provider(request)}?handle={handle}")

    async def filled(self, request: web.Request) -> web.Response:
        """``POST /go/{secret}/form``: try what a form of ours brought."""
        secret = request.match_info["secret"][:_LONGEST_FIELD]
        path = f"{self.site.prefix}/go/{quote(secret, safe='')}"
        if not is_own_form(request, self.site):
            return see_other(path)
        form = await request.post()
        fields = _fields({name: value for name, value in form.items() if isinstance(value, str)})
        # A task of its own, as for a callback: a login under way is brought to its end.
        trying = attempt(self.connecting.fill(secret, fields, browser_of(request)))
        done = await asyncio.shield(self.tasks.start(trying))
        if isinstance(done, TicketOutcome):
            return self._shown(done, secret)
        if not isinstance(done, Refilled):
            return fault_page(language_wanted(request), done)
        html = mailbox_page(
            language_for(done.ticket.locale),
            address=done.ticket.address,
            given={name: value for name, value in fields.items() if name != "password"},
            guidance=guidance_for(fields.get("host", "")),
            action_url=f"{path}/form",
            error=done.error,
            tries_left=done.tries_left,
        )
        return page(html, status=422)

    async def _outcome(
        self, provider: str, callback: Mapping[str, str], browser: str | None
    ) -> TicketOutcome | Fault:
        key = (provider, callback.get("state", ""), browser)
        task = self._at_work.get(key)
        if task is None:
            # A task of its own: a browser that gives up must not leave half a swap behind.
            task = self.tasks.start(attempt(self.connecting.complete(provider, callback, browser)))
            self._at_work[key] = task
            task.add_done_callback(lambda _: self._at_work.pop(key, None))
        return await asyncio.shield(task)

    def _shown(self, outcome: TicketOutcome, secret: str) -> web.Response:
        html = outcome_page(
            language_for(outcome.ticket.locale),
            outcome,
            provider_label=self.provider_label(outcome.ticket.provider, outcome.ticket.address),
            lacking=self.connecting.lacking(outcome),
            workspace_name=self.workspace_name,
            again_url=f"{self.site.prefix}/again/{quote(secret, safe='')}",
            team_url=self.team_url,
            ask_url=self._ask_url(outcome, secret),
        )
        return page(html)

    def _ask_url(self, outcome: TicketOutcome, secret: str) -> str:
        if not self.connecting.may_ask_their_admin(outcome):
            return ""
        return f"{self.site.prefix}/ask/{quote(secret, safe='')}"


def _provider(request: web.Request) -> str:
    return request.match_info["provider"]


def _fields(given: Mapping[str, str]) -> dict[str, str]:
    """The provider's answer, within reason. A field that is there twice counts once."""
    return {name: value[:_LONGEST_FIELD] for name, value in list(given.items())[:_MOST_FIELDS]}
