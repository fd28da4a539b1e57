"""The Slack manifest: one source, two transports, nothing that Slack would refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.manifest import COMMAND, EVENTS, SCOPES, ManifestError, manifest, render

ROOT = Path(__file__).parent.parent


def test_the_file_is_the_socket_manifest() -> None:
    """app.yaml is what the code says, to the letter."""
    assert (ROOT / "app.yaml").read_text(encoding="utf-8") == render(manifest())


def test_the_text_is_the_data() -> None:
    """What is printed reads back as the same manifest."""
    made = manifest(transport="http", base_url="https://inbox.example.com/")
    assert yaml.safe_load(render(made)) == made


def test_socket_mode_has_no_addresses() -> None:
    """Socket Mode needs no public address, so none is in its manifest."""
    made = manifest()
    assert made["settings"]["socket_mode_enabled"] is True
    assert "url" not in render(made).replace("api.slack.com", "")


def test_http_posts_everything_to_one_address() -> None:
    """Commands, events and clicks come in through the same route."""
    made = manifest(transport="http", base_url="https://inbox.example.com/")
    address = "https://inbox.example.com/slack/events"
    assert made["settings"]["socket_mode_enabled"] is False
    assert made["settings"]["event_subscriptions"]["request_url"] == address
    assert made["settings"]["interactivity"]["request_url"] == address
    assert made["settings"]["interactivity"]["message_menu_options_url"] == address
    assert [slash["url"] for slash in made["features"]["slash_commands"]] == [address]


@pytest.mark.parametrize("made", [manifest(), manifest(transport="http", base_url="https://a.example")])
def test_both_ask_for_the_same(made: dict[str, Any]) -> None:
    """Scopes, events and the command don't depend on the transport."""
    assert tuple(made["oauth_config"]["scopes"]["bot"]) == SCOPES
    assert tuple(made["settings"]["event_subscriptions"]["bot_events"]) == EVENTS
    assert [slash["command"] for slash in made["features"]["slash_commands"]] == [COMMAND]


def test_the_least_scopes_are_asked_for() -> None:
    """A new scope or event makes every workspace approve the app again: it is a decision, not a slip."""
    assert set(SCOPES) == {
        "commands",
        "chat:write",
        "channels:join",
        "users:read",
        "users:read.email",
        "im:write",
        "im:history",
    }
    assert set(EVENTS) == {"app_home_opened", "user_change", "app_uninstalled", "tokens_revoked"}


def test_sizes_are_within_slacks_limits() -> None:
    """Slack refuses a manifest with longer texts."""
    made = manifest()
    info, features = made["display_information"], made["features"]
    assert len(info["name"]) <= 35
    assert len(info["description"]) <= 140
    assert len(features["bot_user"]["display_name"]) <= 80
    for slash in features["slash_commands"]:
        assert len(slash["description"]) <= 2000
        assert len(slash["usage_hint"]) <= 1000


def test_another_command_can_be_chosen() -> None:
    """Two apps with the same command take it from each other."""
    assert manifest(command="/mailboxes")["features"]["slash_commands"][0]["command"] == "/mailboxes"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"transport": "http"}, "add --base-url"),
        ({"transport": "http", "base_url": "http://inbox.example.com"}, "must begin with https://"),
        ({"transport": "http", "base_url": "inbox.example.com"}, "must be a full address"),
        ({"transport": "http", "base_url": "https://a.example/" + "x" * 3000}, "too long"),
        ({"command": "inbox"}, "a slash and up to 31"),
        ({"command": "/In Box"}, "a slash and up to 31"),
        ({"command": "/" + "x" * 32}, "a slash and up to 31"),
    ],
)
def test_what_slack_would_refuse_is_refused_here(given: dict[str, Any], words: str) -> None:
    """The reason is a sentence for the operator."""
    with pytest.raises(ManifestError, match=words):
        manifest(**given)
