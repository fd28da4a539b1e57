"""Child processes: what is measured and what measures must not share an interpreter. The bot among them gets
its own settings, pointed at ``bench.outside``.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

import aiohttp

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


_STARTS_WITHIN = 30.0


class DidNotStart(Exception):
    """A child ended, or said nothing, before it was ready."""


def listener() -> socket.socket:
    """A socket on a free port of this machine."""
    return socket.create_server(("127.0.0.1", 0), backlog=128)


def free_port() -> int:
    """A port that was free a moment ago."""
    with listener() as taken:
        return int(taken.getsockname()[1])


def announce(listening: socket.socket) -> None:
    """Tell the parent where this child listens."""
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Serving:
    """A child that listens."""

    port: int
    pid: int


@asynccontextmanager
async def announced(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[int]:
    """``python -m module`` for as long as the block lasts; yields the port that it announced."""
    async with serving(module, *arguments, environment=environment) as it:
        yield it.port


@asynccontextmanager
async def serving(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Serving]:
    """The same, and which process it is."""
    async with _child(
        "-m", module, *arguments, environment=environment, stdout=asyncio.subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        async with asyncio.timeout(_STARTS_WITHIN):
            said = await child.stdout.readline()
        if not said:
            raise DidNotStart(module)
        yield Serving(int(said), child.pid)


@dataclass(frozen=True, slots=True)
class Started:
    """A bot that is ready."""

    pid: int
    after: float
    """Seconds from its start until it was ready."""
    cpu: float
    """Seconds of its own."""
    memory: float
    """Resident, in MiB."""


async def migrated(environment: Mapping[str, str], *, folder: Path | None = None) -> None:
    """``python -m bot migrate``, of the build in ``folder``."""
    quiet = asyncio.subprocess.DEVNULL
    async with _child(
        "-m", "bot", "migrate", environment=environment, stdout=quiet, stderr=quiet, folder=folder
    ) as child:
        if await child.wait():
            raise DidNotStart("migrate")


@asynccontextmanager
async def the_bot(
    environment: Mapping[str, str], port: int, *, folder: Path | None = None
) -> AsyncIterator[Started]:
    """``python -m bot serve``, of this build or of the one in ``folder``."""
    began = perf_counter()
    quiet = asyncio.subprocess.DEVNULL
    async with (
        _child(
            "-m", "bot", "serve", environment=environment, stdout=quiet, stderr=quiet, folder=folder
        ) as child,
        aiohttp.ClientSession() as session,
    ):
        await _until_ready(child, session, f"http://127.0.0.1:{port}/readyz")
        yield _started(child.pid, perf_counter() - began)


@asynccontextmanager
async def _child(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    folder: Path | None = None,
) -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        # As where it is installed: what was compiled once is read.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **(environment or {})},
        stdout=stdout,
        stderr=stderr,
        cwd=folder,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
        await child.wait()


def cpu_of(pid: int) -> float:
    """Seconds that this process has computed so far, all its threads together."""
    spent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")


def _started(pid: int, after: float) -> Started:
    kilobytes = int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0])
    return Started(pid, after, cpu=cpu_of(pid), memory=kilobytes / 1024)


async def _until_ready(child: asyncio.subprocess.Process, session: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(_STARTS_WITHIN):
        while child.returncode is None:
            try:
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.01)
    raise DidNotStart(url)
