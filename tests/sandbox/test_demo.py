"""The demo: one address, a port of one's own, a clean end, and answers while the engine runs."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from sandbox.demo import Place, bound, demo, fresh_database
from tests.driver import Driver
from tests.stage import Stage

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60
"""Seconds for a whole process to come up on a busy machine."""


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """The demo as people run it: real time, and the engine at work."""
    place = Place(database_url=f"sqlite:///{tmp_path / 'demo.db'}")
    async with demo(place) as (built, bot), aiohttp.ClientSession() as session:
        acme = Stage(built, bot, Driver(built.url, session), session)
        yield acme
        await acme.close()


async def test_enabling_says_what_the_check_showed(stage: Stage) -> None:
    """The engine, woken by the same step, must not take the check away from the answer."""
    await stage.connected("alice")
    alice = stage.person("alice")
    await alice.types("/inbox disable alice@acme.example")
    await alice.submits()
    await alice.clicks("Close", in_="modal")
    await alice.types("/inbox enable alice@acme.example")
    await alice.until(lambda screen: "is enabled and works: we just checked." in screen.plain)


async def test_removing_says_what_the_provider_answered(stage: Stage) -> None:
    """Confirmed in the very answer, since the provider is quick."""
    await stage.connected("alice")
    alice = stage.person("alice")
    await alice.types("/inbox remove alice@acme.example")
    await alice.submits()
    screen = await alice.until(lambda screen: "Revoked at Google" in screen.plain)
    assert screen.modal is not None
    assert "Revoked at Google: confirmed" in screen.modal.plain


async def test_the_tour_ticks_itself_off(stage: Stage) -> None:
    """In the README's order, by what the bot has on record; what was done stays done."""

    async def told() -> tuple[str, str]:
        async with stage.session.get(f"{stage.town.url}/") as page:
            html = await page.text()
        assert html.count('data-testid="tour-step"') == 8
        count = re.search(r"· (\d) of 8<", html)
        following = re.search(r'class="next".*?\d</span> ([^<]+)</p>', html, re.DOTALL)
        assert count is not None and following is not None
        return count[1], following[1]

    assert await told() == ("0", "Connect")
    await stage.connected("alice")
    assert await told() == ("1", "Stop using it, and begin again")
    alice = stage.person("alice")
    await alice.types("/inbox remove alice@acme.example")
    await alice.submits()
    assert await told() == ("1", "Stop using it, and begin again")
    await stage.connected("alice")
    assert await told() == ("2", "Stop using it, and begin again")


def test_two_demos_never_share_a_database(tmp_path: Path) -> None:
    """Each port has its own file; a new run on the same port begins anew."""
    one, other = fresh_database(tmp_path, 3000), fresh_database(tmp_path, 3001)
    assert one != other
    for name in ("demo-3000.db", "demo-3000.db-wal", "demo-3001.db"):
        (tmp_path / name).write_text("old")
    assert fresh_database(tmp_path, 3000) == one
    assert [path.name for path in tmp_path.iterdir()] == ["demo-3001.db"]


async def _started(port: int, folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sandbox",
        "--port",
        str(port),
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_it_prints_one_address_and_ends_cleanly(tmp_path: Path) -> None:
    """Also after a kill -9: nothing that it left behind is in the way."""
    with bound("localhost", 0) as free:
        port = free.getsockname()[1]
    for how in (signal.SIGKILL, signal.SIGINT):
        process = await _started(port, tmp_path)
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            said = await process.stdout.readuntil(b"Ctrl+C.")
            process.send_signal(how)
            rest, complaints = await process.communicate()
        assert re.findall(r"http\S+", (said + rest).decode()) == [f"http://localhost:{port}"]
    assert complaints == b""
    assert process.returncode == 0


@pytest.mark.parametrize("wanted", ["taken", "no port"])
async def test_a_port_that_cannot_be_had_is_told_with_the_next_step(wanted: str, tmp_path: Path) -> None:
    """In one sentence, and nothing of whoever has the port is touched."""
    with bound("localhost", 0) as held:
        process = await _started(held.getsockname()[1] if wanted == "taken" else 70000, tmp_path)
        async with asyncio.timeout(PATIENCE):
            _, complaints = await process.communicate()
    assert process.returncode != 0
    assert "Next: make demo PORT=" in complaints.decode()
    assert "Traceback" not in complaints.decode()
    assert list(tmp_path.iterdir()) == []
