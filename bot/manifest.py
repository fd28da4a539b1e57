"""The Slack app's manifest, made from the constants that say what the product listens to.

The one rule: ``app.yaml`` is ``render(manifest())`` and nothing else; edit here, never there.
"""

from __future__ import annotations

from typing import Any, Literal

from bot import config_validators

Transport = Literal["socket", "http"]

COMMAND = "/inbox"
SCOPES = (
    "commands",
    "chat:write",
    "channels:join",
    "users:read",
    "users:read.email",
    "im:write",
    "im:history",
)
EVENTS = ("app_home_opened", "app_uninstalled", "tokens_revoked", "user_change")
REQUEST_PATH = "/slack/events"
"""Where Slack posts commands, events and clicks when the transport is HTTP."""

NAME = "Inboxkeeper"
DESCRIPTION = "Keeps your team's mailboxes connected, and tells you when one is not."
COMMAND_DESCRIPTION = "Connect, check, disable or remove a mailbox"
COMMAND_HINT = "connect | list | status | help"

_HEADING = """\
# The Slack app of Inboxkeeper: paste this into "Create an app" > "From a manifest" on api.slack.com/apps.
# Made by `python -m bot manifest{options}`; bot/manifest.py is where it is changed.
"""
MAX_URL = 3000


class ManifestError(ValueError):
    """Slack would refuse this manifest; the text says why, for the operator."""


def manifest(
    *, transport: Transport = "socket", base_url: str = "", command: str = COMMAND
) -> dict[str, Any]:
    """The manifest as data. HTTP needs ``base_url``; Socket Mode has no addresses at all."""
    url = request_url(base_url) if transport == "http" else None
    slash = {"command": command, "description": COMMAND_DESCRIPTION, "usage_hint": COMMAND_HINT}
    _check(command=command, url=url or "")
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": NAME,
            "description": DESCRIPTION,
            "background_color": "#1f2937",
        },
        "features": {
            # People answer in the notices' buttons, not in prose: a composer nobody reads misleads.
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": NAME, "always_online": True},
            # Escaping would turn an address into a link before the command is read.
            "slash_commands": [slash | ({"url": url} if url else {}) | {"should_escape": False}],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": ({"request_url": url} if url else {}) | {"bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True}
            | ({"request_url": url, "message_menu_options_url": url} if url else {}),
            "org_deploy_enabled": False,
            "socket_mode_enabled": transport == "socket",
            "token_rotation_enabled": False,
        },
    }


def render(document: dict[str, Any]) -> str:
    """The manifest as the YAML that Slack's form takes."""
    socket = document["settings"]["socket_mode_enabled"]
    options = "" if socket else " --transport http --base-url ..."
    import yaml  # only who asks for the manifest needs it

    body: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    return _HEADING.format(options=options) + body


def request_url(base_url: str) -> str:
    """Where Slack will post. Raises ``ManifestError`` when that cannot be an address for Slack."""
    if not base_url:
        raise ManifestError(
            "Over HTTP Slack must reach the bot: add --base-url https://… as it is seen from the internet, "
            "or use --transport socket, which needs no public address."
        )
    try:
        return config_validators.base_url(base_url) + REQUEST_PATH
    except ValueError as fault:
        raise ManifestError(f"The --base-url {fault}.") from None


def _check(*, command: str, url: str) -> None:
    try:
        config_validators.command(command)
    except ValueError as fault:
        raise ManifestError(f"The --command {fault}, like {COMMAND}.") from None
    if len(url) > MAX_URL:
        raise ManifestError(f"The --base-url is too long: Slack takes {MAX_URL} characters.")
