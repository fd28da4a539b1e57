"""The page: one person's Slack in a browser, drawn from the same blocks the tests read.

Rule: who acts and what is shown are in its address; a cookie only completes one that does not say who. Of
what the bot wrote everything is escaped first; only our own tags go in after.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from sandbox.slack.core import Core
from sandbox.slack.localized import Reader, language_of, with_emoji, words_for
from sandbox.slack.mrkdwn import TOKEN, mark_of, unescape
from sandbox.slack.screen import mark_text, options_of, plain_inline, plain_text
from sandbox.slack.stack import held_field, initial_values
from sandbox.slack.state import (
    BOT_NAME,
    BOT_USER,
    Conversation,
    Json,
    Message,
    Person,
    Values,
    View,
    Workspace,
)

_STYLES = (
    (re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w_/])_([^_\n]+)_(?![\w_])"), r"<em>\1</em>"),
    (re.compile(r"(?<![\w~])~([^~\n]+)~(?![\w~])"), r"<del>\1</del>"),
)
_CODE = re.compile(r"```\n?(.+?)\n?```|`([^`\n]+)`", re.DOTALL)
_KEPT = re.compile("\ue000(\\d+)\ue001")
# A bare machine has no emoji font: the marks that carry meaning are drawn by the style sheet.
_DRAWN = re.compile("[🟢🟡🟠🔴🔵⚪⚫🟩🟥🟨⬜✅❌⚠❓🤔⏳🔧]\ufe0f?")
_DRAWN_AS = {
    "🟢": "dot-green",
    "🟩": "square-green",
    "🟨": "square-yellow",
    "🟥": "square-red",
    "⬜": "square-white",
    "🟡": "dot-yellow",
    "🟠": "dot-orange",
    "🔴": "dot-red",
    "🔵": "dot-blue",
    "⚪": "dot-white",
    "⚫": "dot-black",
    "✅": "tick",
    "❌": "cross",
    "⚠": "warn",
    "❓": "ask",
    "🤔": "ask",
    "⏳": "wait",
    "🔧": "tool",
}
_WRAPPERS = {"bold": "strong", "italic": "em", "strike": "del", "code": "code"}


def _drawn(html: str) -> str:
    def draw(found: re.Match[str]) -> str:
        return f'<span class="emoji {_DRAWN_AS[found.group(0)[0]]}">{found.group(0)}</span>'

    return _DRAWN.sub(draw, html)


def _mrkdwn_html(reader: Reader, text: str) -> Markup:
    """Links, mentions, dates and code are set aside while the rest is escaped and styled."""
    kept: list[str] = []

    def keep(html: str) -> str:
        kept.append(html)
        return f"\ue000{len(kept) - 1}\ue001"

    text = text.replace("\ue000", "").replace("\ue001", "")
    text = _CODE.sub(lambda found: keep(_code_html(found)), text)
    text = TOKEN.sub(lambda found: keep(_mark_html(reader, found.group(1))), text)
    lines = [_line_html(line) for line in text.split("\n")]
    html = "<br>".join(lines).replace("</blockquote><br>", "</blockquote>")
    return Markup(_KEPT.sub(lambda found: kept[int(found.group(1))], html))  # noqa: S704 - escaped piecewise


def _code_html(found: re.Match[str]) -> str:
    block, inline = found.group(1), found.group(2)
    if block is not None:
        return f"<pre>{escape(unescape(block))}</pre>"
    return f"<code>{escape(unescape(inline))}</code>"


def _line_html(line: str) -> str:
    quote = re.match(r"(?:&gt;|>)\s?", line)
    rest = line[quote.end() :] if quote else line
    html = _drawn(str(escape(with_emoji(unescape(rest)))))
    for pattern, replacement in _STYLES:
        html = pattern.sub(replacement, html)
    return f"<blockquote>{html}</blockquote>" if quote else html


def _mark_html(reader: Reader, inner: str) -> str:
    mark = mark_of(inner)
    words = escape(with_emoji(unescape(mark_text(reader, mark))))
    if mark.kind == "link":
        return _link_html(unescape(mark.target), str(words))
    if mark.kind == "date":
        return f"<time>{words}</time>"
    return f'<span class="mention">{words}</span>'


def _link_html(url: str, words: str) -> str:
    """`words` is HTML already. Only the schemes Slack links."""
    if not url.startswith(("https://", "http://", "mailto:")):
        return words
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">{words}</a>'


def _text_html(reader: Reader, text: Json) -> Markup:
    if text["type"] == "mrkdwn":
        return _mrkdwn_html(reader, text["text"])
    return _plain_html(text["text"])


def _plain_html(text: str) -> Markup:
    html = _drawn(str(escape(with_emoji(unescape(text)))))
    return Markup(html.replace("\n", "<br>"))  # noqa: S704 - escaped just before


def _rich_html(reader: Reader, part: Json) -> Markup:
    kind = part["type"]
    if kind == "rich_text_list":
        tag = "ol" if part["style"] == "ordered" else "ul"
        items = "".join(f"<li>{_rich_html(reader, item)}</li>" for item in part["elements"])
        return Markup(f"<{tag}>{items}</{tag}>")  # noqa: S704 - made of escaped parts
    html = "".join(_inline_html(reader, element) for element in part["elements"])
    tag = {"rich_text_preformatted": "pre", "rich_text_quote": "blockquote"}.get(kind, "div")
    return Markup(f"<{tag}>{html}</{tag}>")  # noqa: S704 - made of escaped parts


def _inline_html(reader: Reader, element: Json) -> str:
    html = _drawn(str(escape(plain_inline(reader, element)))).replace("\n", "<br>")
    if element["type"] == "link":
        html = _link_html(element["url"], html)
    elif element["type"] in ("user", "channel", "usergroup"):
        html = f'<span class="mention">{html}</span>'
    for style, tag in _WRAPPERS.items():
        if element.get("style", {}).get(style):
            html = f"<{tag}>{html}</{tag}>"
    return html


MOST_OFFERED = 40
_FIRST = "U0ALICE"
_LAST = "acting-as"
"""Remembers whom a browser acted as last, for links that lead here without saying it."""
_TOUR = "tour"
"""Set by the page when somebody has seen enough of it."""
_SANDBOX = Path(__file__).parent.parent


@dataclass(frozen=True)
class TourStep:
    """One thing to try."""

    key: str
    """Its title is among Slack's words, what to do in ``templates/slack_tour.html``."""
    is_done: bool


Tour = Callable[[], Awaitable[Sequence[TourStep]]]


@dataclass(frozen=True)
class Place:
    """What the main pane shows: Home, or a conversation."""

    conversation: Conversation | None

    @property
    def id(self) -> str:
        return self.conversation.id if self.conversation else "home"


@dataclass(frozen=True)
class Drawing:
    """What the templates need to draw the blocks of one surface for one reader."""

    reader: Reader
    surface: str
    values: Values
    errors: dict[str, str]

    @property
    def words(self) -> Mapping[str, str]:
        """Slack's own, in the reader's language."""
        return words_for(self.reader.me)

    def text(self, text: Json) -> Markup:
        return _text_html(self.reader, text)

    def plain(self, text: Json) -> str:
        return plain_text(self.reader, text)

    def rich(self, part: Json) -> Markup:
        return _rich_html(self.reader, part)

    def held(self, block: Json, element: Json) -> Any:
        slot = self.values.get(block["block_id"], {}).get(element["action_id"], {})
        return slot.get(held_field(element) or "")

    def options(self, element: Json) -> list[Json]:
        return options_of(element)

    def people(self) -> list[Person]:
        return [p for p in self.reader.workspace.people.values() if p.is_human and not p.deleted]

    def conversations(self) -> list[Conversation]:
        return [c for c in self.reader.workspace.conversations.values() if not c.is_dm and not c.archived]


def _offered(workspace: Workspace, me: str) -> list[Person]:
    """Whom one can act as: the first few of a crowd, and whoever acts now."""
    people = [p for p in workspace.people.values() if p.is_human]
    return [p for p in people if p in people[:MOST_OFFERED] or p.id == me]


class Page:
    def __init__(self, core: Core, *, links: tuple[tuple[str, str], ...]) -> None:
        self._core = core
        self._closing = False
        self._streams: set[asyncio.Task[Any]] = set()
        self.links = links
        self.tour: Tour | None = None
        self._templates = Environment(loader=FileSystemLoader(_SANDBOX / "templates"), autoescape=True)

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/", self._whole)
        app.router.add_get("/page/parts", self._parts)
        app.router.add_get("/page/changes", self._changes)
        app.router.add_static("/static/", _SANDBOX / "static")

    async def close(self) -> None:
        self._closing = True
        for stream in list(self._streams):
            stream.cancel()

    # --- what is asked for ---

    def _reader(self, request: web.Request) -> Reader:
        workspace = self._core.workspace
        asked = request.query.get("as")
        person = workspace.person(asked or request.cookies.get(_LAST, "") or _FIRST)
        if person is None or not person.is_human:
            if asked:
                raise web.HTTPNotFound(text="nobody of that name")
            person = workspace.people[_FIRST]
        return Reader(workspace, person.id)

    def _place(self, reader: Reader, request: web.Request) -> Place:
        label = request.query.get("in", "home")
        if label == "home":
            return Place(None)
        found = reader.workspace.conversation(label, of=reader.user)
        if found is None or reader.user not in found.members:
            found = reader.workspace.dm_of(reader.user)
        return Place(found)

    # --- drawing ---

    async def _whole(self, request: web.Request) -> web.Response:
        reader = self._reader(request)
        place = self._place(reader, request)
        html = self._templates.get_template("slack.html").render(
            reader=reader,
            words=words_for(reader.me),
            place=place,
            command=self._core.settings.command,
            parts=await self._drawn(reader, place, request),
            read_only=self._core.settings.messages_read_only,
            revision=reader.workspace.revision,
        )
        page = web.Response(text=html, content_type="text/html", headers={"Cache-Control": "no-store"})
        page.set_cookie(_LAST, reader.user, httponly=True, samesite="Lax")
        return page

    async def _parts(self, request: web.Request) -> web.Response:
        reader = self._reader(request)
        place = self._place(reader, request)
        revision = reader.workspace.revision
        return web.json_response({"revision": revision, **await self._drawn(reader, place, request)})

    async def _drawn(self, reader: Reader, place: Place, request: web.Request) -> dict[str, str]:
        workspace = reader.workspace
        tour = await self.tour() if self.tour is not None else ()
        if place.conversation is not None:
            workspace.mark_read(reader.user, place.conversation.id)
        shared = {
            "reader": reader,
            "words": words_for(reader.me),
            "language": language_of(reader.me),
            "place": place,
            "bot": BOT_USER,
            "bot_name": BOT_NAME,
            "links": self.links,
            "tour": tour,
            "is_tour_hidden": request.cookies.get(_TOUR) == "hidden",
            "people": _offered(workspace, reader.user),
            "me": reader.me,
            "draw_view": lambda view: self._of_view(reader, view),
            "draw_message": lambda message: self._of_message(reader, message),
            "mrkdwn": lambda text: _mrkdwn_html(reader, text),
            "tone": lambda user: sum(map(ord, user)) % 6,
            "modal": next(reversed(workspace.modals.get(reader.user, [])), None),
            "home": workspace.homes.get(reader.user),
            "messages": list(workspace.seen_by(reader.user, place.id)),
        }
        return {
            part: self._templates.get_template(f"slack_{part}.html").render(shared)
            for part in ("sidebar", "main", "modal")
        }

    def _of_view(self, reader: Reader, view: View) -> Drawing:
        return Drawing(reader, view.id, view.values, view.errors)

    def _of_message(self, reader: Reader, message: Message) -> Drawing:
        values = message.values.get(reader.user) or initial_values(message.blocks)
        return Drawing(reader, f"{message.conversation}:{message.ts}", values, {})

    # --- news ---

    async def _changes(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: the revision, whenever something changed."""
        stream = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await stream.prepare(request)
        task = asyncio.current_task()
        assert task is not None
        self._streams.add(task)
        try:
            await self._tell(stream, int(request.query.get("since", 0)))
        except (asyncio.CancelledError, ConnectionError):
            if not self._closing and request.transport is not None:
                raise
        finally:
            self._streams.discard(task)
        return stream

    async def _tell(self, stream: web.StreamResponse, since: int) -> None:
        if since > self._core.workspace.revision:
            since = -1  # the page was drawn by an earlier run
        while True:
            revision = await self._core.workspace.news_since(since, within=15.0)
            line = f"data: {revision}\n\n" if revision != since else ": still here\n\n"
            await stream.write(line.encode())
            since = revision
