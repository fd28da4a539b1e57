"""Slack's markup as HTML for one viewer. Rule: everything is escaped first; only our own tags go in after."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from sandbox.slack.localized import Reader, with_emoji
from sandbox.slack.mrkdwn import TOKEN, mark_of, unescape
from sandbox.slack.plain import mark_text, plain_inline
from sandbox.slack.state import Json

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


def mrkdwn_html(reader: Reader, text: str) -> Markup:
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
        return link_html(unescape(mark.target), str(words))
    if mark.kind == "date":
        return f"<time>{words}</time>"
    return f'<span class="mention">{words}</span>'


def link_html(url: str, words: str) -> str:
    """`words` is HTML already. Only the schemes Slack links."""
    if not url.startswith(("https://", "http://", "mailto:")):
        return words
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">{words}</a>'


def text_html(reader: Reader, text: Json) -> Markup:
    if text["type"] == "mrkdwn":
        return mrkdwn_html(reader, text["text"])
    return plain_html(text["text"])


def plain_html(text: str) -> Markup:
    html = _drawn(str(escape(with_emoji(unescape(text)))))
    return Markup(html.replace("\n", "<br>"))  # noqa: S704 - escaped just before


def rich_html(reader: Reader, part: Json) -> Markup:
    kind = part["type"]
    if kind == "rich_text_list":
        tag = "ol" if part["style"] == "ordered" else "ul"
        items = "".join(f"<li>{rich_html(reader, item)}</li>" for item in part["elements"])
        return Markup(f"<{tag}>{items}</{tag}>")  # noqa: S704 - made of escaped parts
    html = "".join(_inline_html(reader, element) for element in part["elements"])
    tag = {"rich_text_preformatted": "pre", "rich_text_quote": "blockquote"}.get(kind, "div")
    return Markup(f"<{tag}>{html}</{tag}>")  # noqa: S704 - made of escaped parts


def _inline_html(reader: Reader, element: Json) -> str:
    html = _drawn(str(escape(plain_inline(reader, element)))).replace("\n", "<br>")
    if element["type"] == "link":
        html = link_html(element["url"], html)
    elif element["type"] in ("user", "channel", "usergroup"):
        html = f'<span class="mention">{html}</span>'
    for style, tag in _WRAPPERS.items():
        if element.get("style", {}).get(style):
            html = f"<{tag}>{html}</{tag}>"
    return html
