"""Answers to a slash command or a button, seen only by whoever asked."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.channel import Channel
from bot.domain.errors import GuestNotAllowed, InboxkeeperError, NotSetUp, WrongWorkspace
from bot.views.blocks import Message, actions, context, escape, inert, instant, message, section, to_type
from bot.views.buttons import connect_button, overview_button
from bot.views.language import Language
from bot.views.models import Removal
from bot.views.reports import enabled_blocks, enabled_text, removal_blocks
from bot.views.sorry import apology_text, busy_text, directory_away_text, refusal_text
from bot.views.words import Words, refusal_words
from bot.views.words.verbs import verb_words

_LISTED = 20
_STRANGERS = (GuestNotAllowed, WrongWorkspace, NotSetUp)
"""Refused for who they are or where: no command helps them on."""
_TOGETHER = 5
"""Addresses in a section: five of the longest fit."""


def help_message(lang: Language, command: str) -> Message:
    """All verbs, one line each."""
    called = inert(command)
    lines = "\n".join(f"`{called} {verb}`  {meaning}" for verb, meaning in _verbs(lang))
    intro = lang.say("Inboxkeeper keeps mailboxes connected and tells you when one is not.")
    return message(
        escape(intro),
        [section(escape(intro)), section(lines), *actions(connect_button(lang), overview_button(lang))],
    )


def _verbs(lang: Language) -> tuple[tuple[str, str], ...]:
    address = lang.say("<address>").replace("<", "&lt;").replace(">", "&gt;")
    return (
        (lang.say("connect") + f" {address}", lang.say("connect an inbox")),
        (lang.say("list"), lang.say("your inbox and all team addresses")),
        (lang.say("status") + f" {address}", lang.say("one inbox in detail")),
        (lang.say("disconnect") + f" {address}", lang.say("disable or remove, explained")),
        (lang.say("disable") + f" {address}", lang.say("stop using it, keep the permission")),
        (lang.say("enable") + f" {address}", lang.say("use it again")),
        (lang.say("remove") + f" {address}", lang.say("forget it, and give the permission back")),
        (lang.say("reconnect") + f" {address}", lang.say("sign in again: same inbox, same settings")),
        (lang.say("switch") + f" {address}", lang.say("to another provider, everything else kept")),
        (lang.say("permissions") + f" {address}", lang.say("what is asked for and why, what was granted")),
        (lang.say("why") + f" {address}", lang.say("what was seen, who was told, what they did")),
        (lang.say("drill") + f" {address}", lang.say("who would be told, in which words: a rehearsal")),
        (lang.say("export"), lang.say("the history of all inboxes as a file")),
        (lang.say("admins"), lang.say("who decides, and who gets told")),
        (lang.say("help"), lang.say("this list")),
    )


def unknown_verb_message(lang: Language, typed: str, nearest: str | None, command: str) -> Message:
    """Help, after saying what was not understood and what may have been meant."""
    said = lang.say("“{typed}” is not something I know.", typed=inert(typed, 40))
    if nearest:
        meant = to_type(command, inert(nearest, 40))
        said = lang.together(said, lang.say("Did you mean {command}?", command=meant))
    return message(said, [section(said), *help_message(lang, command)["blocks"][1:]])


def which_address_message(lang: Language, verb: str, addresses: Sequence[str], command: str) -> Message:
    """The verb needs an address and there is more than one (or none) to choose from."""
    if not addresses:
        said = lang.say("You have no inbox here yet.")
        return message(said, [section(said), *actions(connect_button(lang, primary=True))])
    said = lang.say("Which inbox?")
    meant = inert(verb_words(lang, verb), 40)
    lines = [f"• {to_type(command, meant, inert(one))}" for one in addresses[:_LISTED]]
    rest = len(addresses) - _LISTED
    more = [context(lang.count("and {n} more", "and {n} more", rest))] if rest > 0 else []
    parts = [
        section("\n".join(lines[start : start + _TOGETHER])) for start in range(0, len(lines), _TOGETHER)
    ]
    return message(said, [section(said), *parts, *more])


def refusal_message(lang: Language, refusal: InboxkeeperError, command: str) -> Message:
    words = refusal_words(lang, refusal)
    if isinstance(refusal, _STRANGERS):
        return message(escape(words.title), [section(refusal_text(lang, words))])
    hint = lang.say("{command} shows your inboxes.", command=to_type(command, lang.say("list")))
    return message(escape(words.title), [section(refusal_text(lang, words)), context(hint)])


def apology_message(lang: Language, reference: str) -> Message:
    """A bug. The reference leads whoever runs the bot to the log."""
    return _plain(apology_text(lang, reference))


def working_message(lang: Language) -> Message:
    return _plain(lang.say("One moment, please."))


def busy_message(lang: Language) -> Message:
    """The database is away."""
    return _plain(busy_text(lang))


def directory_away_message(lang: Language) -> Message:
    """Slack could not say who is asking, so the answer is no."""
    return _plain(directory_away_text(lang))


def too_late_message(lang: Language) -> Message:
    """A click opens a dialog for three seconds only, and they were over."""
    said = lang.say("Slack closed the window before it could open, so nothing was done.")
    return _plain(said + "\n" + lang.say("Please try again."))


def enabled_message(lang: Language, channel: Channel, *, provider_label: str) -> Message:
    return message(enabled_text(lang, channel, provider_label), enabled_blocks(lang, channel, provider_label))


def removed_message(lang: Language, removal: Removal) -> Message:
    """Both sides of a removal, and as of when the provider's side is known."""
    address = inert(removal.channel.address)
    said = (
        lang.say("{address} was switched to {provider}.", address=address, provider=inert(removal.now_at, 40))
        if removal.now_at
        else lang.say("{address} was removed.", address=address)
    )
    at = removal.revocation_at
    asked = [context(lang.say("As of {when}", when=instant(lang, at)))] if at else []
    return message(said, [*removal_blocks(lang, removal), *asked])


def done_message(lang: Language, words: Words) -> Message:
    """Any other answer that is already in words."""
    return message(escape(words.title), [section(refusal_text(lang, words))])


def _plain(text: str) -> Message:
    return message(text, [section(text)])
