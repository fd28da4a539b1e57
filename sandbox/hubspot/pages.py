"""HubSpot's settings page: inboxes and their channels, with what one does about them there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sandbox.answers import preferred
from sandbox.controls import as_bad_request
from sandbox.hubspot.control import DEEDS
from sandbox.hubspot.state import EMAIL, Portal

_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
)
_ON_PAGE: Final = frozenset({"disconnect", "reconnect", "reconnect_anew", "turn_off", "turn_on", "remove"})
WORDS: Final = {
    "en": {
        "title": "Inboxes",
        "channels": "Channels",
        "lead": "A local stand-in for HubSpot's settings › Inbox & Help Desk › Channels.",
        "connected": "Connected",
        "disconnected": "Disconnected",
        "off": "Turned off",
        "removed": "Removed",
        "disconnect": "Disconnect",
        "reconnect": "Reconnect",
        "reconnect_anew": "Connect again",
        "turn_off": "Turn off",
        "turn_on": "Turn on",
        "remove": "Remove",
        "all": "All inboxes",
    },
    "ja": {
        "title": "受信トレイ",
        "channels": "チャンネル",
        "lead": "HubSpot の 設定 › 受信トレイとヘルプデスク › チャンネル の代わりの画面です。",
        "connected": "接続済み",
        "disconnected": "切断",
        "off": "オフ",
        "removed": "削除済み",
        "disconnect": "接続を切る",
        "reconnect": "再接続",
        "reconnect_anew": "もう一度接続",
        "turn_off": "オフにする",
        "turn_on": "オンにする",
        "remove": "削除",
        "all": "すべての受信トレイ",
    },
}


class Pages:
    """Shows inboxes and channels, and does what its buttons say."""

    def __init__(self, portal: Portal, prefix: str) -> None:
        self._portal = portal
        self._base = f"{prefix}/live-messages-settings/{portal.id}/inboxes"

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get(self._base, self._show)
        app.router.add_get(f"{self._base}/{{inbox}}/channels", self._show)
        app.router.add_post(self._base, self._do)

    async def _show(self, request: web.Request) -> web.Response:
        """GET …/inboxes and …/inboxes/{id}/channels."""
        self._portal.passes()
        wanted = request.match_info.get("inbox", "")
        inboxes = [it for it in self._portal.inboxes if not wanted or str(it.id) == wanted]
        if not inboxes:
            raise web.HTTPNotFound
        language = preferred(request.headers.get("Accept-Language", ""))
        html = _TEMPLATES.get_template("hubspot.html").render(
            language=language,
            words=WORDS[language],
            portal=self._portal,
            inboxes=inboxes,
            wanted=wanted,
            base=self._base,
            email=EMAIL,
        )
        return web.Response(text=html, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def _do(self, request: web.Request) -> web.Response:
        """POST …/inboxes: one button."""
        form = await request.post()
        what, account, inbox = (str(form.get(name, "")) for name in ("what", "account", "inbox"))
        if what not in _ON_PAGE:
            raise web.HTTPBadRequest
        with as_bad_request():
            DEEDS[what](self._portal, {"account": account})
        raise web.HTTPSeeOther(f"{self._base}/{int(inbox)}/channels" if inbox.isdigit() else self._base)
