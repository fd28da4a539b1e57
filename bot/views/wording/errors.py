"""What people read when something is refused: one answer per error, who must act, and the next step."""

from __future__ import annotations

from bot.domain import errors as e
from bot.domain.access import Operation
from bot.domain.channel import Cause, Channel, State
from bot.views.i18n import Language
from bot.views.text import Explanation, shown
from bot.views.wording.approvals import approval_words, waiting_words, wished_words
from bot.views.wording.causes import cause_words
from bot.views.wording.names import company, provider_of

# ruff: noqa: PLR0911, PLR0912 - one return per case is how a closed set reads best


def not_allowed(lang: Language, what: str, who_can: tuple[str, ...]) -> Explanation:
    """``who_can`` are named where that is possible; ``otherwise`` says who they are."""
    otherwise = _who_else(lang, what)
    next_step = lang.say("These people can:") if who_can else otherwise
    return Explanation(lang.say("Not allowed"), _refused(lang, what), next_step, who_can, otherwise)


def _who_else(lang: Language, what: str) -> str:
    match what:
        case "cancel" | "go_on":
            return lang.say("Talk to them about it.")
        case "answer":
            return lang.say("Only the person who got it can answer it.")
        case "take_on":
            return lang.say("Hand it back instead: everybody who was told sees it.")
        case (
            Operation.ENABLE | Operation.RECONNECT | Operation.SWITCH
        ):  # of a personal inbox: no admin can either
            return lang.say("Ask the inbox's owner.")
        case _:
            return lang.say("Ask a super admin.")


def _refused(lang: Language, what: str) -> str:
    match what:
        case Operation.DISABLE:
            return lang.say("You are not allowed to disable this inbox.")
        case Operation.ENABLE:
            return lang.say("You are not allowed to enable this inbox.")
        case Operation.REMOVE:
            return lang.say("You are not allowed to remove this inbox.")
        case Operation.RECONNECT:
            return lang.say("You are not allowed to reconnect this inbox.")
        case Operation.SEE:
            return lang.say("You are not allowed to see this inbox.")
        case Operation.SWITCH:
            return lang.say("You are not allowed to switch this inbox to another provider.")
        case Operation.TAKE_OVER:
            return lang.say("You are not allowed to make this inbox a team address.")
        case Operation.EDIT:
            return lang.say("You are not allowed to edit this inbox.")
        case "admins":
            return lang.say("Only super admins choose admins.")
        case "keys":
            return lang.say("Only super admins see and make program keys.")
        case "drill":
            return lang.say("Only super admins rehearse an outage.")
        case "export":
            return lang.say("Only super admins get the history of all inboxes.")
        case "webhooks":
            return lang.say("Only super admins see and make webhooks.")
        case "approve":
            return lang.say("You are not allowed to answer this request.")
        case "cancel" | "go_on":
            return lang.say("Only whoever asked can do that.")
        case "confirm":
            return lang.say("Only super admins can confirm that.")
        case "answer":
            return lang.say("This message is somebody else's.")
        case "take_on":
            return lang.say(
                "They cannot take it on: they have left, cannot be reached, or are no longer told of it."
            )
        case _:
            return lang.say("You are not allowed to do that.")


# ruff: noqa: PLR0911 - one return per case is how a closed set reads best


_LISTED = 5


def refusal_words(lang: Language, refusal: e.InboxkeeperError, provider_label: str = "Gmail") -> Explanation:
    """Total over ``Refusal`` and ``ProviderError``; an unknown one still gets a calm answer."""
    for words in (_rights, approval_words, _address, _sign_in, _ticket, _changed):
        if answer := words(lang, refusal):
            return answer
    if isinstance(refusal, e.ProviderError):
        return _provider(lang, refusal, provider_label)
    return Explanation(
        lang.say("Not possible"), lang.say("That cannot be done right now."), lang.say("Nothing has changed.")
    )


def _rights(lang: Language, refusal: e.InboxkeeperError) -> Explanation | None:
    match refusal:
        case e.NotAllowed(what, who_can):
            return not_allowed(lang, what, who_can)
        case e.OwnerLeft(channel):
            return Explanation(
                lang.say("Its owner has left"),
                lang.say(
                    "Only the owner of {address} could sign in to it, and has left the workspace.",
                    address=shown(channel.address),
                ),
                lang.say("Make it a team address: then those who look after these can."),
            )
        case e.ProgramsOff():
            return Explanation(
                lang.say("No programs are let in"),
                lang.say(
                    "On this Inboxkeeper, programs get no access to inboxes, so there are no keys and no "
                    "webhooks."
                ),
                lang.say(
                    "If you need it, ask whoever runs Inboxkeeper to set {setting}.",
                    setting="INBOXKEEPER_API=true",
                ),
            )
        case e.GuestNotAllowed():
            return Explanation(
                lang.say("Members only"),
                lang.say("Guests and people of other workspaces cannot use Inboxkeeper."),
                lang.say("Ask a member of this workspace to do it for you."),
            )
        case e.CannotHoldRole():
            return Explanation(
                lang.say("Members only"),
                lang.say("That is a guest, or somebody of another workspace: they can hold no role here."),
                lang.say("Choose a member of this workspace."),
            )
        case e.WrongWorkspace():
            return Explanation(
                lang.say("Another workspace"),
                lang.say("This Inboxkeeper does not serve your workspace."),
                lang.say("Use it in the workspace where it is installed."),
            )
        case e.GroupsClosed():
            return Explanation(
                lang.say("Not possible"),
                lang.say("Inboxkeeper cannot read Slack's user groups."),
                lang.say("Choose people one by one, or ask whoever runs Inboxkeeper to allow it."),
            )
        case e.RightsUnread():
            return Explanation(
                lang.say("Cannot be checked right now"),
                lang.say(
                    "You may do this through a Slack user group, and Slack does not say right now who is in "
                    "it. Nothing has changed, and nothing is lost."
                ),
                lang.say("Try again in a few minutes, or ask a super admin."),
            )
        case e.SignInElsewhere(address, provider):
            return Explanation(
                lang.say("No password needed"),
                lang.say(
                    "{address} is a mailbox at {company}, which has a sign-in of its own. "
                    "Inboxkeeper takes no "
                    "password for it.",
                    address=shown(address),
                    company=company(provider_of(provider)),
                ),
                lang.say(
                    "Go back to Slack and connect it again, choosing {provider}.",
                    provider=provider_of(provider),
                ),
            )
        case e.FormFault():
            return Explanation(
                lang.say("Please check the form"),
                lang.say("A field contains characters that cannot be used here."),
                lang.say("Go back and correct it, or open the link from Slack again."),
            )
        case e.TooManyTries():
            return Explanation(
                lang.say("Too many tries"),
                lang.say("This link was used for too many passwords. Nothing has changed."),
                lang.say("Ask for a new one in Slack."),
            )
        case e.TooManyLogins(wait):
            return Explanation(
                lang.say("Too many tries"),
                lang.say(
                    "Too many passwords were refused within an hour, so this one was not tried: mail hosts "
                    "lock accounts for that. Nothing has changed."
                ),
                lang.say("Try again in {span}.", span=lang.lasting(wait)),
            )
        case e.ProviderOff(provider):
            return Explanation(
                lang.say("{provider} is switched off", provider=provider_of(provider)),
                lang.say("No {provider} client is configured.", provider=provider_of(provider)),
                lang.say("Ask whoever runs Inboxkeeper to add one."),
            )
    return None


def _unknown_address(lang: Language, refusal: e.UnknownAddress, address: str) -> Explanation:
    """Others' own inboxes are unknown to whoever may not see them: of those nothing is said."""
    names = lang.listed(shown(one) for one in refusal.near[:_LISTED])
    if names:
        next_step = lang.say("Did you mean {addresses}?", addresses=names)
    elif refusal.sees_all:
        next_step = lang.say("Look at the list of all inboxes, or connect this one.")
    else:
        next_step = lang.say("Look at the list of your inboxes, or connect this one.")
    said = (
        lang.say("Nobody here has connected {address}.", address=address)
        if refusal.sees_all
        else lang.say("{address} is neither your inbox nor a team address here.", address=address)
    )
    return Explanation(lang.say("No such inbox"), said, next_step)


def _address(lang: Language, refusal: e.InboxkeeperError) -> Explanation | None:
    match refusal:
        case e.UnknownAddress(_, _, wished) if wished is not None:
            return wished_words(lang, wished)
        case e.UnknownAddress(_, _, _, to_answer) if to_answer is not None:
            return waiting_words(lang, to_answer)
        case e.UnknownAddress(address):
            return _unknown_address(lang, refusal, shown(address))
        case e.NotAnAddress(typed):
            return Explanation(
                lang.say("Not an e-mail address"),
                lang.say("“{typed}” is not an e-mail address.", typed=shown(typed, 60)),
                lang.say("Write it like name@example.com."),
            )
        case e.DomainNotAllowed(address, allowed):
            names = lang.listed(shown(one) for one in allowed[:_LISTED])
            return Explanation(
                lang.say("Not this domain"),
                lang.say("{address} cannot be connected here.", address=shown(address)),
                lang.say("Only addresses of these domains can: {domains}.", domains=names),
            )
        case e.TakesNoMail(address):
            return Explanation(
                lang.say("No mail is accepted there"),
                lang.say(
                    "According to its DNS, the domain of {address} accepts no mail at all.",
                    address=shown(address),
                ),
                lang.say("Check the address. If it is right, choose the mailbox's provider."),
            )
        case e.HostUnknown(requested_change, _):
            return Explanation(
                lang.say("Which mail host?"),
                lang.say(
                    "The DNS does not show who hosts the mailbox {address}: the server that accepts its "
                    "mail may be a filter in front of any host.",
                    address=shown(requested_change.address),
                ),
                lang.say(
                    "Where do you open this mailbox? Choose one; you don't have to type anything again."
                ),
            )
        case e.AlreadyConnected(address, by_another):
            return _already(lang, shown(address), by_another)
        case e.InOrder():
            return _in_order(lang, refusal)
        case e.SwitchInstead(channel, provider, (_, wanted)):
            return Explanation(
                lang.say("Already connected"),
                lang.say("{address} is connected at {old}.", address=shown(channel.address), old=provider),
                lang.say(
                    "Is the mailbox at {new} now? Then switch it: everything else stays as it is. If it is "
                    "still at {old}, sign in again there.",
                    new=wanted,
                    old=provider,
                ),
            )
        case e.DisconnectFirst(channel, provider, _):
            return Explanation(
                lang.say("Disconnect first"),
                lang.say(
                    "{address} is connected at {old}. Only between Gmail and Office 365 is the old side "
                    "disconnected by itself. For any other provider: disconnect first, then connect.",
                    address=shown(channel.address),
                    old=shown(provider, 40),
                ),
                lang.say("The button below does both: it asks you to confirm, disconnects, then goes on."),
            )
        case e.OtherKind(address, is_team):
            return _other_kind(lang, shown(address), is_team=is_team)
        case e.CannotPostThere(code="is_archived"):
            return Explanation(
                lang.say("Archived"),
                lang.say("That conversation is archived, and takes no messages."),
                lang.say("Choose another one, or go on without."),
            )
        case e.CannotPostThere(code="restricted_action"):
            return Explanation(
                lang.say("Not open to apps"),
                lang.say(
                    "A setting of this Slack workspace does not let Inboxkeeper post in that conversation."
                ),
                lang.say("Choose another one, or ask a Slack admin to allow it."),
            )
        case e.CannotPostThere():
            return Explanation(
                lang.say("The bot is not in there"),
                lang.say("Inboxkeeper cannot post in that conversation yet."),
                lang.say(
                    "Write {command} there, then try again. Or go on without it, and choose it later by "
                    "editing the inbox.",
                    command="/invite @Inboxkeeper",
                ),
            )
    return None


def _in_order(lang: Language, refusal: e.InOrder) -> Explanation:
    channel, address = refusal.channel, shown(refusal.channel.address)
    is_off = channel.state is State.DISABLED
    edits = _edits(lang, channel) if refusal.may_edit else ""
    next_step = edits or lang.say("See its details for more.")
    if is_off:
        enables = (
            lang.say("Enable it to use it again.")
            if refusal.may_enable
            else lang.say("An admin can enable it: ask for that here.")
        )
        next_step = lang.together(enables, edits)
        return Explanation(
            lang.say("Disabled"), lang.say("{address} is here, but disabled.", address=address), next_step
        )
    return Explanation(
        lang.say("Already connected"),
        lang.say("{address} is connected and works. There is nothing to do.", address=address),
        next_step,
    )


def _edits(lang: Language, channel: Channel) -> str:
    if channel.is_personal:
        return lang.say("To change what depends on it, edit it.")
    return lang.say("To change its name, its use or who is told, edit it.")


def _other_kind(lang: Language, address: str, *, is_team: bool) -> Explanation:
    if is_team:
        return Explanation(
            lang.say("It is a team address"),
            lang.say("{address} is connected as a team address already.", address=address),
            lang.say("To make it personal, remove it first, then connect it as your own."),
        )
    return Explanation(
        lang.say("It is a personal inbox"),
        lang.say("{address} is connected as somebody's own inbox.", address=address),
        lang.say("A super admin can make it a team address."),
    )


def _already(lang: Language, address: str, by_another: bool) -> Explanation:
    if by_another:
        return Explanation(
            lang.say("Already connected"),
            lang.say("{address} is already connected by somebody else.", address=address),
            lang.say("If this should be your inbox, ask a super admin."),
        )
    return Explanation(
        lang.say("Already connected"),
        lang.say("{address} is already connected.", address=address),
        lang.say("Look at its details. If it stopped working, reconnect it."),
    )


def _sign_in(lang: Language, refusal: e.InboxkeeperError) -> Explanation | None:
    match refusal:
        case e.ConsentDeclined():
            return Explanation(
                lang.say("Cancelled"),
                lang.say("The sign-in was cancelled. Nothing has changed."),
                lang.say("Try again whenever you like."),
            )
        case e.ConsentFailed(_, code):
            return Explanation(
                lang.say("Sign-in did not finish"),
                lang.say(
                    "The provider ended the sign-in ({code}). Nothing has changed.",
                    code=shown(code, 60),
                ),
                lang.say("Try again. If it happens again, ask a super admin."),
            )
        case e.SignInClosed(provider, error):
            return _closed(lang, error, company(provider))
    return None


def _closed(lang: Language, error: e.ProviderError, at: str) -> Explanation:
    """A sign-in could not even begin: nothing goes on by itself, and nobody has been told."""
    if isinstance(error, e.ProviderMisconfigured):
        return Explanation(
            lang.say("{company} cannot be connected right now", company=at),
            lang.say(
                "{company} does not accept Inboxkeeper's own registration. Nothing has changed.", company=at
            ),
            lang.say("Tell whoever runs Inboxkeeper, and try again later."),
        )
    return Explanation(
        lang.say("{company} does not answer", company=at),
        lang.say("The sign-in at {company} could not be started. Nothing has changed.", company=at),
        lang.say("Try again from Slack in a few minutes."),
    )


def _ticket(lang: Language, refusal: e.InboxkeeperError) -> Explanation | None:
    start_again = lang.say("Go back to Slack and start again.")
    match refusal:
        case e.TicketUnknown():
            return Explanation(
                lang.say("This link is not valid"),
                lang.say("It is mistyped, incomplete or very old."),
                start_again,
            )
        case e.TicketExpired():
            return Explanation(
                lang.say("This link has expired"),
                lang.say("For your safety, a link is valid for 15 minutes. Nothing has changed."),
                start_again,
            )
        case e.TicketSpent():
            return Explanation(
                lang.say("This link was used already"),
                lang.say("Each link works once."),
                lang.say("Slack shows whether the inbox is connected. If it is not, start again there."),
            )
        case e.ExportTaken():
            return Explanation(
                lang.say("Downloaded already"),
                lang.say("Each link downloads the file once."),
                lang.say("Ask for a new one in Slack."),
            )
        case e.OtherBrowser():
            return Explanation(
                lang.say("Started in another browser"),
                lang.say("For your safety, a sign-in must be finished in the browser where it was started."),
                lang.say("Go back to that browser, or start again from Slack."),
            )
        case e.LinkBusy():
            return Explanation(
                lang.say("One moment, please"),
                lang.say("This link was used several times within a minute. Nothing has changed."),
                lang.say("Wait a minute, then try again."),
            )
        case e.LinkClosed():
            return Explanation(
                lang.say("Nothing left to do"),
                lang.say("The problem this link was for is over."),
                lang.say("You can close this page."),
            )
    return None


def _changed(lang: Language, refusal: e.InboxkeeperError) -> Explanation | None:
    match refusal:
        case e.ReconnectFirst(channel):
            return Explanation(
                lang.say("Reconnect first"),
                lang.say(
                    "The provider no longer accepts our access to {address}.", address=shown(channel.address)
                ),
                lang.say("Reconnect it, then enable it."),
            )
        case e.OutOfDate():
            return Explanation(
                lang.say("That has changed"),
                lang.say("Somebody else has just changed this inbox, so nothing was done."),
                lang.say("Look at its present state and try again."),
            )
        case e.Gone(address):
            named = shown(address)
            return Explanation(
                lang.say("Already removed"),
                lang.say("{address} has been removed.", address=named)
                if named
                else lang.say("This inbox has been removed."),
                lang.say("Connect it again if it is needed."),
            )
    return None


def _provider(lang: Language, error: e.ProviderError, provider_label: str) -> Explanation:
    match error:
        case e.GrantRejected(cause=cause) | e.MailboxGone(cause=cause) | e.AdminActionNeeded(cause=cause):
            known = cause_words(lang, cause, provider_label)
        case e.PermissionMissing():
            known = cause_words(lang, error.cause, provider_label)
        case e.ProviderMisconfigured():
            known = cause_words(lang, Cause.OURS_BROKEN, provider_label)
        case _:
            known = cause_words(lang, Cause.PROVIDER_UNREACHABLE, provider_label)
    title = lang.say("{company} refused", company=company(provider_label))
    if isinstance(error, e.ProviderUnavailable):
        title = lang.say("{company} does not answer", company=company(provider_label))
    return Explanation(title, known.why, known.next_step)
