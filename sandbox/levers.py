"""What one can break in the demo. Rule: a lever is one request to the control API, and words about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_GOOGLE: Final = "/control/google/break"
_IMAP: Final = "/control/imap/break"
_SLACK: Final = "/control/slack/break"
_PEOPLE: Final = "/control/slack/people/edit"


@dataclass(frozen=True)
class Lever:
    """One thing to break or mend."""

    key: str
    label: str
    happens: str
    """What goes on in the real world."""
    expect: str
    """What to see in Slack then."""
    path: str
    body: Mapping[str, Any] = field(default_factory=dict)
    mends: bool = False


@dataclass(frozen=True)
class Group:
    """Levers that go together."""

    key: str
    title: str
    levers: tuple[Lever, ...]
    names: str = ""
    """The field of the request that says whom or which account it is about; empty for everybody."""


def _google(key: str, label: str, happens: str, expect: str, **more: Any) -> Lever:
    return Lever(key, label, happens, expect, _GOOGLE, {"what": key, **more})


def _imap(key: str, label: str, happens: str, expect: str) -> Lever:
    return Lever(f"imap_{key}", label, happens, expect, _IMAP, {"what": key})


def _slack(key: str, label: str, happens: str, expect: str, **more: Any) -> Lever:
    return Lever(f"slack_{key}", label, happens, expect, _SLACK, {"what": key, **more})


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

MAILBOX: Final = Group(
    "mailbox",
    "One mailbox at Harbor Mail (IMAP)",
    (
        _imap(
            "password_changed",
            "Change its password",
            "The person changes the password at their mail host; the new one stands in the table above.",
            "A direct message says that the password is refused; its Reconnect leads to the form.",
        ),
        _imap(
            "app_password",
            "Demand an app password",
            "The host no longer takes the ordinary password from programs like this one.",
            "The same message. Mend stands for an app password having been made.",
        ),
        _imap(
            "contact_admin",
            "Let the host's admin refuse",
            "The host refuses the login and sends people to its admin.",
            "A direct message that names who can mend it. Mend, and it is well again by itself.",
        ),
        Lever(
            "mend_mailbox",
            "Mend the mailbox",
            "What was broken above works again. A changed password stays changed.",
            "An open message says by itself that the inbox works again, at the next look.",
            "/control/imap/mend",
            mends=True,
        ),
    ),
    names="account",
)

HARBOR: Final = Group(
    "harbor",
    "All of Harbor Mail",
    (
        _imap(
            "lockout",
            "Lock everybody out",
            "The host refuses every login, as after too many attempts.",
            "With several of its inboxes connected it is one message about the host, and no more logins than "
            "it bears.",
        ),
        _imap(
            "unavailable",
            "Be out of order",
            "The host answers, and says that it cannot look anybody up right now.",
            "No message: nobody can do anything. The list shows the inbox as not reachable at present.",
        ),
        _imap(
            "expired_certificate",
            "Let its certificate expire",
            "Nobody can be sure any more that this is the right host.",
            "Nothing is sent to it, least of all a password; the list shows the inbox as not reachable.",
        ),
        Lever(
            "mend_harbor",
            "Mend all of Harbor Mail",
            "The host works again, for every mailbox.",
            "Open messages say by themselves that all is well again.",
            "/control/imap/mend",
            mends=True,
        ),
    ),
)

SLACK: Final = Group(
    "slack",
    "Slack",
    (
        _slack(
            "away",
            "Go away",
            "Slack hangs up on every call.",
            "Commands fail. Messages wait, and come once after Mend.",
        ),
        _slack("slow", "Be slow", "Every call takes five seconds.", "Answers come later, none is lost."),
        _slack(
            "ratelimited",
            "Limit the rate",
            "Slack tells the bot to wait three seconds, for the next five calls.",
            "Messages come later, none twice.",
            times=5,
        ),
        _slack(
            "dm_closed",
            "Refuse direct messages",
            "The app's Messages tab is switched off.",
            "Commands and Home still show everything; only messages that come by themselves do not arrive.",
        ),
        Lever(
            "mend_slack",
            "Mend Slack",
            "Slack works again.",
            "What waited is delivered.",
            "/control/slack/mend",
            mends=True,
        ),
    ),
)

PEOPLE: Final = Group(
    "person",
    "People",
    (
        Lever(
            "deactivated",
            "Deactivate",
            "The person left; their Slack account is deactivated.",
            "The admins are asked once what should become of that person's inbox.",
            _PEOPLE,
            {"deleted": True},
        ),
        Lever(
            "reactivated",
            "Activate again",
            "The person is back.",
            "They can use the bot as before.",
            _PEOPLE,
            {"deleted": False},
            mends=True,
        ),
        Lever(
            "japanese",
            "Read Japanese",
            "The person sets their Slack to Japanese.",
            "From the next message on, and Home at once when opened anew, in Japanese.",
            _PEOPLE,
            {"locale": "ja-JP"},
        ),
        Lever(
            "english",
            "Read English",
            "The person sets their Slack to English.",
            "From the next message on, in English.",
            _PEOPLE,
            {"locale": "en-US"},
        ),
    ),
    names="person",
)

APP: Final = Group(
    "app",
    "The app",
    (
        Lever(
            "uninstall",
            "Uninstall",
            "A Slack admin removes the app from the workspace.",
            "Nothing is checked and nobody is told anything any more.",
            "/control/slack/uninstall",
        ),
        Lever(
            "install",
            "Install again",
            "A Slack admin puts the app back.",
            "Inboxes and history are still there.",
            "/control/slack/install",
            mends=True,
        ),
    ),
)

CLOCK: Final = Group(
    "clock",
    "The clock",
    tuple(
        Lever(
            f"forward_{seconds}",
            label,
            happens,
            "Whatever is due by then is done now.",
            "/control/clock",
            {"advance_seconds": seconds},
        )
        for seconds, label, happens in (
            (60, "1 minute on", "A minute passes."),
            (900, "15 minutes on", "A quarter of an hour passes: links from Slack to the browser expire."),
            (3600, "1 hour on", "An hour passes: trouble that nobody could act on is not kept quiet longer."),
            (86400, "1 day on", "A day passes: keys of retired permissions are erased."),
        )
    ),
)

GROUPS: Final = (ACCOUNT, GOOGLE, MAILBOX, HARBOR, SLACK, PEOPLE, APP, CLOCK)
LEVERS: Final = {lever.key: (group, lever) for group in GROUPS for lever in group.levers}
