"""One channel as a line of an overview: loud when somebody must act, grey when it is disabled."""

from __future__ import annotations

from typing import Final

from bot.domain.access import Deed
from bot.domain.cause import Cause
from bot.domain.channel import State
from bot.views.blocks import Block, actions, context, escape, inert, instant, mention, section
from bot.views.buttons import deed_button, following, offered, why_button
from bot.views.language import Language
from bot.views.models import ChannelRow
from bot.views.words import (
    lacking_in_short,
    mail_words,
    state_words,
    trouble_words,
    via_words,
    way_words,
)

_TROUBLED: Final = frozenset({State.IMPAIRED, State.DISCONNECTED})


def row_blocks(lang: Language, row: ChannelRow, *, roomy: bool, primary: bool = False) -> list[Block]:
    """``roomy`` rows have a button for each deed; the others one button, or none when disabled."""
    if row.channel.state is State.DISABLED:
        return [context(_grey(lang, row)), *(_buttons(lang, row, primary) if roomy else ())]
    if roomy:
        return [section(_text(lang, row, roomy=True)), *_buttons(lang, row, primary)]
    return [section(_text(lang, row, roomy=False), _foremost(lang, row, primary))]


def wants_mending(row: ChannelRow) -> bool:
    """This person can and should reconnect it."""
    is_advised = row.advice is not None and row.advice.may_reconnect
    return (row.channel.state is State.DISCONNECTED or is_advised) and Deed.RECONNECT in row.may


def is_lacking(row: ChannelRow) -> bool:
    """Worth saying: what cannot be judged right now is settled first, and that needs nobody."""
    return bool(row.lacking) and row.channel.state is not State.IMPAIRED


def title(lang: Language, row: ChannelRow) -> str:
    """Address, account, team name, provider and foreign owner, the address standing out."""
    return " · ".join([f"*{inert(row.channel.address)}*", *_about(lang, row)])


def _about(lang: Language, row: ChannelRow) -> list[str]:
    channel = row.channel
    via = escape(via_words(lang, channel.via)) if channel.via else ""
    owner = mention(channel.owner_id) if channel.owner_id and not row.is_own else ""
    return [part for part in (via, inert(channel.name, 40), inert(row.provider_label, 40), owner) if part]


def _text(lang: Language, row: ChannelRow, *, roomy: bool) -> str:
    lines = [title(lang, row), f"{since(lang, row)} · {_proof(lang, row)}"]
    if use := inert(row.channel.use, 60):
        lines.append(lang.say("Used for: {use}", use=use))
    if row.channel.cause not in {Cause.NONE, Cause.CHECKING}:
        known = trouble_words(lang, row.channel, row.provider_label, row.advice, row.unexplained)
        lines.append(escape(lang.together(known.why, known.next_step if roomy else "")))
    if row.mail is not None:
        way = way_words(lang, row.mail, row.channel.provider) if roomy else ""
        lines.append(f"📭 {escape(lang.together(mail_words(lang, row.mail), way))}")
    if is_lacking(row):
        lines.append(escape(lacking_in_short(lang, row.lacking)))
    return "\n".join(lines)


def _grey(lang: Language, row: ChannelRow) -> str:
    mark, _, words = since(lang, row).partition(" ")
    lacking = [escape(lacking_in_short(lang, row.lacking))] if row.lacking else []
    return " · ".join([f"{mark} {inert(row.channel.address)}", *_about(lang, row), words, *lacking])


def since(lang: Language, row: ChannelRow) -> str:
    """Its state, and since when."""
    state = state_words(lang, row.channel, row.unexplained)
    return lang.say("{state} since {when}", state=state, when=instant(lang, row.channel.shown_since))


def _proof(lang: Language, row: ChannelRow) -> str:
    if row.last_ok_at is None:
        return lang.say("not confirmed yet")
    return lang.say("last confirmed {when}", when=instant(lang, row.last_ok_at))


def _buttons(lang: Language, row: ChannelRow, primary: bool) -> list[Block]:
    why = [why_button(lang, row.channel)] if row.channel.state in _TROUBLED and Deed.SEE in row.may else []
    return actions(*(_button(lang, row, deed, primary) for deed in _deeds(row)), *_moving(lang, row), *why)


def _moving(lang: Language, row: ChannelRow) -> list[Block]:
    """The way to where its mail goes, if it is one of our providers and this person may go it."""
    if row.mail is None or row.channel.state is State.DISABLED:
        return []
    return following(lang, row.channel, row.mail, row.may)


def _deeds(row: ChannelRow) -> tuple[Deed, ...]:
    see = (Deed.SEE,) if Deed.SEE in row.may else ()
    return (*offered(row.channel, row.may, is_lacking=bool(row.lacking), advice=row.advice), *see)


def _foremost(lang: Language, row: ChannelRow, primary: bool) -> Block | None:
    if wants_mending(row) or (is_lacking(row) and Deed.RECONNECT in row.may):
        return _button(lang, row, Deed.RECONNECT, primary)
    return _button(lang, row, Deed.SEE, primary) if Deed.SEE in row.may else None


def _button(lang: Language, row: ChannelRow, deed: Deed, primary: bool) -> Block:
    return deed_button(lang, deed, row.channel, primary=primary and deed is Deed.RECONNECT)
