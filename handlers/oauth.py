"""From Slack to the provider and back: landing, onward, what the provider sends back, and once more after an
outcome.

The one rule: a GET spends nothing and marks nobody, so that link previews are harmless; only the POST of
our own form begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

from aiohttp import web

from bot.domain.provider_traits import LABELS
from bot.domain.request import Request
from bot.domain.view_models import Completion, Landing
from bot.services.connections.oauth_flow import OAuthFlow, Refilled
from bot.services.connections.tickets import NextStep
from bot.views.i18n import language_for
from bot.views.pages.errors import not_found_page
from bot.views.pages.imap_form import MailboxForm, mailbox_page
from bot.views.pages.oauth import (
    OutcomeLinks,
    approved_page,
    asked_page,
    landing_page,
    not_approved_page,
    onward_page,
    outcome_page,
    welcome_page,
)
from bot.views.pages.template import ICON, SCRIPT, STYLESHEET
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
    mark_offered,
    new_mark,
    page,
    read_form,
    see_other,
)
from providers.base import Redirect
from providers.imap.autoconfig import guidance_for

_LONGEST: Final = 200
"""Characters of a secret in an address; ours have 43."""


@dataclass(frozen=True)
class OAuthPages:
    """The routes that people see."""

    flow: OAuthFlow
    site: Site

    async def welcome(self, request: web.Request) -> web.Response:
        return page(welcome_page(language_wanted(request)))

    async def stylesheet(self, request: web.Request) -> web.Response:
        return web.Response(body=STYLESHEET.read_bytes(), content_type="text/css", charset="utf-8")

    async def icon(self, request: web.Request) -> web.Response:
        return web.Response(body=ICON.read_bytes(), content_type="image/svg+xml")

    async def script(self, request: web.Request) -> web.Response:
        return web.Response(body=SCRIPT.read_bytes(), content_type="text/javascript", charset="utf-8")

    async def landing(self, request: web.Request) -> web.Response:
        """``GET /go/{secret}``: who asked for what."""
        return self._landed(request, "go", await self.flow.landing(_secret(request)))

    async def start(self, request: web.Request) -> web.Response:
        """``POST /go/{secret}``: mark the browser and show the way to the provider."""
        return await self._begun(request, "go", self.flow.landing, self.flow.start)

    async def back(self, request: web.Request) -> web.Response:
        """``GET /go/{secret}/form``: the form is only shown where it was begun."""
        return see_other(self._path("go", _secret(request)))

    async def link_landing(self, request: web.Request) -> web.Response:
        """``GET /l/{secret}``: the same for the link in a notice."""
        return self._landed(request, "l", await self.flow.link_landing(_secret(request)))

    async def link_start(self, request: web.Request) -> web.Response:
        """``POST /l/{secret}``."""
        return await self._begun(request, "l", self.flow.link_landing, self.flow.link_start)

    async def again(self, request: web.Request) -> web.Response:
        """``POST /again/{secret}``: straight back to the provider after an outcome that can be mended."""
        if not is_own_form(request, self.site):
            return page(not_found_page(language_wanted(request)), status=403)
        marked = Marked.of(request, self.site)
        way = await self.flow.again(_secret(request), marked.browser)
        return self._onward(marked, await self.flow.landing(way.secret), way)

    async def renew(self, request: web.Request) -> web.Response:
        """``POST /renew/{secret}``: the landing page of a fresh link in place of one that has expired."""
        if not is_own_form(request, self.site):
            return see_other(self._path("go", _secret(request)))
        marked = Marked.of(request, self.site)
        secret = await self.flow.renew(_secret(request), marked.browser)
        return marked.on(see_other(self._path("go", secret)), self.site)

    async def receives(self, request: web.Request) -> web.Response:
        """``POST /receives/{secret}``: a super admin says that this account receives the address."""
        if not is_own_form(request, self.site):
            return page(not_found_page(language_wanted(request)), status=403)
        marked = Marked.of(request, self.site)
        way = await self.flow.confirm(_secret(request), marked.browser)
        return self._onward(marked, await self.flow.landing(way.secret), way)

    def _landed(self, request: web.Request, kind: str, landing: Landing) -> web.Response:
        lang, action_url = language_for(landing.locale), self._path(kind, _secret(request))
        return page(landing_page(lang, landing, action_url=action_url, mark=new_mark()))

    async def _begun(
        self,
        request: web.Request,
        kind: str,
        look: Callable[[str], Awaitable[Landing]],
        begin: Callable[[str, str], Awaitable[NextStep]],
    ) -> web.Response:
        secret = _secret(request)
        if not is_own_form(request, self.site):
            # Somebody else's page sent this form: show ours, whose button decides.
            return see_other(self._path(kind, secret))
        landing = await look(secret)
        marked = Marked.of(request, self.site, offered=await mark_offered(request))
        return self._onward(marked, landing, await begin(secret, marked.browser))

    def _onward(self, marked: Marked, landing: Landing, way: NextStep) -> web.Response:
        lang = language_for(landing.locale)
        if isinstance(way.step, Redirect):
            html = onward_page(lang, url=way.step.url, provider_label=landing.provider_label)
        else:
            form = MailboxForm(
                address=landing.account or landing.address,
                given=way.step.given,
                guidance=way.step.guidance,
                action_url=f"{self._path('go', way.secret)}/form",
            )
            return marked.on(form_page(mailbox_page(lang, form, team=self.site.team)), self.site)
        return marked.on(page(html), self.site)

    def _path(self, kind: str, secret: str) -> str:
        return f"{self.site.prefix}/{kind}/{quote(secret, safe='')}"


def _secret(request: web.Request) -> str:
    return request.match_info["secret"][:_LONGEST]


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
