"""Runs the demo until somebody stops it. Rule: it prints one address; for programs, some lines besides."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from bot import log_setup
from bot.app import sending_webhooks
from bot.domain.grant import Secret
from bot.services import Services
from bot.services.connections.api_keys import KeySpec
from bot.services.connections.webhooks import Webhooks, WebhookSpec
from sandbox.demo import Place, Town, demo
from sandbox.receiver import HOST, PATH
from sandbox.smtp import LocalSmtp

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
reason.ja = "IMAP と SMTP でログインするため"
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
            async with sends_mail(built) as smtp:
                sys.stdout.write(await lines_for_programs(built, bot.services, smtp))
                sys.stdout.write(await hears_of_mailboxes(built, bot.services))
                sys.stdout.flush()
                await stopping.wait()
        else:
            sys.stdout.flush()
            await stopping.wait()


@asynccontextmanager
async def sends_mail(built: Town) -> AsyncIterator[LocalSmtp]:
    """A host that takes mail from whoever shows a token of the local Gmail's."""
    smtp = LocalSmtp(built.google.judges_token, built.imap.authority, name="localhost")
    await smtp.start()
    try:
        yield smtp
    finally:
        await smtp.close()


async def hears_of_mailboxes(built: Town, services: Services) -> str:
    """A webhook for the local receiver, which is told its secret; and where to see what it gets."""
    here = urlsplit(built.url)
    url = Secret(f"http://{HOST}:{here.port}{PATH}")
    async with sending_webhooks(built.settings, built.world) as sender:
        webhooks = Webhooks(services.core.storage, built.clock, sender)
        spec = WebhookSpec("Demo", url, is_for_team=True, created_by="operator")
        webhook, secret = await webhooks.create(services.workspace.id, spec)
        built.receiver.learns(secret.reveal())
        await webhooks.test(webhook.id)
    return f"""\
  What a program is told when a team address disconnects and works again, signed: {built.url}{PATH}

"""


async def lines_for_programs(built: Town, services: Services, smtp: LocalSmtp) -> str:
    """A key, which is good for this demo alone, and three lines that use it (docs/api.md)."""
    spec = KeySpec("Demo", is_for_team=True, features=["mail"], created_by="operator")
    _, key = await services.api_keys.create(services.workspace.id, spec)
    url, imap, ca_file = built.settings.base_url, built.imap, built.settings.imap_ca_file
    command = f"IK_URL={url} IK_KEY={key.reveal()} python3 -I bot/token_command.py"
    return f"""\
  Once {_ADDRESS} is connected at Gmail, a program gets a token of it, logs in by IMAP with one, and sends a
  mail with one:

curl -X POST {url}/api/v1/channels/{_ADDRESS}/token \\
     -H 'Authorization: Bearer {key.reveal()}' -d '{{"audience": "imap"}}'

token=$({command} {_ADDRESS}) && curl -s \\
     --cacert {ca_file} --resolve {imap.name}:{imap.tls_port}:127.0.0.1 -X 'EXAMINE INBOX' \\
     -u {_ADDRESS}: --oauth2-bearer "$token" imaps://{imap.name}:{imap.tls_port}/

printf 'Subject: Hello\\n\\nFrom the demo\\n' | msmtp \\
     --host=localhost --port={smtp.port} --tls=on --tls-starttls=off --tls-trust-file={ca_file} \\
     --auth=oauthbearer --user={_ADDRESS} --from={_ADDRESS} \\
     --passwordeval='{command} --for smtp {_ADDRESS}' alice@acme.example && echo sent

"""
