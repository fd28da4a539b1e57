"""What people did on purpose and what changed by itself, told once to whom it concerns, kept true."""

from __future__ import annotations

from typing import Final

from bot.domain.access import Operation, Role, RoleChange
from bot.domain.address import NOWHERE
from bot.domain.channel import Channel, State
from bot.domain.ids import UserId
from bot.domain.ticket import OutcomeKind
from bot.domain.view_models import Mail, NoticeModel
from bot.views.blocks import (
    Block,
    Message,
    actions,
    bold,
    button,
    context,
    escape,
    inert,
    instant,
    mention,
    message,
    quiet,
    section,
)
from bot.views.buttons import (
    connect_again_button,
    disconnect_button,
    enable_again_button,
    following,
    offered,
    operation_button,
    why_button,
)
from bot.views.home import people
from bot.views.i18n import Language
from bot.views.replies import old_side_blocks, removed_message
from bot.views.text import shown
from bot.views.wording import company, lacking_words, mail_words, provider_of, way_words
from bot.views.wording.names import role_words
from bot.views.wording.outcomes import good_ending

_FOR_ADMINS: Final = frozenset({Operation.DISABLE, Operation.REMOVE})
_SWITCHED: Final = frozenset({OutcomeKind.SWITCHED, OutcomeKind.SWITCHED_STILL_DISABLED})
_STILL_OFF: Final = frozenset({OutcomeKind.STILL_DISABLED, OutcomeKind.SWITCHED_STILL_DISABLED})


def removed_notice(lang: Language, model: NoticeModel) -> Message:
    """Both sides of a removal; edited as more becomes known."""
    said = f"🗑 {_removed(lang, model)}"
    if model.removal is None:
        return quiet(said)
    use = model.channel.use if model.channel else ""
    used = [lang.say("What used it: {use}", use=inert(use, 200))] if use else []
    title = section("\n".join([bold(said), *used]))
    again = actions(connect_again_button(lang, model.channel)) if model.channel else []
    return message(said, [title, *removed_message(lang, model.removal)["blocks"], *again])


def _removed(lang: Language, model: NoticeModel) -> str:
    """Who did it, so that the others can ask; which, as the team calls it."""
    address, channel = _address(model), model.channel
    if channel is not None and channel.name:
        address = lang.say("{address} ({name})", address=address, name=inert(channel.name, 40))
    if not model.actor:
        return lang.say("{address} was removed.", address=address)
    who = mention(model.actor)
    if channel is None or channel.is_personal:
        return lang.say("{who} removed the inbox {address}.", who=who, address=address)
    return lang.say("{who} removed the team address {address}.", who=who, address=address)


def connected_notice(lang: Language, model: NoticeModel) -> Message:
    """The guarantee that a finished sign-in is heard of, should the modal be closed."""
    if model.channel is not None and model.channel.state is State.REMOVED:
        gone = inert(model.channel.address)
        return quiet("⚪ " + lang.say("{address} was connected. It has been removed since.", address=gone))
    ending = OutcomeKind(model.notice.about["ending"])
    address = shown(model.channel.address if model.channel else "")
    words = good_ending(lang, ending, address, model.provider_label, in_slack=True)
    mark = "⚪" if ending in _STILL_OFF else "✅"
    said = f"{mark} {escape(words.text)}"
    # A sign-in where it was switched to already leaves no old permission to tell of.
    next_step = "" if ending in _SWITCHED else escape(words.next_step)
    lines = [said, next_step, *_via(lang, model.channel), *_lacking(lang, model)]
    buttons = _after_connecting(lang, model, model.channel, ending) if model.channel else []
    blocks = [
        section("\n".join(line for line in lines if line)),
        *actions(*buttons),
        context(*_told(lang, model, ending), lang.say("Not you? Disconnect it.")),
    ]
    return message(said, blocks)


def _told(lang: Language, model: NoticeModel, ending: OutcomeKind) -> list[str]:
    """What happens from now on; nothing, while the inbox is disabled, or where others look after it."""
    is_watched = ending not in _STILL_OFF and model.is_told
    return [lang.say("If it stops working, you are told here.")] if is_watched else []


def _via(lang: Language, channel: Channel | None) -> list[str]:
    if channel is None or not channel.via:
        return []
    account = inert(channel.via)
    return [lang.say("It is opened via {account}, which receives its mail.", account=account)]


def _lacking(lang: Language, model: NoticeModel) -> list[str]:
    if not model.lacking:
        return []
    return ["⚠️ " + escape(lacking_words(lang, model.lacking, company(model.provider_label)))]


def _after_connecting(
    lang: Language, model: NoticeModel, channel: Channel, ending: OutcomeKind
) -> list[Block]:
    first = operation_button(lang, Operation.ENABLE if ending in _STILL_OFF else Operation.SEE, channel)
    again = [operation_button(lang, Operation.RECONNECT, channel)] if model.lacking else []
    return [first, *again, disconnect_button(lang, channel)]


def disabled_notice(lang: Language, model: NoticeModel) -> Message:
    """Somebody else disabled an inbox that is this person's, or that they look after."""
    channel = model.channel
    said = f"⚪ {_disabled(lang, model)}"
    kept = lang.say("Nothing was deleted. You can enable it again at any time.")
    if channel is not None and not channel.is_personal:
        kept = lang.say("Nothing was deleted. Nobody is told about it until it is enabled again.")
    enable = actions(enable_again_button(lang, channel)) if channel else []
    return message(said, [section(f"{said}\n{kept}"), *enable])


def _disabled(lang: Language, model: NoticeModel) -> str:
    address = _address(model)
    who = mention(model.actor) if model.actor else ""
    if model.channel is not None and not model.channel.is_personal:
        if who:
            return lang.say("{who} disabled the team address {address}.", who=who, address=address)
        return lang.say("The team address {address} was disabled.", address=address)
    if who:
        return lang.say("{who} disabled your inbox {address}.", who=who, address=address)
    return lang.say("Your inbox {address} was disabled.", address=address)


def taken_over_notice(lang: Language, model: NoticeModel) -> Message:
    """To its former owner: their inbox is the team's now."""
    address = _address(model)
    said = "👥 " + (
        lang.say("{who} made your inbox {address} a team address.", who=mention(model.actor), address=address)
        if model.actor
        else lang.say("Your inbox {address} is a team address now.", address=address)
    )
    means = lang.say(
        "It stays connected. From now on the whole team sees it, and admins look after it. If that is a "
        "mistake, talk to them."
    )
    see = actions(operation_button(lang, Operation.SEE, model.channel)) if model.channel else []
    return message(said, [section(f"{said}\n{means}"), *see])


def owner_gone_notice(lang: Language, model: NoticeModel) -> Message:
    """Asks a super admin what should become of the inbox of somebody who left."""
    address, channel = _address(model), model.channel
    if channel is not None and model.is_back:
        back = lang.say(
            "{who} is back in the workspace, and {address} is theirs as before. There is nothing to do.",
            who=mention(channel.owner_id) if channel.owner_id else "–",
            address=address,
        )
        return quiet(f"✅ {back}")
    if channel is None or not model.is_open or not channel.is_personal:
        return quiet("✅ " + lang.say("{address}: decided. There is nothing to do.", address=address))
    who = mention(channel.owner_id) if channel.owner_id else "–"
    said = "❓ " + lang.say(
        "{who} left the workspace, but {address} is still managed here.", who=who, address=address
    )
    at = inert(company(model.provider_label), 40)
    kept = (
        lang.say(
            "It is disabled, but its permission at {company} is still there. Make it a team "
            "address if others need it, or remove it.",
            company=at,
        )
        if channel.state is State.DISABLED
        else lang.say(
            "Make it a team address if others need it, disable it to keep the permission at "
            "{company} for now, "
            "or remove it.",
            company=at,
        )
    )
    operations = (Operation.TAKE_OVER, *offered(channel, _FOR_ADMINS))
    return message(
        said,
        [
            section(f"{said}\n{kept}"),
            *actions(*(operation_button(lang, operation, channel) for operation in operations)),
        ],
    )


def delegate_gone_notice(lang: Language, model: NoticeModel) -> Message:
    """A shared mailbox hangs on the account of somebody who left: hand it over before that account ends."""
    address, channel = _address(model), model.channel
    if model.is_back:
        back = lang.say(
            "{delegate} is back in the workspace, and still opens {address}. There is nothing to do.",
            delegate=inert(model.delegate),
            address=address,
        )
        return quiet(f"✅ {back}")
    if channel is None or not model.is_open:
        return quiet("✅ " + lang.say("{address}: handed over. There is nothing to do.", address=address))
    said = "👋 " + lang.say(
        "{delegate} left the workspace, and the shared mailbox {address} is opened with that account.",
        delegate=inert(model.delegate),
        address=address,
    )
    means = lang.say(
        "It still works. When {company} closes the account, it stops. Reconnect now as somebody else who may "
        "open the mailbox; nothing is interrupted.",
        company=inert(company(model.provider_label), 40),
    )
    operations = (Operation.RECONNECT, Operation.SEE)
    buttons = (operation_button(lang, it, channel, primary=it is Operation.RECONNECT) for it in operations)
    return message(said, [section(f"{said}\n{means}"), *actions(*buttons)])


def hello_notice(lang: Language, *, address: str, actor: UserId) -> Message:
    """In a team's conversation, when it is chosen: what it will hear of."""
    said = "👋 " + lang.say(
        "{who} chose this conversation to be notified when {address} stops working.",
        who=mention(actor),
        address=inert(address),
    )
    how = lang.say("One line per outage, kept up to date until it is over. Nothing else is posted here.")
    return message(said, [section(f"{said}\n{how}")])


def _address(model: NoticeModel) -> str:
    return inert(model.channel.address) if model.channel else "–"


def switched_notice(lang: Language, model: NoticeModel) -> Message:
    """To those who look after it and to whoever did it: who, from where to where, and what became of the old
    permission."""
    channel, removal = model.channel, model.removal
    if channel is None or removal is None:
        return quiet("⚪ " + lang.say("There is nothing left to do."))
    said = f"🔀 {_headline(lang, model, channel)}"
    old = inert(removal.provider_label, 40)
    kept = (
        lang.say(
            "{who} switched it from {old}. Owner, use and history stayed as they were.",
            who=mention(model.actor),
            old=old,
        )
        if model.actor
        else lang.say("It was switched from {old}. Owner, use and history stayed as they were.", old=old)
    )
    at = removal.revocation_at
    asked = [context(lang.say("As of {when}", when=instant(lang, at)))] if at else []
    first = Operation.ENABLE if channel.state is State.DISABLED else Operation.SEE
    see = [] if channel.state is State.REMOVED else actions(operation_button(lang, first, channel))
    return message(said, [section(f"{bold(said)}\n{kept}"), *old_side_blocks(lang, removal), *asked, *see])


def _headline(lang: Language, model: NoticeModel, channel: Channel) -> str:
    address, new = inert(channel.address), inert(provider_of(model.notice.about.get("to", "")), 40)
    if channel.state is State.DISABLED:
        return lang.say("{address} is at {new} now, and still disabled", address=address, new=new)
    return lang.say("{address} works through {new} now", address=address, new=new)


ADMINS_UNDO: Final = "admins.undo"
"""Carries the change."""


def role_changed_notice(lang: Language, model: NoticeModel) -> Message:
    """What changed for this reader, or what they did; later, that it was undone."""
    change, reader = model.role_change, model.notice.recipient
    if change is None:
        return quiet(lang.say("There is nothing left to do."))
    own = _own(lang, change) if reader == change.actor else _theirs(lang, change, reader)
    if change.undone_by:
        undone = lang.say("{who} undid it.", who=mention(change.undone_by))
        return quiet("↩️ " + lang.together(own, undone))
    said = f"{'↩️' if change.undoes else '🔑'} {own}"
    lines = [said, *_means(lang, change, reader), *_along(lang, change, reader)]
    if reader != change.actor and not model.may_undo:
        who = mention(change.actor)
        lines.append(lang.say("If that is a mistake, talk to {who}.", who=who))
    undo = [button(lang.say("Undo"), ADMINS_UNDO, value=change.id)] if model.may_undo else []
    return message(said, [section("\n".join(lines)), *actions(*undo)])


def _own(lang: Language, change: RoleChange) -> str:
    whom = holder(change.subject)
    if change.role is Role.SUPER_ADMIN:
        if change.is_given:
            return lang.say("You made {whom} a super admin.", whom=whom)
        return lang.say("You took {whom} off the super admins.", whom=whom)
    if change.is_given:
        return lang.say("You gave {whom} account access.", whom=whom)
    return lang.say("You took account access from {whom}.", whom=whom)


def _theirs(lang: Language, change: RoleChange, reader: str) -> str:
    """By what their highest role was before and is since."""
    who = mention(change.actor)
    before, after = next((pair for one, pair in change.people.items() if one == reader), _NOTHING)
    if after is Role.SUPER_ADMIN:
        return lang.say("{who} made you a super admin.", who=who)
    if before is Role.SUPER_ADMIN and after is Role.ACCOUNT_ACCESS:
        return lang.say("{who} took you off the super admins. You keep account access.", who=who)
    if before is Role.SUPER_ADMIN:
        return lang.say("{who} took you off the super admins.", who=who)
    if after is Role.ACCOUNT_ACCESS:
        return lang.say("{who} gave you account access.", who=who)
    return lang.say("{who} took your account access away.", who=who)


_NOTHING: Final = (Role.ACCOUNT_ACCESS, Role.MEMBER)


def _means(lang: Language, change: RoleChange, reader: str) -> list[str]:
    """What this reader may do from now on, where it is theirs."""
    after = next((pair[1] for one, pair in change.people.items() if one == reader), None)
    if after is None or reader == change.actor:
        return []
    if after in {Role.SUPER_ADMIN, Role.ACCOUNT_ACCESS}:
        told = lang.say("You are told when a team address stops working.")
    else:
        told = lang.say("You are no longer told when a team address stops working, unless you connected it.")
    return [lang.say("From now on you may: {what}.", what=role_words(lang, after)[1]), told]


def _along(lang: Language, change: RoleChange, reader: str) -> list[str]:
    if not change.along or reader != change.actor or change.undone_by:
        return []
    return [lang.say("Super admins as before: {people}.", people=people(lang, change.along))]


def holder(subject: str) -> str:
    """A person, or everybody in a Slack user group."""
    is_group = subject.startswith("S") and subject.isalnum() and subject.isascii()
    return f"<!subteam^{subject}>" if is_group else mention(subject)


def moved_notice(lang: Language, model: NoticeModel) -> Message:
    """Where the mail goes, what that means for the inbox, and the way on."""
    channel, mail = model.channel, model.mail
    if channel is None or mail is None or not model.is_open:
        return quiet(_over(lang, model))
    said = "📭 " + _move_headline(lang, channel, mail)
    lines = [
        escape(mail_words(lang, mail)),
        _move_means(lang, model, channel),
        escape(way_words(lang, mail, provider_of(channel.provider))),
    ]
    text = "\n".join(line for line in (bold(said), *lines) if line)
    return message(said, [section(text), *_ways(lang, channel, mail)])


def _move_headline(lang: Language, channel: Channel, mail: Mail) -> str:
    address = inert(channel.address)
    if mail.place == NOWHERE:
        return lang.say("The domain of {address} no longer accepts mail", address=address)
    return lang.say("New mail for {address} goes elsewhere", address=address)


def _move_means(lang: Language, model: NoticeModel, channel: Channel) -> str:
    at = inert(company(model.provider_label), 40)
    if channel.state is State.DISCONNECTED:
        return lang.say("The inbox was connected at {company} and has stopped working there.", company=at)
    return lang.say(
        "The inbox is connected at {company}. That still works, but no new mail arrives there any more.",
        company=at,
    )


def _ways(lang: Language, channel: Channel, mail: Mail) -> list[Block]:
    return actions(*following(lang, channel, mail, frozenset(Operation)), why_button(lang, channel))


def _over(lang: Language, model: NoticeModel) -> str:
    """How it was settled, in one grey line."""
    channel = model.channel
    if channel is None:
        return "⚪ " + lang.say("There is nothing left to do.")
    address = inert(channel.address)
    left = model.notice.about.get("left", "")
    if channel.state is State.REMOVED:
        return "⚪ " + lang.say("{address} was removed. There is nothing to do.", address=address)
    if channel.provider != left:
        return "✅ " + lang.say(
            "{address} was switched to {provider}. There is nothing to do.",
            address=address,
            provider=inert(model.provider_label, 40),
        )
    if channel.state is State.DISABLED:
        return "⚪ " + lang.say("{address} was disabled. There is nothing to do.", address=address)
    return "✅ " + lang.say(
        "New mail for {address} goes to {company} again. There is nothing to do.",
        address=address,
        company=inert(company(model.provider_label), 40),
    )
