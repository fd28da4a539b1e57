"""What a person typed after the command: which verb, about which address.

The one rule: people type as their keyboard and Slack's editor let them, so full-width characters, smart
quotes, invisible characters and links made from addresses all read as what was meant.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

from bot.domain.address import legible, visible

MOST_READ: Final = 1_000
"""Characters of a command that are read at all; an address has at most 254."""
_SHOWN: Final = 60
"""Characters of somebody's typing that are repeated back to them."""


class Verb(StrEnum):
    """What can be asked for in words."""

    CONNECT = "connect"
    LIST = "list"
    STATUS = "status"
    DISCONNECT = "disconnect"
    DISABLE = "disable"
    ENABLE = "enable"
    REMOVE = "remove"
    RECONNECT = "reconnect"
    SWITCH = "switch"
    EDIT = "edit"
    PERMISSIONS = "permissions"
    WHY = "why"
    DRILL = "drill"
    EXPORT = "export"
    ADMINS = "admins"
    HUBSPOT = "hubspot"
    HELP = "help"


WORDS: Final[Mapping[str, Verb]] = {
    **{verb.value: verb for verb in Verb},
    "add": Verb.CONNECT,
    "admin": Verb.ADMINS,
    "rename": Verb.EDIT,
    "search": Verb.LIST,
    "find": Verb.LIST,
    "検索": Verb.LIST,
    "delete": Verb.REMOVE,
    "permission": Verb.PERMISSIONS,
    "接続": Verb.CONNECT,
    "一覧": Verb.LIST,
    "状態": Verb.STATUS,
    "接続解除": Verb.DISCONNECT,
    "無効": Verb.DISABLE,
    "無効化": Verb.DISABLE,
    "有効": Verb.ENABLE,
    "有効化": Verb.ENABLE,
    "削除": Verb.REMOVE,
    "再接続": Verb.RECONNECT,
    "切替": Verb.SWITCH,
    "切り替え": Verb.SWITCH,
    "切替え": Verb.SWITCH,
    "編集": Verb.EDIT,
    "権限": Verb.PERMISSIONS,
    "理由": Verb.WHY,
    "訓練": Verb.DRILL,
    "書き出し": Verb.EXPORT,
    "管理者": Verb.ADMINS,
    "ハブスポット": Verb.HUBSPOT,
    "ヘルプ": Verb.HELP,
}
"""Every word that is understood, and what it means."""

_QUOTES: Final = "\"'`´“”„‟‘’‚‛«»‹›「」『』"
_APOSTROPHES: Final = str.maketrans(dict.fromkeys("‘’‛´", "'"))
_MAILTO: Final = re.compile(r"<(?:mailto:)?([^<>|\s@]+@[^<>|\s]+)(?:\|[^<>]*)?>|mailto:(?=\S)", re.IGNORECASE)

_GLUE: Final = (".", "-", "+", "_")
_GLUED: Final = re.compile(r"[.-]\w")


@dataclass(frozen=True, slots=True)
class Typed:
    """A command as understood. ``verb`` is ``None`` when the word is not known."""

    verb: Verb | None
    rest: str = ""
    """The address, or what stands in its place; empty if nothing was said."""
    word: str = ""
    """The unknown word, shortened for repeating."""
    nearest: str | None = None


def understand(text: str) -> Typed:
    """Read a command. Nothing typed is a wish for the list; an address alone, for its status."""
    words = folded(text).split()
    if not words:
        return Typed(Verb.LIST)
    first, rest = words[0], words[1:]
    if "@" in first:
        verb = _meant(rest[0]) if rest else Verb.STATUS
        return Typed(verb or Verb.STATUS, rest=first)
    verb = _meant(first)
    if verb is None:
        return Typed(None, rest=_address_among(rest), word=shortened(first), nearest=_nearest(first))
    return Typed(verb, rest=_address_among(rest))


def folded(text: str) -> str:
    """The text as it was meant: compatible forms unified, invisible characters gone, links undone."""
    # Cut first: one character may unfold into eighteen.
    unified = unicodedata.normalize("NFKC", text[:MOST_READ])[:MOST_READ]
    plain = _MAILTO.sub(_unlinked, legible(unified))
    # Quotes around a word are typing; an apostrophe inside one belongs to the address.
    return " ".join(word.strip(_QUOTES).translate(_APOSTROPHES) for word in plain.split())


def _unlinked(link: re.Match[str]) -> str:
    """The address of a link as a word of its own. Slack links no more than it takes for an address: a dot or
    a dash right before the link belongs to what was typed, which is then another address."""
    before = "" if link.string[: link.start()].endswith(_GLUE) else " "
    after = "" if _GLUED.match(link.string, link.end()) else " "
    return f"{before}{link[1] or ''}{after}"


def shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def looks_like_address(text: str) -> bool:
    """Whether it is worth putting into a form's address field, which takes nothing else."""
    local, at, domain = text.rpartition("@")
    return bool(local and at and "." in domain.strip(".")) and len(text) <= 254 and " " not in text


def _meant(word: str) -> Verb | None:
    return WORDS.get(visible(word).casefold().strip(".,;:!?/。、"))


def _nearest(word: str) -> str | None:
    near = get_close_matches(word.casefold()[:_SHOWN], WORDS, n=1, cutoff=0.6)
    return near[0] if near else None


def _address_among(words: list[str]) -> str:
    """The word with an @; else everything, so that the answer can say what is wrong with it."""
    found = next((word for word in words if "@" in word), None)
    return found.strip(",;<>()") if found else " ".join(words)
