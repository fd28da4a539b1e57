"""An organisation's admin approves our app at the provider: asked for on a page, and heard of in a callback.

The one rule: what such a callback says is believed only as far as it goes: somebody may go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from bot.domain.request import Request
from bot.services.connecting import Connecting
from bot.views.pages import approved_page, asked_page, not_approved_page, not_found_page
from handlers.browser import Marked, Site, is_own_form, language_wanted, page

_LONGEST = 200


@dataclass(frozen=True)
class Approving:
    """The routes of an approval."""

    connecting: Connecting
    provider_label: Callable[[str, str], str]
    site: Site
    workspace_name: str
    team_url: str

    async def ask(self, request: web.Request) -> web.Response:
        """``POST /ask/{secret}``: whoever signed in in vain gets a message that they can forward."""
        lang = language_wanted(request)
        if not is_own_form(request, self.site):
            return page(not_found_page(lang), status=403)
        secret = request.match_info["secret"][:_LONGEST]
        asked = await self.connecting.ask_their_admin(secret, Marked.of(request, self.site).browser)
        label = self._label(asked)
        html = asked_page(
            lang, provider_label=label, team_url=self.team_url, workspace_name=self.workspace_name
        )
        return page(html)

    async def heard(
        self, request: web.Request, provider: str, callback: Mapping[str, str]
    ) -> web.Response | None:
        """The page for an admin whose browser comes back from approving, or from not doing so; ``None`` for
        every other callback."""
        is_about = "admin_consent" in callback
        if "code" in callback or not (is_about or "error" in callback):
            return None
        is_given = callback.get("admin_consent", "").lower() == "true" and "error" not in callback
        waiting = await self.connecting.heard_of_approval(
            provider, callback.get("state", "")[:_LONGEST], is_given=is_given
        )
        if waiting is None and not is_about:
            return None
        lang = language_wanted(request)
        label = self._label(waiting) if waiting else self.provider_label(provider, "")
        if not is_given:
            return page(not_approved_page(lang, provider_label=label))
        address = waiting.wish.address if waiting else ""
        is_over = waiting is not None and not waiting.may_go_on
        return page(approved_page(lang, address=address, provider_label=label, is_over=is_over))

    def _label(self, request: Request) -> str:
        return self.provider_label(request.wish.provider, request.wish.address)
