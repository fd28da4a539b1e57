"""The page that hands out the history as a file.

The one rule: a GET spends nothing, so that link previews are harmless; the POST of our own form gives the
file once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from aiohttp import web

from bot.domain.ticket import File
from bot.services.upkeep.history import HistoryExport
from bot.views.i18n import language_for
from bot.views.pages.export import export_page
from handlers.web_session import Marked, Site, is_own_form, mark_offered, new_mark, page, see_other

NAMES: Final = {
    File.HISTORY: "inboxkeeper-history.csv",
    File.AVAILABILITY: "inboxkeeper-availability.csv",
}
_MARKS_UTF_8: Final = "\ufeff"
"""Without it Excel takes the file for the machine's own code page."""
_LONGEST: Final = 200


@dataclass(frozen=True)
class ExportPages:
    """The routes of the download."""

    history_export: HistoryExport
    site: Site

    async def landing(self, request: web.Request) -> web.Response:
        """``GET /export/{secret}``: whose history it is."""
        secret = _secret(request)
        landing = await self.history_export.landing(secret)
        lang, action_url = language_for(landing.locale), self._path(secret)
        return page(export_page(lang, landing, action_url=action_url, mark=new_mark()))

    async def fetch(self, request: web.Request) -> web.Response:
        """``POST /export/{secret}``: the file, once."""
        secret = _secret(request)
        if not is_own_form(request, self.site):
            return see_other(self._path(secret))
        marked = Marked.of(request, self.site, offered=await mark_offered(request))
        file, text = await self.history_export.fetch(secret, marked.browser)
        response = web.Response(
            body=f"{_MARKS_UTF_8}{text}".encode(),
            content_type="text/csv",
            charset="utf-8",
            headers={"Content-Disposition": f'attachment; filename="{NAMES[file]}"'},
        )
        return marked.on(response, self.site)

    def _path(self, secret: str) -> str:
        return f"{self.site.prefix}/export/{quote(secret, safe='')}"


def _secret(request: web.Request) -> str:
    return request.match_info["secret"][:_LONGEST]
