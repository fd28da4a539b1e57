"""What the demo prints for programs does what it says."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from sandbox.run import FEATURE, lines_for_programs
from tests.services.play import Play
from tests.services.test_consumers import needs_curl
from tests.stage import KEY, a_stage


@needs_curl
async def test_the_lines_for_programs_work_as_printed(
    settled_url: str, inline_sqlite: None, tmp_path: Path
) -> None:
    """A token, and a login by IMAP with one; broken, neither; reconnected, both again."""
    file = tmp_path / "features.toml"
    file.write_text(FEATURE, encoding="utf-8")
    async with a_stage(settled_url, key=KEY, FEATURES_FILE=str(file), API="true") as stage:
        await stage.settles()
        play = Play(stage)
        support = await play.connect_team()
        printed = await lines_for_programs(stage.town, stage.bot.services)
        asks, logs_in = re.findall(r"^curl.*?(?=\n\n)", printed, flags=re.DOTALL | re.MULTILINE)

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
        play.google.break_down("revoked", support.address)
        await play.passes(minutes=20)
        assert '"error": "disconnected"' in await told(asks)
        assert "People have been told" in await told(logs_in)
        play.google.mend(support.address)
        await play.signs_in(await play.reconnect("omar", support))
        assert '"access_token": "ya29.' in await told(asks)
