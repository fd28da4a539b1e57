"""The slash command: which verb was typed about which address, and one handler per verb.

The one rule: people type as their keyboard and Slack's editor let them, so full-width characters, smart
quotes, invisible characters and links made from addresses all read as what was meant.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

from bot.domain.access import Actor, Operation
from bot.domain.address import LONGEST, legible, visible
from bot.domain.channel import Channel
from bot.domain.errors import NotAnAddress, UnknownAddress
from bot.views.home import LIST_ROWS
from bot.views.hubspot import with_help
from bot.views.replies import CANDIDATES, help_message, unknown_verb_message, which_address_message
from handlers import admins, channels, hubspot, keys, reports, webhooks
from handlers.channels import About, show_overview
from handlers.context import SILENT, Context, Handler, Interaction, KeptHandler, Response, Route, is_first
from handlers.errors import Refused, attempt

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
    REPORT = "report"
    ADMINS = "admins"
    KEYS = "keys"
    WEBHOOKS = "webhooks"
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
    "報告": Verb.REPORT,
    "レポート": Verb.REPORT,
    "availability": Verb.REPORT,
    "uptime": Verb.REPORT,
    "管理者": Verb.ADMINS,
    "key": Verb.KEYS,
    "キー": Verb.KEYS,
    "鍵": Verb.KEYS,
    "webhook": Verb.WEBHOOKS,
    "ウェブフック": Verb.WEBHOOKS,
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
    """For repeating, never for looking anything up."""
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


def route(text: str) -> Route:
    """The handler for what was typed."""
    typed = understand(text)
    if typed.verb is None:
        return Route(_unknown(typed))
    make, opens = VERBS[typed.verb]
    return Route(make(typed), opens)


def connect(typed: Typed) -> Handler:
    async def handler(context: Context, interaction: Interaction) -> Response:
        if typed.rest and not looks_like_address(typed.rest):
            raise NotAnAddress(shortened(typed.rest))
        actor = await context.actor(interaction)
        return Response(modal=channels.connect_form(interaction, actor, address=typed.rest))

    return handler


def overview(typed: Typed) -> Handler:
    """Everything, or what has the text that was typed in its address or name."""
    if not typed.rest:
        return show_overview

    async def handler(context: Context, interaction: Interaction) -> Response:
        actor = await context.actor(interaction)
        found = await context.services.channels.matching(actor, typed.rest[:LONGEST], most=LIST_ROWS)
        return await channels.listed(context, interaction, found)

    return handler


def show_admins(typed: Typed) -> Handler:
    return admins.show


def show_keys(typed: Typed) -> Handler:
    return keys.show


def show_webhooks(typed: Typed) -> Handler:
    return webhooks.show


def permissions(typed: Typed) -> Handler:
    """Without an address: of the only inbox there is, else what is asked of every provider."""

    async def handler(context: Context, interaction: Interaction) -> Response:
        actor = await context.actor(interaction)
        first, number = ((typed.rest,), 1) if typed.rest else await _addresses(context, actor)
        if number != 1:
            return await channels.permissions_overview(context, interaction, actor)
        return await channels.channel_permissions(
            context, interaction, actor, await context.services.channels.find(actor, first[0])
        )

    return handler


def export(typed: Typed) -> Handler:
    return channels.export


def report(typed: Typed) -> Handler:
    return reports.show


def explain(typed: Typed) -> Handler:
    return _HELP


async def _drawn_help(context: Context, interaction: Interaction) -> Response:
    # Whoever cannot be read just now reads what everybody may do; a guest may do none of it.
    actor = await attempt(context.actor(interaction))
    if isinstance(actor, Refused):
        raise actor.refusal
    is_admin = isinstance(actor, Actor) and actor.is_super_admin
    has_keys = context.services.program_keys is not None
    shown = help_message(interaction.lang, context.command, is_admin=is_admin, has_keys=has_keys)
    if context.services.hubspot is not None:
        shown = with_help(interaction.lang, shown, context.command)
    return Response(message=shown)


_HELP: Final = KeptHandler("help", _drawn_help)


def show_hubspot(typed: Typed) -> Handler:
    """A word like any other that is not known, where HubSpot is not watched."""

    async def handler(context: Context, interaction: Interaction) -> Response:
        if context.services.hubspot is None:
            return await _unknown(Typed(None, word=typed.word or "hubspot"))(context, interaction)
        return await hubspot.show(context, interaction)

    return handler


def about(operation: About, *, fresh: bool = False, once: bool = False) -> Callable[[Typed], Handler]:
    """A verb that needs an address: the one typed, or the only one there is.

    ``once`` drops a command that Slack delivers again, where doing it twice would be felt.
    """

    def make(typed: Typed) -> Handler:
        async def handler(context: Context, interaction: Interaction) -> Response:
            actor = await context.actor(interaction, fresh=fresh)
            channel = await context.services.channels.find(actor, typed.rest) if typed.rest else None
            if channel is None:
                found, has_more = await _candidates(context, actor, typed)
                if len(found) != 1 or has_more:
                    return _which(context, interaction, typed, found, has_more=has_more)
                channel = found[0]
            if once and not await is_first(context, interaction):
                return SILENT
            return await operation(context, interaction, actor, channel)

        return handler

    return make


def seen(operation: About, *, why: bool = False) -> Callable[[Typed], Handler]:
    """As ``about``, where it is only looked at: an address that only HubSpot has is shown as it is there."""
    make = about(operation)

    def made(typed: Typed) -> Handler:
        async def handler(context: Context, interaction: Interaction) -> Response:
            try:
                return await make(typed)(context, interaction)
            except UnknownAddress as unknown:
                is_asked_for = unknown.wished is not None or unknown.to_answer is not None
                if is_asked_for or not (
                    there := await hubspot.only_there(context, interaction, unknown.address, why=why)
                ):
                    raise
                return there

        return handler

    return made


async def _addresses(context: Context, actor: Actor) -> tuple[tuple[str, ...], int]:
    """The first ones, and how many there are: of an only one it is clear what is meant."""
    return await context.services.channels.addresses(actor, most=2)


async def _candidates(context: Context, actor: Actor, typed: Typed) -> tuple[tuple[Channel, ...], bool]:
    """What may be meant without an address, and whether something else may be."""
    operation = _OPERATIONS.get(typed.verb or Verb.STATUS, Operation.SEE)
    return await context.services.channels.candidates(actor, operation, most=CANDIDATES)


_OPERATIONS: Final = {
    Verb.DISABLE: Operation.DISABLE,
    Verb.ENABLE: Operation.ENABLE,
    Verb.REMOVE: Operation.REMOVE,
    Verb.DISCONNECT: Operation.REMOVE,
    Verb.RECONNECT: Operation.RECONNECT,
    Verb.SWITCH: Operation.SWITCH,
    Verb.EDIT: Operation.EDIT,
}


def _which(
    context: Context,
    interaction: Interaction,
    typed: Typed,
    candidates: tuple[Channel, ...],
    *,
    has_more: bool,
) -> Response:
    assert typed.verb is not None
    shown = which_address_message(
        interaction.lang, typed.verb.value, candidates, context.command, has_more=has_more
    )
    return Response(message=shown)


def _unknown(typed: Typed) -> Handler:
    async def handler(context: Context, interaction: Interaction) -> Response:
        is_off = context.services.hubspot is None and WORDS.get(typed.nearest or "") is Verb.HUBSPOT
        nearest = None if is_off else typed.nearest
        shown = unknown_verb_message(interaction.lang, typed.word, nearest, context.command, rest=typed.rest)
        return Response(message=shown)

    return handler


VERBS: Final[Mapping[Verb, tuple[Callable[[Typed], Handler], bool]]] = {
    Verb.CONNECT: (connect, True),
    Verb.LIST: (overview, False),
    Verb.STATUS: (seen(channels.show_status), False),
    Verb.DISCONNECT: (about(channels.offer_disconnect), True),
    Verb.DISABLE: (about(channels.offer_disable), True),
    Verb.ENABLE: (about(channels.enable, fresh=True, once=True), False),
    Verb.REMOVE: (about(channels.offer_remove), True),
    Verb.RECONNECT: (about(channels.reconnect, fresh=True), True),
    Verb.SWITCH: (about(channels.switch, fresh=True), True),
    Verb.EDIT: (about(channels.offer_edit), True),
    Verb.PERMISSIONS: (permissions, False),
    Verb.WHY: (seen(channels.why, why=True), False),
    Verb.DRILL: (about(channels.drill, fresh=True), False),
    Verb.EXPORT: (export, False),
    Verb.REPORT: (report, False),
    Verb.ADMINS: (show_admins, True),
    Verb.KEYS: (show_keys, True),
    Verb.WEBHOOKS: (show_webhooks, True),
    Verb.HUBSPOT: (show_hubspot, False),
    Verb.HELP: (explain, False),
}
"""What each verb does, and whether it opens a modal."""
