"""An inbox works through another provider now: said once, both sides told, edited as more becomes known."""

from __future__ import annotations

from bot.domain.access import Deed
from bot.domain.channel import Channel, State
from bot.views.blocks import Message, actions, bold, context, inert, instant, mention, message, section
from bot.views.buttons import deed_button
from bot.views.language import Language
from bot.views.models import NoticePicture
from bot.views.notices.quiet import quiet
from bot.views.reports import old_side_blocks
from bot.views.words import provider_of


def switched_notice(lang: Language, picture: NoticePicture) -> Message:
    """To those who look after it and to whoever did it: who, from where to where, and what became of the old
    permission. The notice's subject names the new provider and the doer."""
    channel, removal = picture.channel, picture.removal
    if channel is None or removal is None:
        return quiet("⚪ " + lang.say("There is nothing to do any more."))
    said = f"🔀 {_headline(lang, picture, channel)}"
    old = inert(removal.provider_label, 40)
    kept = (
        lang.say(
            "{who} switched it from {old}. Owner, use and history stayed as they were.",
            who=mention(picture.actor),
            old=old,
        )
        if picture.actor
        else lang.say("It was switched from {old}. Owner, use and history stayed as they were.", old=old)
    )
    at = removal.revocation_at
    asked = [context(lang.say("As of {when}", when=instant(lang, at)))] if at else []
    first = Deed.ENABLE if channel.state is State.DISABLED else Deed.SEE
    see = [] if channel.state is State.REMOVED else actions(deed_button(lang, first, channel))
    return message(said, [section(f"{bold(said)}\n{kept}"), *old_side_blocks(lang, removal), *asked, *see])


def _headline(lang: Language, picture: NoticePicture, channel: Channel) -> str:
    address, new = inert(channel.address), inert(_goal(picture.notice.subject), 40)
    if channel.state is State.DISABLED:
        return lang.say("{address} is at {new} now, and still disabled", address=address, new=new)
    return lang.say("{address} works through {new} now", address=address, new=new)


def _goal(subject: str) -> str:
    """The label of the provider that it went to."""
    return provider_of(subject.partition("to:")[2].partition(":")[0])
