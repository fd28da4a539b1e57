"""Where the provider sends people back to: the ticket is spent here, once, and its outcome shown.

The one rule: only a GET spends, and asking again while the first request is still at work waits for the
same outcome instead of finding the ticket gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

from aiohttp import web

from bot.domain.ticket import TicketOutcome
from bot.services.connecting import Connecting, Refilled
from bot.views.language import language_for
from bot.views.pages import outcome_page
from bot.views.pages.mailbox import mailbox_page
from handlers.approving import Approving
from handlers.bodies import LONGEST_VALUE, read_form
from handlers.browser import Site, browser_of, is_own_form, language_wanted, page, see_other
from handlers.failing import fault_page
from handlers.faults import Fault, attempt
from handlers.tasks import Tasks
from providers.imap_hosts import guidance_for
from providers.registry import LABELS

_PROVIDERS: Final = frozenset(LABELS)
_READ: Final = ("code", "state", "error", "error_description", "error_subcode", "admin_consent")
"""The fields of an answer that anything here asks for; no other is kept."""
_LONGEST_ADDRESS: Final = 7_000
"""Bytes of a query that a GET can carry: servers and proxies take lines of 8 KiB."""


@dataclass(frozen=True)
class Callback:
    """The route back."""

    connecting: Connecting
    provider_label: Callable[[str, str], str]
    """What people call a provider, by its key and the address that is connected there."""
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
        provider, callback = _provider(request), _answer(request.query)
        if (approval := await self.approving.heard(request, provider, callback)) is not None:
            return approval
        outcome = await self._outcome(provider, callback, browser_of(request, self.site))
        if not isinstance(outcome, TicketOutcome):
            return fault_page(language_wanted(request), outcome)
        return await self._shown(outcome, callback.get("state", ""))

    async def posted(self, request: web.Request) -> web.Response:
        """``POST /callback/{provider}``: the same as a GET, which brings our cookie along.

        Nothing is kept meanwhile: the GET may reach another process. Its address holds what it would have
        held, had the provider answered as it was asked to.
        """
        provider = quote(_provider(request), safe="")
        query = urlencode(_answer(await read_form(request)))
        if len(query) > _LONGEST_ADDRESS:
            raise web.HTTPRequestEntityTooLarge(max_size=_LONGEST_ADDRESS, actual_size=len(query))
        return see_other(f"{self.site.prefix}/callback/{provider}?{query}")

    async def filled(self, request: web.Request) -> web.Response:
        """``POST /go/{secret}/form``: try what a form of ours brought."""
        secret = request.match_info["secret"][:LONGEST_VALUE]
        path = f"{self.site.prefix}/go/{quote(secret, safe='')}"
        if not is_own_form(request, self.site):
            return see_other(path)
        fields = await read_form(request)
        # A task of its own, as for a callback: a login under way is brought to its end.
        trying = attempt(self.connecting.fill(secret, fields, browser_of(request, self.site)))
        done = await asyncio.shield(self.tasks.start(trying))
        if isinstance(done, TicketOutcome):
            return await self._shown(done, secret)
        if not isinstance(done, Refilled):
            return fault_page(language_wanted(request), done)
        html = mailbox_page(
            language_for(done.ticket.locale),
            address=done.ticket.account,
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

    async def _shown(self, outcome: TicketOutcome, secret: str) -> web.Response:
        may_confirm = await self.connecting.may_confirm(outcome)
        html = outcome_page(
            language_for(outcome.ticket.locale),
            outcome,
            provider_label=self.provider_label(outcome.ticket.provider, outcome.ticket.address),
            lacking=self.connecting.lacking(outcome),
            workspace_name=self.workspace_name,
            again_url=f"{self.site.prefix}/again/{quote(secret, safe='')}",
            team_url=self.team_url,
            ask_url=self._ask_url(outcome, secret),
            confirm_url=f"{self.site.prefix}/receives/{quote(secret, safe='')}" if may_confirm else "",
        )
        return page(html)

    def _ask_url(self, outcome: TicketOutcome, secret: str) -> str:
        if not self.connecting.may_ask_their_admin(outcome):
            return ""
        return f"{self.site.prefix}/ask/{quote(secret, safe='')}"


def _provider(request: web.Request) -> str:
    """One that there is. Raises ``HTTPNotFound``: what a stranger made up goes no further."""
    provider = request.match_info["provider"]
    if provider not in _PROVIDERS:
        raise web.HTTPNotFound
    return provider


def _answer(given: Mapping[str, str]) -> dict[str, str]:
    """The provider's answer, within reason. A field that is there twice counts once."""
    return {name: given[name][:LONGEST_VALUE] for name in _READ if name in given}
