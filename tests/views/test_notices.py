"""Direct messages: alarming while somebody can act, quiet afterwards, true at every edit."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.cause import Cause
from bot.domain.channel import State
from bot.domain.grant import Revocation
from bot.domain.incident import IncidentKind, Resolution
from bot.domain.ticket import Ending
from bot.views import notices
from bot.views.language import Language
from bot.views.text import shown
from tests.views.samples import (
    ANN,
    BOB,
    EN,
    LANGUAGES,
    NOW,
    a_channel,
    a_removal,
    a_team_channel,
    an_incident,
)
from tests.views.test_surfaces import parts

URL = "https://bot.example/l/secret"


def buttons(message: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {part["action_id"]: part for part in parts(message) if part.get("type") == "button"}


def texts(message: dict[str, Any]) -> str:
    return "\n".join(part["text"] for part in parts(message["blocks"]) if isinstance(part.get("text"), str))


def incident(
    lang: Language = EN, *, channel: Any = None, is_open: bool = True, url: str = URL, **changes: Any
) -> Any:
    return notices.incident_notice(
        lang,
        channel or a_channel(use="The CRM reads it"),
        an_incident(**changes),
        provider_label="Gmail",
        url=url,
        now=NOW,
        is_open=is_open,
    )


def test_an_outage_says_everything_that_is_needed() -> None:
    """What stopped, since when, why, what it affects, who can fix it, and the way to fix it."""
    message = incident()
    for wanted in (
        "ann@example.com stopped working",
        "2 h 14 min",
        "Google no longer accepts our access",
        "What stops working: The CRM reads it",
        "Who can fix it: you.",
    ):
        assert wanted in texts(message)
    assert message["text"] == "🔴 ann@example.com stopped working"
    mend = buttons(message)["incident.reconnect"]
    assert (mend["url"], mend["style"]) == (URL, "primary")
    assert "incident.why" in buttons(message)


def test_a_policy_names_the_admin_who_can_lift_it() -> None:
    """The owner cannot; saying so saves an hour."""
    assert "your organisation's Google admin" in texts(incident(cause=Cause.ADMIN_POLICY))


@pytest.mark.parametrize("cause", [Cause.ACCOUNT_DISABLED, Cause.MAILBOX_MISSING])
def test_an_account_is_mended_by_whoever_manages_it(cause: Cause) -> None:
    """Its owner can do nothing first, so nothing urges them to."""
    message = incident(cause=cause)
    assert "Who can fix it: whoever manages your Google accounts." in texts(message)
    assert "style" not in buttons(message)["incident.reconnect"]


def test_a_team_inbox_is_mended_by_whoever_can_sign_in() -> None:
    """A team's mailbox has no "you"."""
    assert "whoever can sign in" in texts(incident(channel=a_team_channel()))


def test_what_cannot_be_checked_asks_nobody_to_act() -> None:
    """It may still work: no red mark and no Reconnect."""
    message = incident(kind=IncidentKind.UNVERIFIABLE, cause=Cause.PROVIDER_UNREACHABLE)
    assert message["text"].startswith("🟡")
    assert set(buttons(message)) == {"incident.why"}


def test_without_a_link_there_is_no_reconnect_button() -> None:
    """A button that leads nowhere is worse than none."""
    assert set(buttons(incident(url=""))) == {"incident.why"}


@pytest.mark.parametrize("resolution", Resolution)
def test_what_is_over_is_one_quiet_line(resolution: Resolution) -> None:
    """No alarm, no button, and every ending reads differently."""
    for lang in LANGUAGES:
        message = incident(lang, is_open=False, resolution=resolution, resolved_by=ANN, resolved_at=NOW)
        assert buttons(message) == {}
        assert "🔴" not in message["text"] + texts(message)
        assert [block["type"] for block in message["blocks"]] == ["context"]


def test_a_resolved_outage_tells_who_and_how_long() -> None:
    """The reader knows whom to thank, and that nothing is left to do."""
    mended = incident(is_open=False, resolution=Resolution.RECONNECTED, resolved_by=BOB, resolved_at=NOW)
    assert texts(mended) == "✅ ann@example.com works again. Reconnected by <@U0BOB> after 2 h 14 min."
    healed = incident(is_open=False, resolution=Resolution.RECOVERED, resolved_at=NOW)
    assert "by itself after 2 h 14 min" in texts(healed)


def test_a_removal_that_was_not_confirmed_offers_both_ways_on() -> None:
    """Check again, or by hand: the provider's own steps and a link."""
    message = notices.removed_notice(EN, a_removal(Revocation.NOT_CONFIRMED), now=NOW)
    assert buttons(message)["revocation.check"]["value"] == "g1"
    assert "Manage third-party access › (this app) › Remove access" in texts(message)
    assert "<https://myaccount.google.com/connections|Open that page>" in texts(message)


@pytest.mark.parametrize("revocation", [Revocation.CONFIRMED, Revocation.SHARED, Revocation.CANCELLED])
def test_a_removal_that_is_settled_offers_nothing_more(revocation: Revocation) -> None:
    """There is nothing to check and nothing to do by hand."""
    message = notices.removed_notice(EN, a_removal(revocation), now=NOW)
    assert buttons(message) == {}
    assert "By hand" not in texts(message)


def test_a_finished_sign_in_can_be_disowned() -> None:
    """Whoever did not do this sees how to undo it."""
    message = notices.connected_notice(EN, a_channel(), Ending.CONNECTED, provider_label="Gmail")
    assert "channel.disconnect" in buttons(message)
    assert "ann@example.com is connected" in message["text"]


def test_an_inbox_that_stays_disabled_can_be_enabled_from_its_message() -> None:
    """Signing in again is not a wish to turn it on, but the next click may be."""
    channel = a_channel(state=State.DISABLED)
    message = notices.connected_notice(EN, channel, Ending.STILL_DISABLED, provider_label="Gmail")
    assert "channel.enable" in buttons(message)


def test_an_owner_learns_who_disabled_their_inbox() -> None:
    """Named, reversible, nothing deleted."""
    message = notices.disabled_notice(EN, a_channel(state=State.DISABLED), actor=BOB, now=NOW)
    assert "<@U0BOB> disabled your inbox ann@example.com." in texts(message)
    assert "channel.enable" in buttons(message)


def test_an_orphaned_inbox_is_disabled_or_removed() -> None:
    """Enabling and signing in were its owner's; two buttons are left, until somebody decided."""
    asked = notices.owner_gone_notice(EN, a_channel(), provider_label="Gmail", is_open=True)
    assert set(buttons(asked)) == {"channel.disable", "channel.remove"}
    decided = notices.owner_gone_notice(EN, a_channel(), provider_label="Gmail", is_open=False)
    assert buttons(decided) == {}


def test_the_operator_gets_the_code_and_nobody_else_is_blamed() -> None:
    """What the provider said, where to look, and when it is over."""
    broken = notices.operator_notice(EN, "google:invalid_client:2026-11-23", "Gmail", True)
    assert "(invalid_client)" in texts(broken) and "2026" not in texts(broken)
    mended = notices.operator_notice(EN, "google:invalid_client:2026-11-23", "Gmail", False)
    assert "There is nothing to do." in texts(mended)


def test_a_hostile_use_stays_text() -> None:
    """What a connector wrote cannot shout at an admin."""
    message = incident(channel=a_channel(use="<!channel> *now* " + "x" * 3000))
    assert "<!channel>" not in texts(message)
    assert "*now*" not in texts(message)
    assert shown("x" * 3000, 200)[-1] == "…"
