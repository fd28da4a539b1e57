"""Answers to a slash command or a button, seen only by whoever asked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from bot.domain.access import Operation
from bot.domain.channel import Cause, Channel, State
from bot.domain.errors import GuestNotAllowed, InboxkeeperError, UnknownAddress, WrongWorkspace
from bot.domain.grant import Revocation
from bot.domain.view_models import Removal
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
    link,
    message,
    section,
    select,
    to_type,
    value_of,
)
from bot.views.buttons import (
    ADMINS,
    DISABLE,
    DISCONNECT,
    DRILL,
    EDIT,
    ENABLE,
    HELP,
    MORE,
    RECONNECT,
    REMOVE,
    STATUS,
    SWITCH,
    WHY,
    approve_buttons,
    check_button,
    connect_button,
    offered,
    operation_button,
    overview_button,
    typed_button,
)
from bot.views.home import people
from bot.views.i18n import Language
from bot.views.text import clip, shown
from bot.views.wording import (
    Explanation,
    manual_steps,
    refusal_words,
    revocation_words,
    state_mark,
    trouble_words,
)
from bot.views.wording.approvals import until_words
from bot.views.wording.names import verb_words

_LONGEST: Final = 190
"""Longer only with foreign text in it. Escaped (five for one), three of these fit into a section."""


def refusal_text(lang: Language, words: Explanation) -> str:
    """What is so, why, what next, and whom to ask, as mrkdwn."""
    asked = people(lang, words.ask) if words.ask else ""
    next_step = lang.together(_safe(words.next_step), asked)
    valid = until_words(lang, instant(lang, words.until)) if words.until else ""
    lines = [bold(_safe(words.title)), lang.together(_safe(words.text), valid), next_step]
    return "\n".join(line for line in lines if line)


def _safe(text: str) -> str:
    return escape(clip(text, _LONGEST))


def apology_text(lang: Language, reference: str) -> str:
    return lang.say(
        "Something broke on our side; it has been logged. Please try again. If it happens again, give "
        "whoever runs Inboxkeeper this reference: {reference}",
        reference=f"`{inert(reference, 40)}`",
    )


def busy_text(lang: Language) -> str:
    return lang.say(
        "Inboxkeeper cannot reach its database at the moment. Nothing was changed and nothing is lost."
    ) + ("\n" + lang.say("Please try again in a minute."))


def directory_away_text(lang: Language) -> str:
    return lang.say("Slack did not tell us in time who you are, so nothing was done.") + (
        "\n" + lang.say("Please try again in a minute.")
    )


def slack_away_text(lang: Language) -> str:
    return lang.say("Slack did not accept the message that had to be posted first, so nothing was done.") + (
        "\n" + lang.say("Please try again in a minute.")
    )


_BY_HAND = frozenset({Revocation.NOT_CONFIRMED, Revocation.BY_HAND})
_CHECKABLE = frozenset({Revocation.NOT_CONFIRMED, Revocation.REQUESTED, Revocation.BY_HAND})


def enabled_blocks(lang: Language, channel: Channel, provider_label: str) -> list[Block]:
    """The result of the check that enabling goes through."""
    mends = channel.state in {State.DISCONNECTED, State.DISABLED} and Operation.RECONNECT in offered(
        channel, frozenset(Operation)
    )
    buttons = actions(operation_button(lang, Operation.RECONNECT, channel, primary=True)) if mends else []
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
        return lang.say("{address} is removed from Inboxkeeper.", address=address)
    return lang.say(
        "{address} stays in Inboxkeeper: it is now connected at {provider}.",
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
    if not url:  # nobody knows the way there
        return context(escape(" ".join(steps)))
    lines = [lang.say("By hand: {steps}", steps=escape(" › ".join(steps)))]
    if with_link:
        lines.append(link(url, lang.say("Open that page")))
    return context("\n".join(lines))


def _kept(lang: Language, removal: Removal) -> list[Block]:
    """Why something is still kept here, and until when."""
    if removal.kept_until is None or removal.revocation is not Revocation.BY_HAND:
        return []
    when = instant(lang, removal.kept_until)
    return [
        context(
            lang.say("We keep our access only to check whether it is gone, until {when} at most.", when=when)
        )
    ]


def _check(lang: Language, removal: Removal) -> list[Block]:
    is_over = removal.by_hand and removal.kept_until is None
    if removal.grant_id is None or is_over or removal.revocation not in _CHECKABLE:
        return []
    return actions(check_button(lang, removal.grant_id))


CANDIDATES: Final = 100
"""As many as a menu takes."""
_STRANGERS = (GuestNotAllowed, WrongWorkspace)
"""Refused for who they are or where: no command helps them on."""


def help_message(lang: Language, command: str, *, is_admin: bool = False, has_keys: bool = False) -> Message:
    """By what people want, with a button for the commonest of each; ``is_admin``: with what only super admins
    may do, which with ``has_keys`` is to let programs in, too."""
    intro = lang.say("Inboxkeeper keeps mailboxes connected and tells you when one stops working.")
    how = lang.say("After most of these you may name an address; without one you choose from a list.")
    groups = [section(text, way) for text, way in _grouped(lang, command, is_admin, has_keys)]
    return message(
        escape(intro), [section(escape(intro)), *groups, context(how), *actions(overview_button(lang))]
    )


@lru_cache(maxsize=16)
def _grouped(lang: Language, command: str, is_admin: bool, has_keys: bool) -> tuple[tuple[str, Block], ...]:
    """The same for everybody who reads a language and may do as much."""
    return tuple(
        ("\n".join([bold(name), *(_verb_line(command, *it) for it in verbs)]), way)
        for name, verbs, way in _verb_groups(lang, is_admin=is_admin, has_keys=has_keys)
    )


def _verb_line(command: str, verb: str, meaning: str) -> str:
    return f"{to_type(command, inert(verb))}  {meaning}"


_Group = tuple[str, tuple[tuple[str, str], ...], Block]


def _verb_groups(lang: Language, *, is_admin: bool, has_keys: bool) -> tuple[_Group, ...]:
    everyday = (
        (lang.say("connect"), lang.say("connect an inbox")),
        (lang.say("list"), lang.say("your inbox and all team addresses")),
        (lang.say("status"), lang.say("one inbox in detail")),
        (lang.say("report"), lang.say("how well inboxes worked in the last 30 days")),
        (lang.say("edit"), lang.say("its name, what depends on it, who is told")),
    )
    stopped = (
        (lang.say("reconnect"), lang.say("sign in again: same inbox, same settings")),
        (lang.say("why"), lang.say("what was seen, who was told, what they did")),
        (lang.say("switch"), lang.say("to another provider, everything else kept")),
    )
    ending = (
        (lang.say("disable"), lang.say("stop using it, keep the permission")),
        (lang.say("enable"), lang.say("use it again")),
        (lang.say("remove"), lang.say("remove it and revoke the permission")),
        (lang.say("disconnect"), lang.say("disable or remove, explained")),
    )
    rights = (
        (lang.say("admins"), lang.say("who decides, and who gets told")),
        (lang.say("permissions"), lang.say("what is asked for and why, what was granted")),
    )
    only = (
        (lang.say("drill"), lang.say("who would be told, in which words: a rehearsal")),
        (lang.say("export"), lang.say("the history of all inboxes as a file")),
    )
    programs = (
        (lang.say("keys"), lang.say("which programs get access to inboxes")),
        (lang.say("webhooks"), lang.say("which programs are told what becomes of them")),
    )
    return (
        (lang.say("Everyday"), everyday, connect_button(lang)),
        (lang.say("When it stops working"), stopped, typed_button(lang.say("Reconnect"), "reconnect")),
        (lang.say("Pause or end"), ending, typed_button(lang.say("Disconnect…"), "disconnect")),
        (
            lang.say("Who may what"),
            (*rights, *(only if is_admin else ()), *(programs if is_admin and has_keys else ())),
            button(lang.say("Admins"), ADMINS),
        ),
    )


def unknown_verb_message(
    lang: Language, typed: str, nearest: str | None, command: str, *, rest: str = ""
) -> Message:
    """What was not understood, and what may have been meant as a button; all that there is is one press
    away."""
    said = lang.say("“{typed}” is not a command.", typed=inert(typed, 40))
    buttons = [button(lang.say("Help"), HELP)]
    if nearest:
        meant = to_type(command, inert(nearest, 40))
        said = lang.together(said, lang.say("Did you mean {command}?", command=meant))
        run = lang.say("Run {command}", command=f"{shown(command, 10)} {shown(nearest, 12)}")
        buttons.insert(0, typed_button(run, f"{nearest} {rest}".strip()))
    return message(said, [section(said), *actions(*buttons)])


_PICKED: Final = {
    "status": STATUS,
    "disconnect": DISCONNECT,
    "disable": DISABLE,
    "enable": ENABLE,
    "remove": REMOVE,
    "reconnect": RECONNECT,
    "switch": SWITCH,
    "edit": EDIT,
    "why": WHY,
    "drill": DRILL,
}
"""What choosing an inbox does, by the verb."""


def which_address_message(
    lang: Language, verb: str, candidates: Sequence[Channel], command: str, *, has_more: bool = False
) -> Message:
    """The verb needs an address and there is more than one (or none) to choose from; ``has_more``: or there
    may be others than these."""
    if not candidates:
        said = lang.say("You have no inbox here yet.")
        return message(said, [section(said), *actions(connect_button(lang, primary=True))])
    meant = inert(verb_words(lang, verb), 40)
    said = lang.say("{command}: which inbox?", command=to_type(command, meant))
    options = [
        (f"{state_mark(it.state)} {shown(it.address, 70)}", f"{_PICKED.get(verb, STATUS)} {value_of(it)}")
        for it in candidates[:CANDIDATES]
    ]
    way = to_type(command, meant, escape(lang.say("<address>")))
    more = [context(lang.say("For one that is not listed: {command}", command=way))]
    choice = select(lang.say("Choose an inbox"), MORE, options)
    return message(
        said, [section(said), *actions(choice), *(more if has_more or len(candidates) > CANDIDATES else [])]
    )


def refusal_message(lang: Language, refusal: InboxkeeperError, command: str) -> Message:
    words = refusal_words(lang, refusal)
    if isinstance(refusal, _STRANGERS):
        return message(escape(words.title), [section(refusal_text(lang, words))])
    if isinstance(refusal, UnknownAddress) and refusal.to_answer is not None:
        said = [section(refusal_text(lang, words)), *actions(*approve_buttons(lang, refusal.to_answer))]
        return message(escape(words.title), said)
    near = refusal.near if isinstance(refusal, UnknownAddress) and refusal.wished is None else ()
    meant = [
        typed_button(lang.say("Show {address}", address=shown(it, 20)), f"status {it}", about=it)
        for it in near
    ]
    if isinstance(refusal, UnknownAddress) and refusal.wished is None and not near:
        label = lang.say("Connect {address}", address=shown(refusal.address, 20))
        meant = [typed_button(label, f"connect {refusal.address}", about=refusal.address)]
    hint = lang.say("{command} shows your inboxes.", command=to_type(command, lang.say("list")))
    return message(
        escape(words.title),
        [section(refusal_text(lang, words)), *(it for one in meant for it in actions(one)), context(hint)],
    )


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


def slack_away_message(lang: Language) -> Message:
    """Slack is away or paces us, and what was asked for begins with a message of ours."""
    return _plain(slack_away_text(lang))


def too_late_message(lang: Language) -> Message:
    """A click opens a dialog for three seconds only, and they were over."""
    said = lang.say("Slack's time limit passed before the window could open, so nothing was done.")
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


def _plain(text: str) -> Message:
    return message(text, [section(text)])
