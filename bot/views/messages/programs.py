"""What super admins hear of the programs that use mailboxes: keys that end, receivers that take nothing."""

from __future__ import annotations

from bot.domain.api_key import OPERATOR, ApiKey, OwnerAnswer
from bot.domain.view_models import NoticeModel
from bot.domain.webhook import OffReason
from bot.views.blocks import Block, Message, actions, button, inert, instant, mention, message, quiet, section
from bot.views.buttons import KEYS, WEBHOOKS, key_buttons
from bot.views.i18n import Language


def webhook_off_notice(lang: Language, model: NoticeModel) -> Message:
    """A receiver took nothing for three days, or said that it is gone."""
    webhook = model.webhook
    if webhook is None:
        return quiet("✅ " + lang.say("This webhook was removed. There is nothing to do."))
    name, host = inert(webhook.name, 60), f"`{inert(webhook.host, 60)}`"
    if not model.is_open:
        return quiet("✅ " + lang.say("The webhook {name} works again. There is nothing to do.", name=name))
    said = "🔌 " + lang.say("The webhook {name} was switched off.", name=name)
    why = (
        lang.say("The receiver at {host} answered that it is gone for good (410).", host=host)
        if webhook.off_reason is OffReason.GONE
        else _failing(lang, host, webhook.last_answer)
    )
    means = lang.say("That program no longer hears when a mailbox disconnects or works again.")
    what = lang.say(
        "Repair the receiver, then switch the webhook on again. If it is not needed any more, remove it."
    )
    way = actions(button(lang.say("Webhooks"), WEBHOOKS, value="0"))
    return message(said, [section("\n".join([said, why, means, what])), *way])


def webhook_orphaned_notice(lang: Language, model: NoticeModel) -> Message:
    """Whoever made a webhook is not in the workspace any more."""
    webhook = model.webhook
    if webhook is None:
        return quiet("✅ " + lang.say("This webhook was removed. There is nothing to do."))
    about = {"person": mention(webhook.created_by), "name": inert(webhook.name, 60)}
    if model.is_back:
        back = lang.say("{person}, who made the webhook {name}, is back. There is nothing to do.", **about)
        return quiet("✅ " + back)
    said = "🔌 " + lang.say("{person}, who made the webhook {name}, has left the workspace.", **about)
    means = lang.say(
        "It works on: {host} is told what becomes of team addresses.", host=f"`{inert(webhook.host, 60)}`"
    )
    what = lang.say(
        "If somebody here runs that receiver, make a new secret for it: the old one may be known to whoever "
        "left. If nobody does, remove the webhook."
    )
    way = actions(button(lang.say("Webhooks"), WEBHOOKS, value="0"))
    return message(said, [section("\n".join([said, means, what])), *way])


def _failing(lang: Language, host: str, last_answer: str) -> str:
    if last_answer.isdigit():
        return lang.say(
            "The receiver at {host} has taken nothing for three days; its last answer was {answer}.",
            host=host,
            answer=f"`{inert(last_answer, 40)}`",
        )
    said = lang.say("The receiver at {host} has taken nothing for three days.", host=host)
    return lang.together(said, receiver_answer(lang, last_answer))


# ruff: noqa: PLR0911 - one return per case is how a closed set reads best


def receiver_answer(lang: Language, word: str) -> str:
    """What a receiver answered last, or in words why there was no answer."""
    if word.isdigit():
        return lang.say("Its last answer was {answer}.", answer=f"`{inert(word, 40)}`")
    match word:
        case "timeout":
            return lang.say("It does not answer within 15 seconds.")
        case "no_connection":
            return lang.say("It cannot be reached: there is no connection to it.")
        case "certificate":
            return lang.say("Its certificate is not one that is trusted.")
        case "not_http":
            return lang.say("What it answers is not HTTP.")
        case "unknown_host":
            return lang.say("Its name is unknown.")
        case "not_a_host_name":
            return lang.say("Its address must be a name, not a number.")
        case "not_a_full_name":
            return lang.say("Its name must be a full one, with a dot.")
        case "not_a_public_host":
            return lang.say(
                "It is in an inner network: whoever runs Inboxkeeper can allow that ({setting}).",
                setting="`INBOXKEEPER_WEBHOOK_ALLOWED_NETWORKS`",
            )
        case "port_not_allowed":
            return lang.say(
                "Its port is not allowed: whoever runs Inboxkeeper can change that ({setting}).",
                setting="`INBOXKEEPER_WEBHOOK_ALLOWED_PORTS`",
            )
        case "not_encrypted":
            return lang.say("Its address must begin with https, unless it is in an allowed inner network.")
        case _:
            return lang.say("Its address is unknown, or Inboxkeeper is not allowed to call it.")


def key_ends_notice(lang: Language, model: NoticeModel) -> Message:
    """A program's key runs out."""
    key = model.api_key
    if key is None or not model.is_open:
        return _key_is_over(lang)
    said = "⏳ " + lang.say(
        "The key of the program {name} expires on {ends}.",
        name=inert(key.name, 60),
        ends=instant(lang, key.expires_at),
    )
    means = lang.say("After that, the program gets no access to mailboxes.")
    what = lang.say(
        "If it is still needed, make a new key, give it to the program, and revoke this one ({key}).",
        key=f"`{key.id}`",
    )
    return message(said, [section("\n".join([said, means, what])), *_way(lang)])


def key_orphaned_notice(lang: Language, model: NoticeModel) -> Message:
    """Whoever made a program's key is not in the workspace any more."""
    key = model.api_key
    if key is None or not (model.is_open or model.is_back):
        return _key_is_over(lang)
    about = {"person": mention(key.created_by), "name": inert(key.name, 60)}
    if model.is_back:
        back = lang.say("{person} looks after the program {name}. There is nothing to do.", **about)
        return quiet("✅ " + back)
    said = "🔑 " + lang.say("{person} has left the workspace, and looked after the program {name}.", **about)
    means = lang.say("The key works on, and whoever has a copy of it can use the mailboxes that it is for.")
    what = lang.say("If nobody here looks after that program, revoke the key ({key}).", key=f"`{key.id}`")
    return message(said, [section("\n".join([said, means, what])), *_way(lang)])


def _way(lang: Language) -> list[Block]:
    """To the list, where keys are made and revoked."""
    return actions(button(lang.say("Program keys"), KEYS, value="0"))


def key_asks_notice(lang: Language, model: NoticeModel) -> Message:
    """Somebody made a key that may use this reader's own inbox, if they say so."""
    key, channel = model.api_key, model.channel
    asked = key.asked.get(channel.id) if key is not None and channel is not None else None
    if key is None or channel is None or asked is None or not model.is_open:
        return quiet("⚪ " + lang.say("This key can no longer use your inbox. There is nothing to do."))
    names = {"program": inert(key.name, 60), "address": inert(channel.address)}
    if asked.answer is OwnerAnswer.ALLOWED:
        said = "🔓 " + lang.say("You allowed the program {program} to use {address}.", **names)
        means = _can_do(lang, key)
        what = lang.say(
            "Have you changed your mind? Take it back here or in the inbox's details: the program gets "
            "nothing from then on, and access that it was given ends within 90 minutes. If it was not you "
            "who allowed it, say so: it is taken back, and the super admins are told."
        )
    elif asked.answer is OwnerAnswer.DECLINED:
        said = "🔒 " + lang.say("The program {program} may not use {address}.", **names)
        means = lang.say("That is what you said. It gets no access; you can allow it at any time.")
        what = ""
    else:
        who = maker(lang, model.actor or key.created_by)
        said = "🔑 " + lang.say(
            "{who} wants the program {program} to use your inbox {address}.", who=who, **names
        )
        means = _can_do(lang, key)
        what = lang.say(
            "Until you allow it, the program gets nothing. You decide, and can take it back at any time."
        )
    text = "\n".join(filter(None, [said, means, what]))
    return message(said, [section(text), *actions(*key_buttons(lang, key, channel))])


def key_disowned_notice(lang: Language, model: NoticeModel) -> Message:
    """An owner says that somebody else gave their yes."""
    key, channel = model.api_key, model.channel
    if key is None or channel is None or not model.is_open:
        return _key_is_over(lang)
    said = "⚠️ " + lang.say(
        "{owner} says that it was not them who let the program {program} use {address}.",
        owner=mention(model.actor or ""),
        program=inert(key.name, 60),
        address=inert(channel.address),
    )
    means = lang.say(
        "It is taken back: the program gets nothing there, and access that it was given ends within 90 "
        "minutes."
    )
    what = lang.say(
        "Somebody may have used their Slack account. Ask {owner}, and if nobody here knows that program, "
        "revoke its key ({key}).",
        owner=mention(model.actor or ""),
        key=f"`{key.id}`",
    )
    return message(said, [section("\n".join([said, means, what])), *_way(lang)])


def _can_do(lang: Language, key: ApiKey) -> str:
    """What a yes means."""
    return lang.say(
        "With that it can read, send or delete mail as far as the permission goes that you gave when you "
        "connected, until {ends}.",
        ends=instant(lang, key.expires_at),
    )


def maker(lang: Language, who: str) -> str:
    return lang.say("Whoever runs Inboxkeeper") if who == OPERATOR else mention(who)


def _key_is_over(lang: Language) -> Message:
    return quiet("✅ " + lang.say("This key no longer works. There is nothing to do."))
