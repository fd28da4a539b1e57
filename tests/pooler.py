"""PgBouncer in front of the tests' PostgreSQL: connections lent out by the transaction, fewer than we open.

Its configuration is Debian's own where it matters: no startup parameter is ignored. Without PgBouncer these
tests are left out where people work, saying how to get it, and fail in CI.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import make_url

PGBOUNCER: Final = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
MISSING: Final = "these tests need PgBouncer, and there is none. On Debian: apt install pgbouncer"
_PATIENCE: Final = 20

_CONFIG: Final = """
[databases]
* = {server}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
query_wait_timeout = 120
logfile = {folder}/log
pidfile = {folder}/pid
{user}
"""


@asynccontextmanager
async def pooled(url: str, *, size: int = 3) -> AsyncIterator[str]:
    """The address of the same database through a pool of ``size`` connections."""
    if PGBOUNCER is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as name, socket.socket() as held:
        folder = Path(name)
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        held.close()
        config = _configured(url, folder, port, size)
        process = await asyncio.create_subprocess_exec(
            PGBOUNCER, str(config), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            await _until_open(port, process, folder)
            database = make_url(url).database
            yield f"postgresql://somebody@127.0.0.1:{port}/{database}"
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _configured(url: str, folder: Path, port: int, size: int) -> Path:
    parsed = make_url(url)
    host = str(parsed.query.get("host") or parsed.host or "127.0.0.1")
    server = f"host={host} port={parsed.port or 5432} user={parsed.username or 'postgres'}"
    if parsed.password:
        server += f" password={parsed.password}"
    user = ""
    if os.getuid() == 0:  # it refuses to be root; a server's socket may be its owner's alone
        owner = pwd.getpwuid(Path(host).stat().st_uid if host.startswith("/") else 65534)
        user = f"user = {owner.pw_name}"
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    config = folder / "pgbouncer.ini"
    config.write_text(_CONFIG.format(server=server, port=port, size=size, folder=folder, user=user))
    config.chmod(0o644)
    return config


async def _until_open(port: int, process: asyncio.subprocess.Process, folder: Path) -> None:
    async with asyncio.timeout(_PATIENCE):
        while True:
            if process.returncode is not None:
                log = folder / "log"
                raise AssertionError(log.read_text() if log.exists() else "PgBouncer ended at once")
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.transport.abort()
                return
            await asyncio.sleep(0.05)
