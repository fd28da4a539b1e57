"""auth.test, team.info and apps.connections.open: who the token is, and the way to Socket Mode."""

from __future__ import annotations

import secrets

from sandbox.slack.arguments import Arguments
from sandbox.slack.core import Core
from sandbox.slack.methods.base import Method
from sandbox.slack.seed import BOT_ID, BOT_NAME, BOT_USER
from sandbox.slack.state import Json


def _auth_test(core: Core, _arguments: Arguments) -> Json:
    return {
        "url": f"{core.settings.base_url()}/",
        "team": core.workspace.name,
        "user": BOT_NAME.lower(),
        "team_id": core.workspace.team_id,
        "user_id": BOT_USER,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def _team_info(core: Core, _arguments: Arguments) -> Json:
    workspace = core.workspace
    return {"team": {"id": workspace.team_id, "name": workspace.name, "domain": workspace.domain}}


def _connections_open(core: Core, _arguments: Arguments) -> Json:
    ticket = secrets.token_urlsafe(16)
    core.socket_tickets.add(ticket)
    return {"url": f"{core.settings.base_url().replace('http', 'ws', 1)}/socket/{ticket}"}


METHODS = {
    "auth.test": Method(_auth_test),
    "team.info": Method(_team_info, scope="team:read"),
    "apps.connections.open": Method(_connections_open, for_app_token=True),
}
