"""A gate on loopback before a PostgreSQL server, so that a test can shut it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from sqlalchemy import URL, make_url


@dataclass
class Gate:
    """Passes bytes on while it is open. Shut, it cuts what is there and hangs up on whoever comes."""

    behind: URL
    is_open: bool = True
    _there: set[asyncio.StreamWriter] = field(default_factory=set)

    def shut(self) -> None:
        self.is_open = False
        for writer in self._there:
            writer.transport.abort()

    def open(self) -> None:
        self.is_open = True

    async def comes(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.is_open:
            writer.transport.abort()
            return
        to_reader, to_writer = await self._server()
        self._there |= {writer, to_writer}
        await asyncio.gather(_pumped(reader, to_writer), _pumped(to_reader, writer))
        self._there -= {writer, to_writer}

    async def _server(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        folder = self.behind.query.get("host")
        if isinstance(folder, str):
            return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{self.behind.port or 5432}")
        return await asyncio.open_connection(self.behind.host, self.behind.port or 5432)


async def _pumped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def a_gate(database_url: str) -> AsyncIterator[tuple[Gate, str]]:
    """The gate and the URL that leads through it."""
    behind = make_url(database_url)
    gate = Gate(behind)
    server = await asyncio.start_server(gate.comes, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    through = behind.set(host="127.0.0.1", port=port, query={})
    try:
        yield gate, through.render_as_string(hide_password=False)
    finally:
        server.close()
        gate.shut()
