"""What only the operator can mend."""

from __future__ import annotations

from datetime import datetime

from bot.domain.incident import SLACK
from bot.domain.request import Request
from bot.views.blocks import Message, bold, escape, inert, instant, mention, message, section, to_type
from bot.views.language import Language
from bot.views.models import NoticePicture
from bot.views.notices.quiet import quiet
from bot.views.words import house, operator_words, socket_words, wish_words


def operator_picture(lang: Language, picture: NoticePicture) -> Message:
    """The provider refuses our own registration, or Slack our connection. The notice's subject names who,
    the code and the day."""
    provider, code = _matter(picture.notice.subject)
    if provider == SLACK:
        return _socket_notice(lang, picture, code)
    at = inert(house(picture.provider_label), 40)
    if not picture.is_open:
        return quiet(
            "✅ " + lang.say("{house} accepts Inboxkeeper's client again. There is nothing to do.", house=at)
        )
    words = operator_words(lang, picture.provider_label, code)
    said = f"🔧 {escape(words.why)}"
    return message(said, [section("\n".join([said, escape(words.next_step), _nobody_else(lang)]))])


def silence_notice(lang: Language, picture: NoticePicture) -> Message:
    """Probes do not finish. The notice's subject is since when."""
    if not picture.is_open:
        return quiet("✅ " + lang.say("Inbox checks are running again. There is nothing to do."))
    said = "🔧 " + lang.say("Inboxkeeper has stopped checking inboxes.")
    when = instant(lang, datetime.fromisoformat(picture.notice.subject))
    why = lang.say(
        "Noticed {when}. That is its own fault, not a mail provider's. Until it is mended, an inbox may stop "
        "working without anybody being told.",
        when=when,
    )
    what = lang.say("Look at the log and at {path}, then restart Inboxkeeper.", path="`/readyz`")
    return message(said, [section("\n".join([said, why, what, _nobody_else(lang)]))])


def storage_notice(lang: Language, picture: NoticePicture) -> Message:
    """The database could not be written. The notice's subject is from when to when."""
    began, _, ended = picture.notice.subject.partition("/")
    said = "🔧 " + lang.say(
        "Inboxkeeper could not write to its database from {began} to {ended}.",
        began=instant(lang, datetime.fromisoformat(began)),
        ended=instant(lang, datetime.fromisoformat(ended)),
    )
    why = lang.say(
        "No inbox was checked in that time, and nobody could be told of anything. It works again: whatever "
        "happened meanwhile is found out now."
    )
    what = lang.say(
        "The log says what the database answered: a full disk, a lock, or a server that was away."
    )
    return message(said, [section("\n".join([said, why, what, _nobody_else(lang)]))])


def groups_notice(lang: Language, picture: NoticePicture) -> Message:
    """User groups cannot be read. The notice's subject is why, and since when."""
    if not picture.is_open:
        return quiet("✅ " + lang.say("User groups can be read again. There is nothing to do."))
    said = "🔧 " + lang.say("Inboxkeeper cannot read Slack's user groups.")
    means = lang.say(
        "Whoever has account access through a group alone cannot use it meanwhile, and after two hours is no "
        "longer told of outages."
    )
    what = (
        lang.say(
            "Give the Slack app the permission {scope} again (an app reinstall may have dropped it), or "
            "choose people one by one with {command}.",
            scope="`usergroups:read`",
            command=to_type(picture.command, lang.say("admins")),
        )
        if picture.notice.subject.startswith("closed")
        else lang.say("Slack does not answer that question. It is asked again every few minutes.")
    )
    return message(said, [section("\n".join([said, means, what]))])


def _nobody_else(lang: Language) -> str:
    return lang.say("Nobody else was told, and no inbox is called disconnected because of this.")


def _socket_notice(lang: Language, picture: NoticePicture, code: str) -> Message:
    if not picture.is_open:
        return quiet("✅ " + lang.say("Slack is connected to Inboxkeeper again. There is nothing to do."))
    words = socket_words(lang, code)
    said = f"🔧 {escape(words.why)}"
    what = lang.say(
        "Until then commands and buttons get no answer. Inboxes are checked and people are told as ever."
    )
    return message(said, [section("\n".join([said, escape(words.next_step), what]))])


def _matter(subject: str) -> tuple[str, str]:
    """Who refuses us, and with which code."""
    provider, _, rest = subject.partition(":")
    return provider, rest.partition(":")[0]


def nobody_told_notice(lang: Language, picture: NoticePicture) -> Message:
    """None of those who should know of an outage, or answer a request, could be written to."""
    if picture.request is not None:
        return _nobody_asked(lang, picture, picture.request)
    address = inert(picture.channel.address) if picture.channel else "–"
    if not picture.is_open:
        return quiet(
            "✅ " + lang.say("{address}: the outage is over. There is nothing to do.", address=address)
        )
    said = "📵 " + lang.say("{address} stopped working, and nobody could be told.", address=address)
    why = lang.say(
        "Everybody who should know has left, or cannot get messages from the bot. Please tell somebody in "
        "charge yourself; {command} shows who is told.",
        command=to_type(picture.command, lang.say("admins")),
    )
    return message(said, [section(f"{said}\n{why}")])


def _nobody_asked(lang: Language, picture: NoticePicture, request: Request) -> Message:
    wish = escape(wish_words(lang, request.wish))
    if not request.is_open:
        return quiet("✅ " + lang.say("{wish}: decided. There is nothing to do.", wish=wish))
    said = "📵 " + lang.say(
        "{who} asks for something, and no admin could be told.", who=mention(request.requester)
    )
    why = lang.say(
        "Every admin has left, or cannot get messages from the bot. Please ask somebody in charge yourself; "
        "{command} shows who they are.",
        command=to_type(picture.command, lang.say("admins")),
    )
    return message(said, [section("\n".join([said, bold(wish), why]))])
