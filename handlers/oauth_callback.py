"""Where the provider sends people back to: after a consent, once, and after an admin's consent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

from aiohttp import web

from bot.domain.request import Request
from bot.domain.view_models import Completion
from bot.services.connections.oauth_flow import OAuthFlow, Refilled
from bot.views.i18n import language_for
from bot.views.pages.admin_consent import approved_page, asked_page, not_approved_page
from bot.views.pages.errors import not_found_page
from bot.views.pages.imap_form import MailboxForm, mailbox_page
from bot.views.pages.oauth import OutcomeLinks, outcome_page
from handlers.errors import Fault, attempt
from handlers.tasks import Tasks
from handlers.web_session import (
    LONGEST_VALUE,
    Marked,
    Site,
    browser_of,
    fault_page,
    form_page,
    is_own_form,
    language_wanted,
    page,
    read_form,
    see_other,
)
from providers.imap.autoconfig import guidance_for
from providers.registry import LABELS

_LONGEST = 200


@dataclass(frozen=True)
class AdminConsentCallback:
    """The routes of an approval."""

    flow: OAuthFlow
    provider_label: Callable[[str, str], str]
    """What people call a provider, by its key and the address that is connected there."""
    site: Site

    async def ask(self, request: web.Request) -> web.Response:
        """``POST /ask/{secret}``: whoever signed in in vain gets a message that they can forward."""
        lang = language_wanted(request)
        if not is_own_form(request, self.site):
            return page(not_found_page(lang), status=403)
        secret = request.match_info["secret"][:_LONGEST]
        asked = await self.flow.ask_their_admin(secret, Marked.of(request, self.site).browser)
        return page(asked_page(lang, provider_label=self._label(asked), team=self.site.team))

    async def heard(
        self, request: web.Request, provider: str, callback: Mapping[str, str]
    ) -> web.Response | None:
        """The page for an admin whose browser comes back from approving, or from not doing so; ``None`` for
        every other callback."""
        is_about = "admin_consent" in callback
        if "code" in callback or not (is_about or "error" in callback):
            return None
        is_given = callback.get("admin_consent", "").lower() == "true" and "error" not in callback
        waiting = await self.flow.heard_of_approval(
            provider, callback.get("state", "")[:_LONGEST], is_given=is_given
        )
        if waiting is None and not is_about:
            return None
        lang = language_wanted(request)
        label = self._label(waiting) if waiting else self.provider_label(provider, "")
        if not is_given:
            return page(not_approved_page(lang, provider_label=label))
        address = waiting.requested_change.address if waiting else ""
        is_over = waiting is not None and not waiting.may_go_on
        return page(approved_page(lang, address=address, provider_label=label, is_over=is_over))

    def _label(self, request: Request) -> str:
        return self.provider_label(request.requested_change.provider, request.requested_change.address)


_PROVIDERS: Final = frozenset(LABELS)
_READ: Final = ("code", "state", "error", "error_description", "error_subcode", "admin_consent")
"""The fields of an answer that anything here asks for; no other is kept."""
_LONGEST_ADDRESS: Final = 7_000
"""Bytes of a query that a GET can carry: servers and proxies take lines of 8 KiB."""


@dataclass(frozen=True)
class OAuthCallback:
    """The route back."""

    flow: OAuthFlow
    tasks: Tasks
    site: Site
    approving: AdminConsentCallback
    _at_work: dict[tuple[str, str, str | None], asyncio.Task[Completion | Fault]] = field(
        default_factory=dict
    )

    async def arrive(self, request: web.Request) -> web.Response:
        """``GET /callback/{provider}``: spend the ticket and show what came of it."""
        provider, callback = _provider(request), _answer(request.query)
        if (approval := await self.approving.heard(request, provider, callback)) is not None:
            return approval
        done = await self._completed(provider, callback, browser_of(request, self.site))
        if not isinstance(done, Completion):
            secret = callback.get("state", "")[:_LONGEST]
            return fault_page(language_wanted(request), done, self.site, secret=secret)
        return self._shown(done, callback.get("state", ""))

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
        trying = attempt(self.flow.fill(secret, fields, browser_of(request, self.site)))
        done = await asyncio.shield(self.tasks.start(trying))
        if isinstance(done, Completion):
            return self._shown(done, secret)
        if not isinstance(done, Refilled):
            return fault_page(language_wanted(request), done, self.site, secret=secret[:_LONGEST])
        form = MailboxForm(
            address=done.ticket.account,
            given={name: value for name, value in fields.items() if name != "password"},
            guidance=guidance_for(fields.get("host", "")),
            action_url=f"{path}/form",
            error=done.error,
            tries_left=done.tries_left,
        )
        html = mailbox_page(language_for(done.ticket.locale), form, team=self.site.team)
        return form_page(html, status=422)

    async def _completed(
        self, provider: str, callback: Mapping[str, str], browser: str | None
    ) -> Completion | Fault:
        key = (provider, callback.get("state", ""), browser)
        task = self._at_work.get(key)
        if task is None:
            # A task of its own: a browser that gives up must not leave half a swap behind.
            task = self.tasks.start(attempt(self.flow.complete(provider, callback, browser)))
            self._at_work[key] = task
            task.add_done_callback(lambda _: self._at_work.pop(key, None))
        return await asyncio.shield(task)

    def _shown(self, done: Completion, secret: str) -> web.Response:
        lang, rest = language_for(done.outcome.ticket.locale), quote(secret, safe="")
        root = self.site.prefix
        links = OutcomeLinks(f"{root}/again/{rest}", f"{root}/ask/{rest}", f"{root}/receives/{rest}")
        return page(outcome_page(lang, done, links=links, team=self.site.team))


def _provider(request: web.Request) -> str:
    """One that there is. Raises ``HTTPNotFound``: what a stranger made up goes no further."""
    provider = request.match_info["provider"]
    if provider not in _PROVIDERS:
        raise web.HTTPNotFound
    return provider


def _answer(given: Mapping[str, str]) -> dict[str, str]:
    """The provider's answer, within reason. A field that is there twice counts once."""
    return {name: given[name][:LONGEST_VALUE] for name in _READ if name in given}
