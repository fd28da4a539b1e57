"""What can go wrong at Google."""

from __future__ import annotations

from typing import Any, Final

from sandbox.fault_catalog.lever import Group, Lever

_GOOGLE: Final = "/control/google/break"


def _google(key: str, label: str, happens: str, expect: str, **more: Any) -> Lever:
    return Lever(key, label, happens, expect, _GOOGLE, {"what": key, **more})


ACCOUNT: Final = Group(
    "account",
    "One Google account",
    (
        _google(
            "revoked",
            "Revoke access",
            "The person removes Inboxkeeper in their Google account, under third-party access.",
            "Within seconds the owner gets a direct message with Reconnect. Reconnecting mends it, and the "
            "message then says so.",
        ),
        _google(
            "password_changed",
            "Change the password",
            "A new Google password ends every permission that reaches mail.",
            "The same as after revoking.",
        ),
        _google(
            "account_disabled",
            "Disable the account",
            "The Google admin suspends the account.",
            "Google tells us no more than after revoking, so the message is the same; whoever reconnects is "
            "told at Google. Mend, and the message says by itself that all is well again.",
        ),
        _google(
            "admin_policy",
            "Block the app",
            "The Google admin no longer lets third-party apps into mail.",
            "A direct message with what the admin has to do. Mend stands for the admin allowing it again.",
        ),
        _google(
            "invalid_rapt",
            "Demand a new sign-in",
            "The organisation limits how long a Google session lasts, and it has run out.",
            "A direct message with Reconnect. Mend stands for the session being renewed.",
        ),
        _google(
            "scope_removed",
            "Take the mail permission away",
            "The permission stands, but no longer includes mail.",
            "A direct message that says what is missing, with Reconnect. Mend, or reconnect and leave the "
            "box ticked.",
        ),
        _google(
            "no_mailbox",
            "Take the Gmail licence away",
            "The account can sign in, but has no mailbox any more.",
            "A direct message about the mailbox, which names who can mend it. Mend, and it is well again by "
            "itself.",
        ),
        Lever(
            "mend_account",
            "Mend",
            "Whatever was broken above for this account works again. What was revoked stays revoked, as "
            "it would at Google: that takes a Reconnect.",
            "An open message says by itself that the inbox works again.",
            "/control/google/mend",
            mends=True,
        ),
    ),
    names="account",
)

GOOGLE: Final = Group(
    "google",
    "All of Google",
    (
        _google(
            "outage",
            "Refuse everybody",
            "An outage at Google, during which every permission seems to be revoked. It has happened.",
            "With three or more inboxes connected nobody is told to reconnect; with a single one there is "
            "nothing to compare it with, and its owner is told. Mend, and all of it is over by itself.",
        ),
        _google(
            "server_error",
            "Answer 503",
            "Google has trouble and says so.",
            "No message: nobody can do anything. The list shows the inbox as not reachable at present.",
        ),
        _google(
            "slow",
            "Be slow",
            "Every answer takes five seconds.",
            "Slack answers as fast as ever. Connecting takes longer, and succeeds.",
            seconds=5,
        ),
        _google(
            "throttled",
            "Throttle",
            "Too many requests: Google wants us to come back later.",
            "No message. The list shows the inbox as not reachable at present.",
        ),
        _google(
            "invalid_client",
            "Break our client secret",
            "Whoever runs Inboxkeeper let its own Google client secret expire.",
            "Nobody is asked to reconnect: it is not their fault. The one who runs the bot is told, once.",
        ),
        _google(
            "revoke_lag",
            "Take a while to revoke",
            "Google accepts a revocation, but the access still works for the next three checks.",
            "Remove an inbox: first it says requested, not confirmed yet, and later confirmed.",
            times=3,
        ),
        Lever(
            "mend_google",
            "Mend all of Google",
            "Google works again, for every account.",
            "Open messages say by themselves that all is well again.",
            "/control/google/mend",
            {"all": True},
            mends=True,
        ),
    ),
)
