"""How a page of the local Microsoft is drawn. Rule: data in, HTML out; no decision."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sandbox.consent import ConsentRefused
from sandbox.languages import preferred
from sandbox.microsoft.answers import Trace
from sandbox.microsoft.authorization import Reply
from sandbox.microsoft.scopes import EMAIL, OPENID, PROFILE, SCOPES, SIGN_IN, Scope
from sandbox.microsoft.state import State
from sandbox.microsoft.words import WORDS

HERE: Final = Path(__file__).parent
STYLE: Final = (HERE / "microsoft.css").read_text(encoding="utf-8")
TEMPLATES: Final = Environment(
    loader=FileSystemLoader(HERE.parent / "templates"), autoescape=True, undefined=StrictUndefined
)
_HEADERS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class Showing:
    """Draws pages for one local Microsoft."""

    def __init__(self, state: State, prefix: str) -> None:
        self._state = state
        self._prefix = prefix

    async def style(self, request: web.Request) -> web.Response:
        """GET /microsoft.css."""
        return web.Response(text=STYLE, content_type="text/css")

    def page(self, request: web.Request, template: str, status: int = 200, **data: Any) -> web.Response:
        """One of the templates, in the language of the browser."""
        language = preferred(request.headers.get("Accept-Language", ""))
        html = TEMPLATES.get_template(f"microsoft_{template}.html").render(
            data,
            language=language,
            words=WORDS[language],
            app=self._state.app_name,
            style=f"{self._prefix}/microsoft.css",
            query=request.query_string,
        )
        headers = {**_HEADERS, "Content-Language": language}
        return web.Response(status=status, text=html, content_type="text/html", headers=headers)

    def refused(self, request: web.Request, refused: ConsentRefused) -> web.Response:
        """Microsoft's own error page: the app hears nothing."""
        trace = Trace(self._state.clock())
        return self.page(request, "error", refused.status, refused=refused, trace=trace)

    def answer(self, request: web.Request, reply: Reply) -> web.Response:
        """Back to the app: a redirect, or a form that sends itself."""
        if reply.by_form:
            return self.page(request, "post", reply=reply)
        return web.Response(status=302, headers={"Location": reply.url, **_HEADERS})


def listed(scopes: tuple[str, ...]) -> tuple[Scope, ...]:
    """What the consent page lists: signing in goes without saying once the profile is read."""
    quiet = {OPENID, PROFILE, EMAIL} if "User.Read" in scopes else {OPENID}
    shown = [name for name in scopes if name not in quiet] or list(scopes)
    return tuple(SCOPES[name] for name in sorted(shown, key=lambda name: name in SIGN_IN))
