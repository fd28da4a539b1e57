"""What became of a deed: enabling with its check, removal with both sides; for every surface alike."""

from __future__ import annotations

from bot.domain.access import Deed
from bot.domain.cause import Cause
from bot.domain.channel import Channel, State
from bot.domain.grant import Revocation
from bot.views.blocks import Block, actions, context, escape, inert, instant, link, section
from bot.views.buttons import check_button, deed_button, offered
from bot.views.language import Language
from bot.views.models import Removal
from bot.views.words import manual_steps, revocation_words, state_mark, trouble_words

_BY_HAND = frozenset({Revocation.NOT_CONFIRMED, Revocation.BY_HAND})
_CHECKABLE = frozenset({Revocation.NOT_CONFIRMED, Revocation.REQUESTED, Revocation.BY_HAND})


def enabled_blocks(lang: Language, channel: Channel, provider_label: str) -> list[Block]:
    """The result of the check that enabling goes through."""
    mends = channel.state in {State.DISCONNECTED, State.DISABLED} and Deed.RECONNECT in offered(
        channel, frozenset(Deed)
    )
    buttons = actions(deed_button(lang, Deed.RECONNECT, channel, primary=True)) if mends else []
    return [section(f"{state_mark(channel.state)} {enabled_text(lang, channel, provider_label)}"), *buttons]


def enabled_text(lang: Language, channel: Channel, provider_label: str) -> str:
    address = inert(channel.address)
    why = trouble_words(lang, channel, provider_label)
    match channel.state:
        case State.CONNECTED:
            return lang.say("{address} is enabled and works: we just checked.", address=address)
        case State.IMPAIRED if channel.cause is Cause.CHECKING:
            return lang.say(
                "{address} is enabled. The check is not finished yet: look at its details in a moment.",
                address=address,
            )
        case State.IMPAIRED:
            said = lang.say("{address} is enabled. The check is not finished yet.", address=address)
        case State.DISCONNECTED:
            said = lang.say("{address} is enabled but does not work.", address=address)
        case _:
            said = lang.say("{address} is not enabled.", address=address)
    return lang.together(said, escape(why.why), escape(why.next_step))


def removal_blocks(lang: Language, removal: Removal) -> list[Block]:
    """Here, there, and by hand where it was not confirmed."""
    return [section(f"• {_here(lang, removal)}\n• {_there(lang, removal)}"), *_rest(lang, removal)]


def old_side_blocks(lang: Language, removal: Removal) -> list[Block]:
    """The provider's side alone."""
    return [section(_there(lang, removal)), *_rest(lang, removal)]


def _here(lang: Language, removal: Removal) -> str:
    address = inert(removal.channel.address)
    if not removal.now_at:
        return lang.say("{address} is removed here.", address=address)
    return lang.say(
        "{address} stays here: it is connected at {provider} now.",
        address=address,
        provider=inert(removal.now_at, 40),
    )


def _there(lang: Language, removal: Removal) -> str:
    return escape(revocation_words(lang, removal))


def _rest(lang: Language, removal: Removal) -> list[Block]:
    """What people can still do about the old permission."""
    is_by_hand = removal.revocation in _BY_HAND
    # The page would show whoever opens it their own accesses: not this one, unless they are that person.
    with_link = removal.is_delegate or not removal.delegate
    by_hand = [manual_block(lang, removal.family, with_link=with_link)] if is_by_hand else []
    return [*by_hand, *_kept(lang, removal), *_check(lang, removal)]


def manual_block(lang: Language, provider: str, *, with_link: bool = True) -> Block:
    """The provider's own steps, and a link straight to the page."""
    steps, url = manual_steps(lang, provider)
    lines = [lang.say("By hand: {steps}", steps=escape(" › ".join(steps)))]
    if url and with_link:
        lines.append(link(url, lang.say("Open that page")))
    return context("\n".join(lines))


def _kept(lang: Language, removal: Removal) -> list[Block]:
    """Why something is still kept here, and until when."""
    if removal.kept_until is None or removal.revocation is not Revocation.BY_HAND:
        return []
    when = instant(lang, removal.kept_until)
    return [
        context(
            lang.say("Our key is kept only to check whether it is gone, until {when} at most.", when=when)
        )
    ]


def _check(lang: Language, removal: Removal) -> list[Block]:
    is_over = removal.by_hand and removal.kept_until is None
    if removal.grant_id is None or is_over or removal.revocation not in _CHECKABLE:
        return []
    return actions(check_button(lang, removal.grant_id))
