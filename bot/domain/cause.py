"""Why a channel is in its state: a closed set, each worded for people in every language."""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """The reason beside a state. ``NONE`` goes with *connected* and with a plain *disabled*."""

    NONE = "none"

    # impaired: nobody can act on it yet
    CHECKING = "checking"
    PROVIDER_UNREACHABLE = "provider_unreachable"
    HELD = "held"
    OURS_BROKEN = "ours_broken"
    INBOX_CLOSED = "inbox_closed"
    """The host accepts the password and does not open the inbox."""

    # said no to, without a reason: *impaired*, and *disconnected* after a day of the same answer
    LOGIN_UNCLEAR = "login_unclear"
    """The host refuses the login and does not say why: its own trouble, or the password."""

    # refused by the provider: *impaired* after one refusal, *disconnected* after the witnesses
    GRANT_REFUSED = "grant_refused"
    SIGN_IN_AGAIN = "sign_in_again"
    ACCOUNT_DISABLED = "account_disabled"
    PERMISSION_MISSING = "permission_missing"
    MAILBOX_MISSING = "mailbox_missing"
    OTHER_MAILBOX = "other_mailbox"
    ADMIN_POLICY = "admin_policy"
    ADMIN_CONSENT = "admin_consent"
    """The tenant's admin has not approved the app, or has taken the approval back."""
    PASSWORD_REFUSED = "password_refused"
    SHARED_ACCESS = "shared_access"
    """Whoever signed in may not, or no longer, open this shared mailbox."""

    # removed
    BY_PERSON = "by_person"
    WORKSPACE_GONE = "workspace_gone"


REFUSED_CAUSES = frozenset(
    {
        Cause.GRANT_REFUSED,
        Cause.SIGN_IN_AGAIN,
        Cause.ACCOUNT_DISABLED,
        Cause.PERMISSION_MISSING,
        Cause.MAILBOX_MISSING,
        Cause.OTHER_MAILBOX,
        Cause.ADMIN_POLICY,
        Cause.ADMIN_CONSENT,
        Cause.PASSWORD_REFUSED,
        Cause.SHARED_ACCESS,
    }
)
"""Causes that a provider's refusal brings: what a strike is counted for."""

DOUBT_CAUSES = frozenset({Cause.LOGIN_UNCLEAR, Cause.INBOX_CLOSED})
"""Causes that the host's own answer brings without saying whose trouble it is."""

EXCUSED_CAUSES = frozenset({Cause.OURS_BROKEN, Cause.HELD})
"""Causes that say why a channel cannot be judged, and that somebody has been told of."""

OUTAGE_LIKE = frozenset({Cause.GRANT_REFUSED, Cause.PASSWORD_REFUSED})
"""What a provider's outage can look like, too. A policy or a closed account is named by nobody by mistake."""

MANAGED_CAUSES = frozenset({Cause.ACCOUNT_DISABLED, Cause.MAILBOX_MISSING})
"""Causes that only whoever manages the accounts at the provider can mend."""

ADMIN_CAUSES = frozenset({Cause.ADMIN_POLICY, Cause.ADMIN_CONSENT})
"""Causes that the tenant's admin mends, not the mailbox's owner."""
