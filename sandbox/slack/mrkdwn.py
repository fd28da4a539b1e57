"""Slack's message markup: what its angle brackets mean, and which text breaks it.

Rule: only `&`, `<` and `>` are ever escaped, and only their three entities are ever decoded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TOKEN = re.compile(r"<([^<>\n]+)>")
_ENTITY = re.compile(r"&(?:amp|lt|gt);")
_BROADCAST = re.compile(r"<!(?:channel|here|everyone)\b[^>]*>")
_DATE_WORDS = re.compile(
    r"\{(?:date|date_num|date_slash|date_short|date_long|date_pretty|date_short_pretty|date_long_pretty"
    r"|time|time_secs|ago|day_divider_pretty)\}"
)
_KNOWN = re.compile(
    r"@[UW][A-Z0-9]+(?:\|.*)?|#[CG][A-Z0-9]+(?:\|.*)?|!subteam\^S[A-Z0-9]+(?:\|.*)?"
    r"|!date\^\d+\^[^|]+\|.+|(?:https?://|mailto:|tel:)[^|]+(?:\|.+)?"
)


@dataclass(frozen=True)
class Mark:
    """One `<…>`: its kind, what it points at, and the label written beside it."""

    kind: str  # user, conversation, usergroup, date, link
    target: str
    label: str | None


def mark_of(inner: str) -> Mark:
    target, _, label = inner.partition("|")
    known = label or None
    if target.startswith("@"):
        return Mark("user", target[1:], known)
    if target.startswith("#"):
        return Mark("conversation", target[1:], known)
    if target.startswith("!subteam^"):
        return Mark("usergroup", target.removeprefix("!subteam^"), known)
    if target.startswith("!date^"):
        return Mark("date", target.removeprefix("!date^"), known)
    return Mark("link", target, known)


def unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def problems_in(text: str) -> list[str]:
    """What Slack would show wrongly, or what a bot must never say."""
    found = []
    if _BROADCAST.search(text):
        found.append("mentions everybody: <!channel>, <!here> and <!everyone> are refused")
        text = _BROADCAST.sub("", text)
    for token in TOKEN.finditer(text):
        if not _KNOWN.fullmatch(token.group(1)):
            found.append(f"unescaped < or unknown token: {token.group(0)[:60]}")
        elif token.group(1).startswith("!date^") and not _DATE_WORDS.search(token.group(1)):
            found.append(f"date without a known format: {token.group(0)[:60]}")
    rest = re.sub(r"(?m)^(?:>>>|>)", "", TOKEN.sub("", text))
    if "<" in rest or ">" in rest:
        found.append("unescaped < or >")
    if "&" in _ENTITY.sub("", rest):
        found.append("unescaped &")
    return found
