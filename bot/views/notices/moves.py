"""A team address's mail goes elsewhere: one quiet message, kept true until that is settled.

The one rule: this is no outage. It warns, offers the way that fits, and never alarms or reminds.
"""

from __future__ import annotations

from bot.domain.access import Deed
from bot.domain.channel import Channel, State
from bot.domain.whereabouts import NOWHERE
from bot.views.blocks import Block, Message, actions, bold, escape, inert, message, section
from bot.views.buttons import following, why_button
from bot.views.language import Language
from bot.views.models import Mail, NoticePicture
from bot.views.notices.quiet import quiet
from bot.views.words import house, mail_words, provider_of, way_words


def moved_notice(lang: Language, picture: NoticePicture) -> Message:
    """Where the mail goes, what that means for the inbox, and the way on."""
    channel, mail = picture.channel, picture.mail
    if channel is None or mail is None or not picture.is_open:
        return quiet(_over(lang, picture))
    said = "📭 " + _headline(lang, channel, mail)
    lines = [
        escape(mail_words(lang, mail)),
        _means(lang, picture, channel),
        escape(way_words(lang, mail, provider_of(channel.provider))),
    ]
    text = "\n".join(line for line in (bold(said), *lines) if line)
    return message(said, [section(text), *_ways(lang, channel, mail)])


def _headline(lang: Language, channel: Channel, mail: Mail) -> str:
    address = inert(channel.address)
    if mail.place == NOWHERE:
        return lang.say("The domain of {address} takes no mail any more", address=address)
    return lang.say("New mail for {address} goes elsewhere", address=address)


def _means(lang: Language, picture: NoticePicture, channel: Channel) -> str:
    at = inert(house(picture.provider_label), 40)
    if channel.state is State.DISCONNECTED:
        return lang.say("The inbox was connected at {house} and has stopped working there.", house=at)
    return lang.say(
        "The inbox is connected at {house}. That still works, but no new mail arrives there any more.",
        house=at,
    )


def _ways(lang: Language, channel: Channel, mail: Mail) -> list[Block]:
    return actions(*following(lang, channel, mail, frozenset(Deed)), why_button(lang, channel))


def _over(lang: Language, picture: NoticePicture) -> str:
    """How it was settled, in one grey line."""
    channel = picture.channel
    if channel is None:
        return "⚪ " + lang.say("There is nothing to do any more.")
    address = inert(channel.address)
    left = picture.notice.subject.partition(":")[0]
    if channel.state is State.REMOVED:
        return "⚪ " + lang.say("{address} was removed. There is nothing to do.", address=address)
    if channel.provider != left:
        return "✅ " + lang.say(
            "{address} was switched to {provider}. There is nothing to do.",
            address=address,
            provider=inert(picture.provider_label, 40),
        )
    if channel.state is State.DISABLED:
        return "⚪ " + lang.say("{address} was disabled. There is nothing to do.", address=address)
    return "✅ " + lang.say(
        "New mail for {address} goes to {house} again. There is nothing to do.",
        address=address,
        house=inert(house(picture.provider_label), 40),
    )
