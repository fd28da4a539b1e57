"""Everything that can go wrong, named by who must act.

    InboxkeeperError
    ├── Refusal                   the request makes no sense or is not allowed; tell whoever asked
    │   ├── NotAllowed            not this person; carries who can
    │   ├── OwnerLeft             only the owner could, and has left; carries the channel
    │   ├── UnknownAddress        no such channel for this person; carries near misses
    │   ├── NotAnAddress          what was typed is no e-mail address
    │   ├── DomainNotAllowed      the operator limits what can be connected
    │   ├── TakesNoMail           its domain says that it takes no mail at all
    │   ├── HostUnknown           nobody can tell who hosts it; carries whom one can choose
    │   ├── NeedsApproval · NobodyCanApprove · RequestClosed · LastSuperAdmin
    │   ├── CannotPostThere       the bot may not post in that conversation
    │   ├── OtherKind             connected as personal, wanted as team, or the other way
    │   ├── AlreadyConnected      the address is under management already
    │   ├── InOrder               the same, and this person may change it
    │   ├── SwitchInstead         it is connected at another provider; carries which it can be switched to
    │   ├── DisconnectFirst       to or from any other provider; carries where it could go
    │   ├── ConsentDeclined       Cancel was pressed at the provider
    │   ├── ConsentFailed         the provider refused the sign-in for a reason of its own
    │   ├── TicketSpent · TicketExpired · TicketUnknown · TooManyTries · TooManyLogins · OtherBrowser
    │   ├── ReconnectFirst        enabling what the provider refuses; carries the channel
    │   ├── ProviderOff           no client for this provider is configured
    │   ├── SignInElsewhere       no password is taken for this mailbox; carries whose sign-in to use
    │   ├── FormFault             a field of our own form cannot be used; carries which
    │   ├── SignInClosed          the provider cannot be asked to sign somebody in; carries its error
    │   ├── ProgramsOff           the operator lets no programs in
    │   ├── CannotHoldRole        who was chosen for a role is no member
    │   ├── OutOfDate             the button was made for an older state; carries the present one
    │   └── Gone                  the channel was removed meanwhile
    ├── ProviderError             a provider said no
    │   ├── UseNotGranted                                       one use needs a consent; the mailbox is fine
    │   │   └── UseWithheld                                     no consent helps: the admin or operator acts
    │   ├── GrantRejected · MailboxGone · PermissionMissing     the owner must act
    │   ├── AdminActionNeeded                                   the tenant's admin must act
    │   ├── ProviderUnavailable                                 nobody must act
    │   └── ProviderMisconfigured                               the operator must act
    └── SlackError                a call to Slack came to nothing
        ├── SlackAway             Slack cannot be reached or paces us; later
        │   └── DirectoryAway         so nobody knows who somebody is
        ├── CursorLost            Slack lost its place in the list of people
        └── SlackRefused          Slack says no
            ├── PersonUnreachable     this person cannot be written to
            ├── MessageGone           the message was deleted
            ├── TokenDead             the bot was uninstalled or its token revoked
            └── TriggerLost           too late for a dialog

Errors carry data. The sentences people read are made in ``bot.views.wording``. (They are dataclasses but
not frozen: the standard library assigns ``__traceback__``; and not comparable, to stay hashable.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from bot.domain.channel import Cause, Channel, InboxSpec
from bot.domain.request import Request, RequestedChange


class InboxkeeperError(Exception):
    """The root: whatever the product itself raises."""


class Refusal(InboxkeeperError):
    """A request that cannot be granted; whoever asked is told why and what to do next."""


@dataclass(eq=False)
class NotAllowed(Refusal):
    """This person may not do that. ``who_can`` are Slack user ids, worth naming."""

    what: str
    who_can: tuple[str, ...] = ()


@dataclass(eq=False)
class OwnerLeft(Refusal):
    """Only its owner could sign in to a personal inbox, and has left. This person may make it the team's."""

    channel: Channel


class ProgramsOff(Refusal):
    """Whoever runs the bot lets no programs in."""


class GuestNotAllowed(Refusal):
    """Guests and people of other workspaces cannot use the bot."""


class CannotHoldRole(Refusal):
    """Who was chosen for a role is no member of the workspace: a guest, a bot, or somebody else's."""


class WrongWorkspace(Refusal):
    """The request comes from a workspace that this bot does not serve."""


@dataclass(eq=False)
class UnknownAddress(Refusal):
    """No channel with this address that this person may see. ``wished``: they have asked for it;
    ``to_answer``: somebody else has, and this person can answer."""

    address: str
    near: tuple[str, ...] = ()
    wished: Request | None = None
    to_answer: Request | None = None
    sees_all: bool = False
    """Nobody here has it: this person would see it if somebody had."""


@dataclass(eq=False)
class NotAnAddress(Refusal):
    """What was typed is no e-mail address (already shortened for display)."""

    typed: str


@dataclass(eq=False)
class DomainNotAllowed(Refusal):
    """The operator allows only some domains."""

    address: str
    allowed: tuple[str, ...]


@dataclass(eq=False)
class TakesNoMail(Refusal):
    """The address's domain says that it takes no mail at all (a null MX, RFC 7505)."""

    address: str


@dataclass(eq=False)
class HostUnknown(Refusal):
    """Whoever takes the domain's mail may be a filter in front of any host. ``wish`` is what was asked for,
    to go on with; ``hosts`` are keys and labels of what can be chosen."""

    requested_change: RequestedChange
    hosts: tuple[tuple[str, str], ...]


@dataclass(eq=False)
class AlreadyConnected(Refusal):
    """The address is under management; ``by_another`` tells whether somebody else owns it."""

    address: str
    by_another: bool


@dataclass(eq=False)
class InOrder(Refusal):
    """The address is connected, or disabled on purpose: nothing has to be done. ``inbox`` is what was typed,
    which this person may well have come to change; ``may_edit`` says that they can, ``may_enable`` that they
    need ask nobody to enable it."""

    channel: Channel
    inbox: InboxSpec
    may_edit: bool
    may_enable: bool


@dataclass(eq=False)
class SwitchInstead(Refusal):
    """The channel is connected at one provider and wanted at the other. ``provider`` is the present one's
    label; ``to`` the key and label of the wanted one."""

    channel: Channel
    provider: str
    to: tuple[str, str]


@dataclass(eq=False)
class DisconnectFirst(Refusal):
    """Only between Gmail and Office 365 is there a switch. ``provider`` is the present one's label; ``ways``
    are keys and labels of those that it can be connected at once it is disconnected."""

    channel: Channel
    provider: str
    ways: tuple[tuple[str, str], ...]


@dataclass(eq=False)
class NeedsApproval(Refusal):
    """An admin must agree first. ``wish`` is what to ask them for."""

    requested_change: RequestedChange
    own_address: str | None = None
    who_can: tuple[str, ...] = ()


class RightsUnread(Refusal):
    """It rests on a user group that cannot be read right now: nothing was done, trying again helps."""


@dataclass(eq=False)
class TooManyRequests(Refusal):
    """This person has asked admins for as much as one may ask for at a time, or within a day. ``waiting`` is
    what is open of it."""

    waiting: tuple[Request, ...] = ()


class NobodyCanApprove(Refusal):
    """There is nobody who could be asked."""


@dataclass(eq=False)
class RequestClosed(Refusal):
    """The request was answered, cancelled or has expired; it says which and by whom."""

    request: Request


@dataclass(eq=False)
class CannotPostThere(Refusal):
    """The bot is not in the conversation that should be told, or may not post in it: ``code`` is Slack's."""

    conversation_id: str
    code: str = "not_in_channel"


class LastSuperAdmin(Refusal):
    """The last super admin cannot take the role from themselves."""


class RolesChanged(Refusal):
    """Somebody changed the admins since it was said what would become of them."""


@dataclass(eq=False)
class UndoOver(Refusal):
    """A change of roles can no longer be undone: it was already, is too old, or something followed it."""

    undone_by: str | None = None


@dataclass(eq=False)
class OtherKind(Refusal):
    """The address is connected as the other kind: personal or team."""

    address: str
    is_team: bool


@dataclass(eq=False)
class ConsentDeclined(Refusal):
    """The person pressed Cancel at the provider; nothing has changed."""

    address: str


@dataclass(eq=False)
class ConsentFailed(Refusal):
    """The provider ended the sign-in; ``code`` is its own word (letters and underscores only)."""

    address: str
    code: str


class TicketUnknown(Refusal):
    """No such ticket: mistyped, or long gone."""


class TicketExpired(Refusal):
    """The 15 minutes are over."""


class TicketSpent(Refusal):
    """The ticket was used, and its outcome is not for this browser (any more)."""


class TooManyTries(Refusal):
    """The form was sent too often with this ticket."""


@dataclass(eq=False)
class TooManyLogins(Refusal):
    """Too many logins were refused of late, of this person or at this host; it goes on after ``wait``."""

    wait: timedelta


class ExportTaken(Refusal):
    """The file was downloaded already."""


class OtherBrowser(Refusal):
    """The sign-in was begun in another browser."""


class LinkClosed(Refusal):
    """The outage this link belonged to is over."""


class LinkBusy(Refusal):
    """A notice's link was opened too often within a minute."""


@dataclass(eq=False)
class ReconnectFirst(Refusal):
    """Enabling a channel whose grant the provider refuses."""

    channel: Channel


@dataclass(eq=False)
class ProviderOff(Refusal):
    """The operator has not configured a client for this provider."""

    provider: str


@dataclass(eq=False)
class SignInElsewhere(Refusal):
    """No password is taken for this mailbox: its host has a sign-in of its own. ``provider`` is its key."""

    address: str
    provider: str


@dataclass(eq=False)
class FormFault(Refusal):
    """A field of our own form cannot be used; ``code`` says why, in plain words with underscores."""

    name: str
    code: str


@dataclass(eq=False)
class SignInClosed(Refusal):
    """The provider cannot even be asked to sign somebody in right now. ``provider`` is its label."""

    provider: str
    error: ProviderError


class OutOfDate(Refusal):
    """The button or form was made for an older state: show the present one instead."""


@dataclass(eq=False)
class Gone(Refusal):
    """The channel was removed meanwhile."""

    address: str


@dataclass(eq=False)
class ProviderError(InboxkeeperError):
    """A provider said no. ``code`` is the provider's own error code, safe to show and to log; ``claims``
    what it wants to be told at the next sign-in."""

    code: str = ""
    claims: str = field(default="", kw_only=True, repr=False)
    said: str = field(default="", kw_only=True, repr=False)
    """The provider's own words where it demands that people read them (IMAP's ``ALERT``), or where they are
    all that is known: short, inert, and not for logs."""
    is_counted: bool = field(default=False, kw_only=True, repr=False)
    """A password was sent and not accepted: the host may count it against the account, or against us."""


@dataclass(eq=False)
class GrantRejected(ProviderError):
    """The grant is refused: the owner must reconnect."""

    cause: Cause = Cause.GRANT_REFUSED


@dataclass(eq=False)
class MailboxGone(ProviderError):
    """The grant works but the mailbox does not exist or is not the same one."""

    cause: Cause = Cause.MAILBOX_MISSING


@dataclass(eq=False)
class PermissionMissing(ProviderError):
    """The grant works but lacks permissions. ``scopes`` names those that are missing."""

    scopes: frozenset[str] = frozenset()

    @property
    def cause(self) -> Cause:
        return Cause.PERMISSION_MISSING


@dataclass(eq=False)
class AdminActionNeeded(ProviderError):
    """The tenant's admin forbids it."""

    cause: Cause = Cause.ADMIN_POLICY


@dataclass(eq=False)
class ProviderUnavailable(ProviderError):
    """Network trouble, throttling, an outage, or an answer we don't know: nobody must act.

    ``doubt`` says what the mailbox's own host answered (``DOUBT_CAUSES``) where it can also be the host's
    trouble: weak evidence, which only the same answer over a long time makes stronger.
    """

    retry_after: timedelta | None = None
    unknown_code: bool = False
    doubt: Cause = field(default=Cause.NONE, kw_only=True)


class UseNotGranted(ProviderUnavailable):
    """The grant is alive, and not for what was asked of it: whoever wants that use needs another consent. Of
    the mailbox it says nothing, so it is no strike."""


class UseWithheld(UseNotGranted):
    """Nor is it, though somebody may have consented: a policy stands between, or our own registration. No
    new consent helps, and the one there is counts again when that is over."""


@dataclass(eq=False)
class ProviderMisconfigured(ProviderError):
    """Our own client credentials or settings are wrong: the operator must act."""


PersonMustAct = GrantRejected | MailboxGone | PermissionMissing | AdminActionNeeded
"""The refusals: errors that count as strikes against a grant."""

REFUSALS = (GrantRejected, MailboxGone, PermissionMissing, AdminActionNeeded)


@dataclass(eq=False)
class SlackError(InboxkeeperError):
    """A call to Slack came to nothing. ``code`` is Slack's own error."""

    code: str = ""


@dataclass(eq=False)
class SlackAway(SlackError):
    """Slack cannot be reached, or asks us to wait."""

    retry_after: timedelta | None = None

    @property
    def was_refused(self) -> bool:
        """Whether Slack has said that it did nothing; without an answer it may have done it all the same."""
        return self.retry_after is not None


class DirectoryAway(SlackAway):
    """Slack could not be asked who somebody is."""


class CursorLost(SlackError):
    """Slack no longer knows how far its list of people was read."""


class GroupsClosed(Refusal):
    """The app lacks the optional scope ``usergroups:read``."""


class SlackRefused(SlackError):
    """Slack says no, for the reason ``code``."""


class PersonUnreachable(SlackRefused):
    """This person cannot be written to: deactivated, or closed to the bot."""


class MessageGone(SlackRefused):
    """The message to edit, or to reply to, was deleted."""


class TokenDead(SlackRefused):
    """The bot was uninstalled, or its token revoked."""


class TriggerLost(SlackRefused):
    """Slack no longer opens a dialog for this click: the three seconds are over."""
