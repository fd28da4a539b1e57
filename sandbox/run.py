"""Runs the demo until somebody stops it. Rule: it prints one address; for programs, two lines besides."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bot import log_setup
from bot.services import Services
from bot.services.connections.api_keys import KeySpec
from sandbox.demo import Place, Town, demo

_FAST = {
    "PROBE_PERSONAL_SECONDS": "4",
    "PROBE_TEAM_SECONDS": "3",
    "WITNESS_SECONDS": "2",
    "IMAP_PROBE_SECONDS": "4",
    "MAIL_WATCH_SECONDS": "5",
    "HUBSPOT_SECONDS": "3",
}
"""The demo looks every few seconds, so that a broken inbox is noticed while one watches. Much else waits in
proportion to a witness: a refusal of everybody is waited out for a whole minute before anybody should act."""


FEATURE = """
[mail]
on = true
name.en = "Mail programs"
name.ja = "メールソフト"
reason.en = "to log in by IMAP and SMTP"
reason.ja = "IMAPとSMTPでログインするため"
scopes.google = ["https://mail.google.com/"]
scopes.microsoft = ["https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send"]
scopes.microsoft_shared = ["https://outlook.office.com/IMAP.AccessAsUser.All"]
"""
_ADDRESS = "support@acme.example"


def run(port: int, transport: str, *, for_programs: bool = False) -> None:
    """Returns once stopped by Ctrl+C or a request to end. Raises ``OSError`` if it cannot begin.

    ``for_programs``: with keys, and a feature that lets programs log in. Without, consent asks for as little
    as an installation without features does.
    """
    log_setup.configure("console", level=logging.ERROR)
    with TemporaryDirectory() as folder:
        settings = dict(_FAST)
        if for_programs:
            features = Path(folder) / "features.toml"
            features.write_text(FEATURE, encoding="utf-8")
            settings |= {"API": "true", "FEATURES_FILE": str(features)}
        place = Place(port=port, transport=transport, settings=settings, hubspot=True)
        asyncio.run(_run(place, for_programs=for_programs))


async def _run(place: Place, *, for_programs: bool) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopping.set)
    async with demo(place) as (built, bot):
        sys.stdout.write(f"\n  Inboxkeeper's demo is ready: {built.url}\n  Stop it with Ctrl+C.\n\n")
        if for_programs:
            sys.stdout.write(await lines_for_programs(built, bot.services))
        sys.stdout.flush()
        await stopping.wait()


async def lines_for_programs(built: Town, services: Services) -> str:
    """A key, which is good for this demo alone, and two lines that use it (docs/api.md)."""
    spec = KeySpec("Demo", is_for_team=True, features=["mail"], created_by="operator")
    _, key = await services.api_keys.create(services.workspace.id, spec)
    url, imap = built.settings.base_url, built.imap
    token = f"$(IK_URL={url} IK_KEY={key.reveal()} python3 -I bot/token_command.py {_ADDRESS})"
    return f"""\
  Once {_ADDRESS} is connected at Gmail, a program gets a token of it, and logs in by IMAP with one:

curl -X POST {url}/api/v1/channels/{_ADDRESS}/token \\
     -H 'Authorization: Bearer {key.reveal()}' -d '{{"audience": "imap"}}'

curl --cacert {built.settings.imap_ca_file} --resolve {imap.name}:{imap.tls_port}:127.0.0.1 \\
     -X 'EXAMINE INBOX' -u {_ADDRESS}: --oauth2-bearer "{token}" imaps://{imap.name}:{imap.tls_port}/

"""
