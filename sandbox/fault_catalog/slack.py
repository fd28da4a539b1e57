"""What can go wrong in Slack, and who its people are."""

from __future__ import annotations

from typing import Any, Final

from sandbox.fault_catalog.lever import Group, Lever

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
