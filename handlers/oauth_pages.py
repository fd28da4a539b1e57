"""The pages between Slack and the provider: landing, onward, and once more after an outcome.

The one rule: a GET spends nothing and marks nobody, so that link previews are harmless; only the POST of
our own form begins.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from aiohttp import web

from bot.domain.view_models import Landing
from bot.services.connections.oauth_flow import OAuthFlow
from bot.services.connections.tickets import NextStep
from bot.views.i18n import language_for
from bot.views.pages.errors import not_found_page
from bot.views.pages.imap_form import MailboxForm, mailbox_page
from bot.views.pages.oauth import landing_page, onward_page, welcome_page
from bot.views.pages.template import ICON, SCRIPT, STYLESHEET
from handlers.web_session import (
    Marked,
    Site,
    form_page,
    is_own_form,
    language_wanted,
    mark_offered,
    new_mark,
    page,
    see_other,
)
from providers.base import Redirect

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
