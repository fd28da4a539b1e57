"""What a person did on purpose, told once to whom it concerns, and what follows from it."""

from __future__ import annotations

from typing import Final

from bot.domain.access import Deed
from bot.domain.channel import Channel, State
from bot.domain.ids import UserId
from bot.domain.ticket import Ending
from bot.views.blocks import Block, Message, actions, context, escape, inert, mention, message, section
from bot.views.buttons import deed_button, disconnect_button, offered
from bot.views.language import Language
from bot.views.models import NoticePicture
from bot.views.notices.quiet import quiet
from bot.views.replies import removed_message
from bot.views.text import shown
from bot.views.words import house, lacking_words
from bot.views.words.endings import good_ending

_FOR_ADMINS: Final = frozenset({Deed.DISABLE, Deed.REMOVE})
_SWITCHED: Final = frozenset({Ending.SWITCHED, Ending.SWITCHED_STILL_DISABLED})
_STILL_OFF: Final = frozenset({Ending.STILL_DISABLED, Ending.SWITCHED_STILL_DISABLED})


def removed_picture(lang: Language, picture: NoticePicture) -> Message:
    """Both sides of a removal; edited as more becomes known."""
    if picture.removal is None:
        return quiet("⚪ " + lang.say("{address} was removed.", address=_address(picture)))
    return removed_message(lang, picture.removal)


def connected_picture(lang: Language, picture: NoticePicture) -> Message:
    """The guarantee that a finished sign-in is heard of, should the modal be closed."""
    if picture.channel is not None and picture.channel.state is State.REMOVED:
        gone = inert(picture.channel.address)
        return quiet("⚪ " + lang.say("{address} was connected. It has been removed since.", address=gone))
    ending = Ending(picture.notice.subject)
    words = good_ending(
        lang, ending, shown(picture.channel.address if picture.channel else ""), in_slack=True
    )
    mark = "⚪" if ending in _STILL_OFF else "✅"
    said = f"{mark} {escape(words.text)}"
    # A sign-in where it was switched to already leaves no old permission to tell of.
    next_step = "" if ending in _SWITCHED else escape(words.next_step)
    lines = [said, next_step, *_via(lang, picture.channel), *_lacking(lang, picture)]
    buttons = _after_connecting(lang, picture, picture.channel, ending) if picture.channel else []
    blocks = [
        section("\n".join(line for line in lines if line)),
        *actions(*buttons),
        context(*_told(lang, picture, ending), lang.say("Not you? Disconnect it.")),
    ]
    return message(said, blocks)


def _told(lang: Language, picture: NoticePicture, ending: Ending) -> list[str]:
    """What happens from now on; nothing, while the inbox is disabled, or where others look after it."""
    is_watched = ending not in _STILL_OFF and picture.is_told
    return [lang.say("If it stops working, you are told here.")] if is_watched else []


def _via(lang: Language, channel: Channel | None) -> list[str]:
    if channel is None or not channel.via:
        return []
    account = inert(channel.via)
    return [lang.say("It is opened via {account}, which receives its mail.", account=account)]


def _lacking(lang: Language, picture: NoticePicture) -> list[str]:
    if not picture.lacking:
        return []
    return ["⚠️ " + escape(lacking_words(lang, picture.lacking, house(picture.provider_label)))]


def _after_connecting(
    lang: Language, picture: NoticePicture, channel: Channel, ending: Ending
) -> list[Block]:
    first = deed_button(lang, Deed.ENABLE if ending in _STILL_OFF else Deed.SEE, channel)
    again = [deed_button(lang, Deed.RECONNECT, channel)] if picture.lacking else []
    return [first, *again, disconnect_button(lang, channel)]


def disabled_picture(lang: Language, picture: NoticePicture) -> Message:
    """Somebody else disabled an inbox that is this person's, or that they look after."""
    channel = picture.channel
    said = f"⚪ {_disabled(lang, picture)}"
    kept = lang.say("Nothing was deleted. You can enable it again at any time.")
    if channel is not None and not channel.is_personal:
        kept = lang.say("Nothing was deleted. Nobody is told about it until it is enabled again.")
    enable = actions(deed_button(lang, Deed.ENABLE, channel)) if channel else []
    return message(said, [section(f"{said}\n{kept}"), *enable])


def _disabled(lang: Language, picture: NoticePicture) -> str:
    address = _address(picture)
    who = mention(picture.actor) if picture.actor else ""
    if picture.channel is not None and not picture.channel.is_personal:
        if who:
            return lang.say("{who} disabled the team address {address}.", who=who, address=address)
        return lang.say("The team address {address} was disabled.", address=address)
    if who:
        return lang.say("{who} disabled your inbox {address}.", who=who, address=address)
    return lang.say("Your inbox {address} was disabled.", address=address)


def taken_over_notice(lang: Language, picture: NoticePicture) -> Message:
    """To its former owner: their inbox is the team's now."""
    address = _address(picture)
    said = "👥 " + (
        lang.say(
            "{who} made your inbox {address} a team address.", who=mention(picture.actor), address=address
        )
        if picture.actor
        else lang.say("Your inbox {address} is a team address now.", address=address)
    )
    means = lang.say(
        "It stays connected. From now on the whole team sees it, and admins look after it. If that is a "
        "mistake, talk to them."
    )
    see = actions(deed_button(lang, Deed.SEE, picture.channel)) if picture.channel else []
    return message(said, [section(f"{said}\n{means}"), *see])


def owner_gone_picture(lang: Language, picture: NoticePicture) -> Message:
    """Asks a super admin what should become of the inbox of somebody who left."""
    address, channel = _address(picture), picture.channel
    if channel is not None and picture.is_back:
        back = lang.say(
            "{who} is back in the workspace, and {address} is theirs as before. There is nothing to do.",
            who=mention(channel.owner_id) if channel.owner_id else "–",
            address=address,
        )
        return quiet(f"✅ {back}")
    if channel is None or not picture.is_open or not channel.is_personal:
        return quiet("✅ " + lang.say("{address}: decided. There is nothing to do.", address=address))
    who = mention(channel.owner_id) if channel.owner_id else "–"
    said = "❓ " + lang.say(
        "{who} left the workspace, but {address} is still managed here.", who=who, address=address
    )
    at = inert(house(picture.provider_label), 40)
    kept = (
        lang.say(
            "It is disabled, but its permission at {house} still stands. Make it a team address if others "
            "need it, or remove it.",
            house=at,
        )
        if channel.state is State.DISABLED
        else lang.say(
            "Make it a team address if others need it, disable it to keep the permission at {house} for now, "
            "or remove it.",
            house=at,
        )
    )
    deeds = (Deed.TAKE_OVER, *offered(channel, _FOR_ADMINS))
    return message(
        said,
        [section(f"{said}\n{kept}"), *actions(*(deed_button(lang, deed, channel) for deed in deeds))],
    )


def delegate_gone_picture(lang: Language, picture: NoticePicture) -> Message:
    """A shared mailbox hangs on the account of somebody who left: hand it over before that account ends."""
    address, channel = _address(picture), picture.channel
    if picture.is_back:
        back = lang.say(
            "{delegate} is back in the workspace, and still opens {address}. There is nothing to do.",
            delegate=inert(picture.delegate),
            address=address,
        )
        return quiet(f"✅ {back}")
    if channel is None or not picture.is_open:
        return quiet("✅ " + lang.say("{address}: handed over. There is nothing to do.", address=address))
    said = "👋 " + lang.say(
        "{delegate} left the workspace, and the shared mailbox {address} is opened with that account.",
        delegate=inert(picture.delegate),
        address=address,
    )
    means = lang.say(
        "It still works. When {house} closes the account, it stops. Reconnect now as somebody else who may "
        "open the mailbox; nothing is interrupted.",
        house=inert(house(picture.provider_label), 40),
    )
    deeds = (Deed.RECONNECT, Deed.SEE)
    buttons = (deed_button(lang, it, channel, primary=it is Deed.RECONNECT) for it in deeds)
    return message(said, [section(f"{said}\n{means}"), *actions(*buttons)])


def hello_notice(lang: Language, *, address: str, actor: UserId) -> Message:
    """In a team's conversation, when it is chosen: what it will hear of."""
    said = "👋 " + lang.say(
        "{who} chose this conversation to be told when {address} stops working.",
        who=mention(actor),
        address=inert(address),
    )
    how = lang.say("One line per outage, kept up to date until it is over. Nothing else is posted here.")
    return message(said, [section(f"{said}\n{how}")])


def _address(picture: NoticePicture) -> str:
    return inert(picture.channel.address) if picture.channel else "–"
