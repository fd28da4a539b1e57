"""The bot's own settings, pointed at ``bench.outside``."""

from __future__ import annotations

from typing import Final

from bench.databases import KEY

SIGNING_SECRET: Final = "0123456789abcdef0123456789abcdef"


def environment(database_url: str, *, outside: int, port: int, google: str = "") -> dict[str, str]:
    """What an operator would set. ``outside`` and ``port``: where the outside and the bot listen; ``google``:
    where Google is, if elsewhere."""
    there = f"http://127.0.0.1:{outside}"
    google = google or there
    values = {
        "DATABASE_URL": database_url,
        "SECRET_KEYS": KEY,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WATCH_PUBLIC": "true",  # where the bench asks whether the bot is ready
        "BASE_URL": f"http://127.0.0.1:{port}",
        "SLACK_BOT_TOKEN": "xoxb-0000000000-bench",
        "SLACK_APP_TOKEN": "",
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_API_URL": f"{there}/api",
        "GOOGLE_CLIENT_ID": "1234567890-bench.apps.googleusercontent.com",
        "GOOGLE_CLIENT_SECRET": "GOCSPX-bench-secret-0000000000",
        "GOOGLE_TOKEN_URL": f"{google}/token",
        "GOOGLE_REVOKE_URL": f"{google}/revoke",
        "GOOGLE_CERTS_URL": f"{google}/certs",
        "GMAIL_API_URL": google,
    }
    return {f"INBOXKEEPER_{name}": value for name, value in values.items()}
