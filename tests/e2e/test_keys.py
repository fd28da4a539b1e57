"""Starting with the wrong key, or with none: refused in words, and nothing that is stored suffers."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
import typer
from cryptography.fernet import Fernet
from pydantic import SecretStr

from bot import operator_commands
from bot.app import KeysLost, cipher_of
from bot.config import Settings
from sandbox.demo import BOT_TOKEN, Town
from storage import KeyUnknown, Storage, rekey
from tests.e2e.questions import asks
from tests.stage import a_bot, a_town

REPOSITORY = Path(__file__).resolve().parents[2]
ALICE = "alice@acme.example"


def with_keys(town: Town, *keys: str) -> Town:
    settings = town.settings.model_copy(update={"secret_keys": tuple(map(SecretStr, keys))})
    return Town(**{**vars(town), "settings": settings})


async def test_a_wrong_key_is_refused_and_the_right_one_still_works(database_url: str) -> None:
    """A database written with another key is not touched; with the old key behind the new, all is there."""
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    async with a_town(database_url, key=old) as town:
        async with a_bot(town) as stage:
            await stage.connected("alice")
        with pytest.raises(KeysLost, match="add the old key behind the new one"):
            async with a_bot(town, with_keys(town, new).settings):
                pass
        async with a_bot(town, with_keys(town, new, old).settings) as stage:
            await stage.passes(minutes=16)
            assert "🟢 Connected since" in await asks(stage, "alice", "/inbox list")


async def test_rekeying_waits_for_who_runs_without_the_new_key(database_url: str) -> None:
    """Refused in words while it runs; done beside it once it was restarted with both keys, or has ended."""
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    async with a_town(database_url, key=old) as town:
        both = with_keys(town, new, old).settings
        async with a_bot(town) as stage:
            await stage.connected("alice")
            with pytest.raises(KeyUnknown) as refused:
                await _rekeyed(town, both)
            assert refused.value.processes == 1
            await stage.passes(minutes=16)
            assert "🟢 Connected since" in await asks(stage, "alice", "/inbox list")
        async with a_bot(town, both) as stage:
            assert await _rekeyed(town, both) > 0
            await stage.passes(minutes=16)
        async with a_bot(town, with_keys(town, new).settings) as stage:
            await stage.passes(minutes=16)
            assert "🟢 Connected since" in await asks(stage, "alice", "/inbox list")


async def _rekeyed(town: Town, settings: Settings) -> int:
    """By a process of its own, at the town's clock."""
    url = settings.database_url.get_secret_value()
    storage = await Storage.open(url, cipher=cipher_of(settings), lead=town.clock.lead)
    try:
        return await rekey(storage)
    finally:
        await storage.close()


def test_the_refusal_to_rekey_names_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    """And ends with status 2, like every other."""
    with pytest.raises(typer.Exit) as ended:
        operator_commands.stop(KeyUnknown(3))
    assert ended.value.exit_code == 2
    said = capsys.readouterr().err
    assert "in so many processes: 3." in said and "Next: give every process both keys" in said


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("given", ["", "not-a-key", "another"])
async def test_a_shell_is_told_what_is_wrong_with_the_key(database_url: str, given: str) -> None:
    """``serve`` ends with words that name the setting and the next step, and with no traceback."""
    async with a_town(database_url) as town:
        async with a_bot(town) as stage:
            await stage.connected("alice")
        key = Fernet.generate_key().decode() if given == "another" else given
        code, said = await _served(town, key)
    assert code != 0 and "Traceback" not in said
    assert "INBOXKEEPER_SECRET_KEYS" in said
    assert "add the old key" in said if given == "another" else "keygen" in said
    assert BOT_TOKEN not in said and (not key or key not in said)


async def _served(town: Town, key: str) -> tuple[int, str]:
    settings = town.settings
    environment = {
        "PATH": os.environ["PATH"],
        "INBOXKEEPER_DATABASE_URL": settings.database_url.get_secret_value(),
        "INBOXKEEPER_SECRET_KEYS": key,
        "INBOXKEEPER_BASE_URL": "http://127.0.0.1:1",
        "INBOXKEEPER_PORT": "1",
        "INBOXKEEPER_SLACK_BOT_TOKEN": BOT_TOKEN,
        "INBOXKEEPER_SLACK_SIGNING_SECRET": "0123456789abcdef0123456789abcdef",
        "INBOXKEEPER_SLACK_API_URL": str(settings.slack_api_url),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "serve"),
        cwd=REPOSITORY,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()
