"""What one can break in the demo, by place: Slack, Google, Microsoft, a mail host, HubSpot, the DNS and the
clock.

Rule: a lever is one request to the control API, and words about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


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


_SLACK: Final = "/control/slack/break"
_PEOPLE: Final = "/control/slack/people/edit"


def _slack(key: str, label: str, happens: str, expect: str, **more: Any) -> Lever:
    return Lever(f"slack_{key}", label, happens, expect, _SLACK, {"what": key, **more})


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


_BREAK_MICROSOFT: Final = "/control/microsoft/break"
_MEND: Final = "/control/microsoft/mend"
_TENANT: Final = "/control/microsoft/tenant"
ACME: Final = "acme.example"


def _microsoft(key: str, label: str, happens: str, expect: str, **more: Any) -> Lever:
    return Lever(f"microsoft_{key}", label, happens, expect, _BREAK_MICROSOFT, {"what": key, **more})


MICROSOFT_ACCOUNT: Final = Group(
    "microsoft_account",
    "One Microsoft account",
    (
        _microsoft(
            "consent_revoked",
            "Revoke access",
            "The person removes Inboxkeeper from the apps that may use their account.",
            "Within seconds the owner gets a direct message with Reconnect. Reconnecting mends it, and the "
            "message then says so.",
        ),
        _microsoft(
            "sessions_revoked",
            "Sign out everywhere",
            "The person signs out of all sessions, or the admin does it for them.",
            "The same as after revoking. At Microsoft a new sign-in is enough, nothing is asked again.",
        ),
        _microsoft(
            "password_reset",
            "Reset the password",
            "The admin sets a new password for the person, which ends every sign-in.",
            "The same message.",
        ),
        _microsoft(
            "idle_expired",
            "Let it expire unused",
            "Nobody used the permission for ninety days.",
            "The same message.",
        ),
        _microsoft(
            "mfa_demanded",
            "Demand a second factor",
            "A policy wants a second factor, and the last sign-in had none.",
            "A direct message that asks the person to sign in again. Reconnecting mends it.",
        ),
        _microsoft(
            "conditional_access",
            "Block by a policy",
            "The organisation's rules no longer let this sign-in pass.",
            "A direct message about what the admin has to do. Mend stands for the admin changing the rule.",
        ),
        _microsoft(
            "user_disabled",
            "Block sign-in",
            "The admin disables the account, as when somebody leaves.",
            "A direct message that says so. Mend, and it is well again by itself.",
        ),
        _microsoft(
            "licence_taken",
            "Take the licence away",
            "The account can sign in, but has no mailbox any more.",
            "A direct message about the mailbox, which names who can mend it. Mend, and it is well again by "
            "itself.",
        ),
        _microsoft(
            "rights_taken",
            "Take the rights to share away",
            "The admin no longer lets other people open this mailbox. Choose help@acme.example.",
            "A message about the shared mailbox and who can mend it; its delegates' own inboxes go on.",
        ),
        Lever(
            "mend_microsoft_account",
            "Mend",
            "Whatever was broken above for this account works again. What was revoked stays revoked, as it "
            "would at Microsoft: that takes a Reconnect.",
            "An open message says by itself that the inbox works again.",
            _MEND,
            mends=True,
        ),
    ),
    names="account",
)

TENANT: Final = Group(
    "tenant",
    "The tenant Acme (Microsoft 365)",
    (
        Lever(
            "microsoft_demand_approval",
            "Demand the admin's approval",
            "People may no longer allow apps into mail by themselves: Microsoft's own default. What they "
            "allowed before still counts.",
            "Connecting leads to a page that says so. Back from there, the bot's page offers a message for "
            "the admin (Omar), with a link to approve.",
            _TENANT,
            {"tenant": ACME, "users_may_consent": False, "takes_requests": False},
        ),
        Lever(
            "microsoft_take_requests",
            "Let people ask the admin",
            "The same, but people can write to their admin on Microsoft's own page.",
            "Whoever asked gets a message in Slack for the admin (Omar), with a link to approve.",
            _TENANT,
            {"tenant": ACME, "users_may_consent": False, "takes_requests": True},
        ),
        Lever(
            "microsoft_approve",
            "Approve as the admin",
            "The admin allows Inboxkeeper to look at mail, for everybody.",
            "Whoever connects now is asked nothing more at Microsoft.",
            "/control/microsoft/approve",
            {"tenant": ACME},
            mends=True,
        ),
        _microsoft(
            "approval_withdrawn",
            "Withdraw the approval",
            "The admin takes the permissions back, for everybody, and lets nobody allow them again.",
            "With one inbox connected there, its owner is told; with several, the admins get one message "
            "about all of them. Whoever reconnects reads at Microsoft what is missing. Approve mends it.",
            tenant=ACME,
        ),
        _microsoft(
            "exchange_withdrawn",
            "Withdraw IMAP and SMTP",
            "Programs may no longer log in there; everything else that was allowed stays.",
            "The mailboxes stay connected. A program that asks for such a token is told that the mailbox "
            "must be reconnected once for that.",
            tenant=ACME,
        ),
        _microsoft(
            "app_blocked",
            "Block the app",
            "The admin disables Inboxkeeper for the whole organisation.",
            "With one inbox connected there, its owner gets words for the admin; with several, the bot's "
            "admins get one message about all of them. Personal accounts and other organisations go on.",
            tenant=ACME,
        ),
        _microsoft(
            "not_assigned",
            "Let in only who is assigned",
            "The admin lets only chosen people use the app, and nobody is chosen.",
            "The same as after blocking the app.",
            tenant=ACME,
        ),
        Lever(
            "microsoft_let_people",
            "Let people consent again",
            "People may allow apps into their own mail, as in the beginning.",
            "Connecting needs nobody else any more.",
            _TENANT,
            {"tenant": ACME, "users_may_consent": True, "takes_requests": False},
            mends=True,
        ),
        Lever(
            "mend_tenant",
            "Mend the tenant",
            "Nothing of the organisation is blocked any more. A withdrawn approval stays withdrawn.",
            "Open messages say by themselves that all is well again.",
            _MEND,
            {"tenant": ACME},
            mends=True,
        ),
    ),
)

MICROSOFT: Final = Group(
    "microsoft",
    "All of Microsoft",
    (
        _microsoft(
            "outage",
            "Refuse everybody",
            "An outage at Microsoft, during which every sign-in seems to be revoked.",
            "With three or more inboxes connected nobody is told to reconnect; with a single one there is "
            "nothing to compare it with, and its owner is told. Mend, and all of it is over by itself.",
        ),
        _microsoft(
            "server_error",
            "Answer 503",
            "Microsoft has trouble and says so.",
            "No message: nobody can do anything. The list shows the inbox as not reachable at present.",
        ),
        _microsoft(
            "slow",
            "Be slow",
            "Every sign-in takes five seconds.",
            "Slack answers as fast as ever. Connecting takes longer, and succeeds.",
            seconds=5,
        ),
        _microsoft(
            "throttled",
            "Throttle",
            "Too many requests: Microsoft wants us to come back later.",
            "No message. The list shows the inbox as not reachable at present.",
        ),
        _microsoft(
            "tenant_throttled",
            "Throttle in disguise",
            "The same, but Microsoft words it as if the permission were gone.",
            "No message either.",
        ),
        _microsoft(
            "secret_expired",
            "Let our secret expire",
            "Whoever runs Inboxkeeper let its own client secret at Microsoft expire.",
            "Nobody is asked to reconnect: it is not their fault. The one who runs the bot is told, once.",
        ),
        Lever(
            "mend_microsoft",
            "Mend all of Microsoft",
            "Microsoft works again, for every account.",
            "Open messages say by themselves that all is well again.",
            _MEND,
            {"all": True},
            mends=True,
        ),
    ),
)


_IMAP: Final = "/control/imap/break"


def _imap(key: str, label: str, happens: str, expect: str) -> Lever:
    return Lever(f"imap_{key}", label, happens, expect, _IMAP, {"what": key})


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
            "generic_failure",
            "Refuse without a reason",
            "The host refuses every login and does not say why, as one whose user database is down.",
            "No message for an hour: it may be the host, and it may be the passwords. The list shows the "
            "host's own words; mend it, and the next look finds it well.",
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


_DO: Final = "/control/hubspot/do"
_BREAK_HUBSPOT: Final = "/control/hubspot/break"


def _deed(key: str, label: str, happens: str, expect: str, **more: Any) -> Lever:
    return Lever(f"hubspot_{key}", label, happens, expect, _DO, {"what": key}, **more)


def _fault(key: str, label: str, happens: str, expect: str) -> Lever:
    return Lever(f"hubspot_{key}", label, happens, expect, _BREAK_HUBSPOT, {"what": key})


HUBSPOT_CHANNEL: Final = Group(
    "hubspot_channel",
    "One team channel in HubSpot",
    (
        _deed(
            "disconnect",
            "Disconnect it",
            "HubSpot loses the permission at the mail provider.",
            "After two looks the admins get one message; its button opens HubSpot's page, which mends it.",
        ),
        _deed(
            "turn_off",
            "Turn it off",
            "Somebody switches the channel off in HubSpot's settings.",
            "The admins read it once, without an alarm.",
        ),
        _deed(
            "remove",
            "Remove it",
            "Somebody removes the channel in HubSpot's settings.",
            "The admins read once that it was removed, or disconnected and removed.",
        ),
        _deed(
            "vanish",
            "Let it vanish",
            "HubSpot no longer lists the channel, without a word.",
            "The same message as for one that was removed: HubSpot does not say which.",
        ),
        _deed(
            "reconnect",
            "Reconnect it",
            "Somebody reconnects the channel in HubSpot.",
            "At the next look the open message says that it is connected again.",
            mends=True,
        ),
        _deed(
            "reconnect_anew",
            "Connect it anew",
            "Somebody connects the address again, and HubSpot gives it another number.",
            "The same message says that it is connected again: it is the same address.",
            mends=True,
        ),
    ),
    names="account",
)

HUBSPOT: Final = Group(
    "hubspot",
    "All of HubSpot",
    (
        _deed(
            "lose_all",
            "Disconnect everything",
            "HubSpot disconnects all mailboxes by mistake, as on 1 March 2025.",
            "One message for all of them, with the words to wait and no button.",
        ),
        _deed(
            "give_back",
            "Give everything back",
            "HubSpot notices its mistake.",
            "The message says that all is connected again, and nobody had to do anything.",
            mends=True,
        ),
        _fault(
            "bad_gateway",
            "Be out of order",
            "HubSpot answers with a page of HTML instead of data.",
            "No message: nothing is known, so nothing changes.",
        ),
        _fault(
            "burst",
            "Count too many requests",
            "HubSpot says that there were too many requests in ten seconds.",
            "No message; it is asked again later.",
        ),
        _fault(
            "half",
            "Answer with half a list",
            "HubSpot lists fewer channels than it says there are.",
            "No message: what is missing from half a list is not gone.",
        ),
        Lever(
            "hubspot_scope_withdrawn",
            "Take the permission away",
            "The service key loses the scope conversations.read.",
            "Only whoever runs the bot is told, once, with the scope's name.",
            "/control/hubspot/scopes",
            {"withdraw": ["conversations.read"]},
        ),
        Lever(
            "hubspot_scope_granted",
            "Give the permission back",
            "The scope is ticked again.",
            "The operator's message says that HubSpot can be read again.",
            "/control/hubspot/scopes",
            {"grant": ["conversations.read"]},
            mends=True,
        ),
        Lever(
            "mend_hubspot",
            "Mend HubSpot",
            "HubSpot's answers are whole again. Channels stay as they are.",
            "Whatever was lost meanwhile is told after two looks.",
            "/control/hubspot/mend",
            mends=True,
        ),
    ),
)


DOMAIN: Final = "acme.example"


def _mail_goes(place: str, label: str, happens: str, expect: str, **more: Any) -> Lever:
    body = {"domain": DOMAIN, "place": place}
    return Lever(f"names_{place}", label, happens, expect, "/control/names", body, **more)


NAMES: Final = Group(
    "names",
    f"Where {DOMAIN}'s mail goes",
    (
        _mail_goes(
            "google",
            "To Google",
            "The domain's mail is delivered to Google, as in the beginning.",
            "Connecting an address of the domain offers Gmail; messages about mail that moved are settled.",
            mends=True,
        ),
        _mail_goes(
            "microsoft",
            "To Microsoft",
            "The organisation moves its mail to Microsoft 365.",
            "Those who look after a team address at Google read so within seconds, and can switch it.",
        ),
        _mail_goes(
            "elsewhere",
            "To another host",
            "The domain's mail goes to an ordinary mail host.",
            "Those who look after a team address read so, and why they have to disconnect it first.",
        ),
        _mail_goes(
            "filter",
            "Through a filter",
            "The domain's mail passes a filter first, so that nobody can see where it ends.",
            "Connecting an address of the domain asks which provider it is.",
        ),
    ),
)


_CLOCK: Final = Group(
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
            (
                86400,
                "1 day on",
                "A day passes: /inbox report has one more square, keys of retired permissions are erased.",
            ),
        )
    ),
)


GROUPS: Final = (
    ACCOUNT,
    GOOGLE,
    MICROSOFT_ACCOUNT,
    TENANT,
    MICROSOFT,
    MAILBOX,
    HARBOR,
    HUBSPOT_CHANNEL,
    HUBSPOT,
    NAMES,
    SLACK,
    PEOPLE,
    APP,
    _CLOCK,
)
LEVERS: Final = {lever.key: (group, lever) for group in GROUPS for lever in group.levers}
