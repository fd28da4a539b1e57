"""A channel's state in a mark and a few words."""

from __future__ import annotations

from typing import Final

from bot.domain.cause import Cause
from bot.domain.channel import Channel, State
from bot.domain.incident import Unexplained
from bot.views.language import Language

_MARKS: Final = {
    State.CONNECTED: "🟢",
    State.IMPAIRED: "🟡",
    State.DISCONNECTED: "🔴",
    State.DISABLED: "⚪",
    State.REMOVED: "⚪",
}


def state_mark(state: State) -> str:
    return _MARKS[state]


def state_name(lang: Language, state: State) -> str:
    """The state alone, for counts and forms."""
    match state:
        case State.CONNECTED:
            return lang.say("Connected")
        case State.IMPAIRED:
            return lang.say("Being checked")
        case State.DISCONNECTED:
            return lang.say("Disconnected")
        case State.DISABLED:
            return lang.say("Disabled")
        case State.REMOVED:
            return lang.say("Removed")


def state_count(lang: Language, state: State, n: int) -> str:
    """How many are in it."""
    match state:
        case State.CONNECTED:
            return lang.say("{n} connected", n=n)
        case State.IMPAIRED:
            return lang.say("{n} being checked", n=n)
        case State.DISCONNECTED:
            return lang.say("{n} disconnected", n=n)
        case State.DISABLED:
            return lang.say("{n} disabled", n=n)
        case State.REMOVED:
            return lang.say("{n} removed", n=n)


def state_words(lang: Language, channel: Channel, unexplained: Unexplained | None = None) -> str:
    """Mark and words: ``🟢 Connected``. ``unexplained``: its provider answers what nobody knows."""
    return f"{state_mark(channel.state)} {_said(lang, channel, unexplained)}"


def _said(lang: Language, channel: Channel, unexplained: Unexplained | None) -> str:
    if channel.state is State.IMPAIRED and unexplained is not None:
        return lang.say("Being checked: refused for a reason we don't know")
    if channel.state is State.IMPAIRED:
        return _impaired(lang, channel.cause)
    if channel.state is State.DISABLED and channel.needs_reconnect:
        return lang.say("Disabled, needs reconnecting")
    return state_name(lang, channel.state)


def _impaired(lang: Language, cause: Cause) -> str:
    """The state's own word first: it is also what is counted."""
    match cause:
        case Cause.PROVIDER_UNREACHABLE:
            return lang.say("Being checked: out of reach")
        case Cause.LOGIN_UNCLEAR | Cause.INBOX_CLOSED:
            return lang.say("Being checked: refused without a reason")
        case Cause.HELD:
            return lang.say("Being checked: trouble at the provider")
        case Cause.OURS_BROKEN:
            return lang.say("Being checked: the operator was told")
        case _:
            return lang.say("Being checked")
