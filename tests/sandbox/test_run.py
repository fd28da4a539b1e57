"""What the demo prints for programs does what it says."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path

from sandbox.run import FEATURE, hears_of_mailboxes, lines_for_programs, sends_mail
from tests.services.play import Play
from tests.services.test_consumers import needs, needs_curl
from tests.stage import KEY, a_stage


@needs_curl
@needs("msmtp", "msmtp")
async def test_the_lines_for_programs_work_as_printed(
    settled_url: str, inline_sqlite: None, tmp_path: Path
) -> None:
    """A token, a login by IMAP and a mail with one; broken, none of them; reconnected, all again; and the
    receiver is told."""
    file = tmp_path / "features.toml"
    file.write_text(FEATURE, encoding="utf-8")
    async with (
        a_stage(settled_url, key=KEY, FEATURES_FILE=str(file), API="true") as stage,
        AsyncExitStack() as stack,
    ):
        await stage.settles()
        play = Play(stage)
        support = await play.connect_team()
        smtp = await stack.enter_async_context(sends_mail(stage.town))
        printed = await lines_for_programs(stage.town, stage.bot.services, smtp)
        lines = re.findall(r"^(?:curl|token|printf).*?(?=\n\n)", printed, flags=re.DOTALL | re.MULTILINE)
        asks, logs_in, sends = lines
        assert f"{stage.town.url}/receiver" in await hears_of_mailboxes(stage.town, stage.bot.services)

        async def told(line: str) -> str:
            process = await asyncio.create_subprocess_exec(
                *("bash", "-c", line),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            out, _ = await asyncio.wait_for(process.communicate(), 60)
            return out.decode()

        assert '"access_token": "ya29.' in await told(asks)
        assert "EXISTS" in await told(logs_in)
        assert await told(sends) == "sent\n"
        assert "From the demo" in smtp.sent[0].text
        play.google.break_down("revoked", support.address)
        await play.passes(minutes=20)
        assert '"error": "disconnected"' in await told(asks)
        assert "People have been told" in await told(logs_in)
        assert "People have been told" in await told(sends)
        play.google.mend(support.address)
        await play.signs_in(await play.reconnect("omar", support))
        assert '"access_token": "ya29.' in await told(asks)
        assert await told(sends) == "sent\n"
        await play.passes(minutes=1)
        heard = [it.body["type"] for it in stage.town.receiver.received]
        assert heard == ["endpoint.test", "channel.disconnected", "channel.recovered"]
        assert not stage.town.receiver.refused
