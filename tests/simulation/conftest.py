"""Simulations run on SQLite unless a test asks for both: what they try is time, not SQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from structlog.testing import capture_logs

from tests.simulation.office import Office, an_office


@pytest.fixture
def database_kind() -> str:
    return "sqlite"


class _Inline:
    """Where a driver puts work for a thread of its own: done on the spot."""

    def put_nowait(self, work: tuple[asyncio.Future[object] | None, Callable[[], object]]) -> None:
        future, function = work
        try:
            result = function()
        except BaseException as error:
            if future is None or isinstance(error, KeyboardInterrupt):
                raise
            future.set_exception(error)
        else:
            if future is not None:
                future.set_result(result)


class _NoThread:
    """It has nothing to do, and no daemon to be."""

    daemon = False

    def __init__(self, **_: object) -> None:
        pass

    def start(self) -> None:
        pass


@pytest.fixture
def inline_sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    """Statements are run where they are asked for: a week is a million of them, and handing each to a thread
    takes longer than running it, and another order every time."""
    monkeypatch.setattr("aiosqlite.core.SimpleQueue", _Inline)
    monkeypatch.setattr("aiosqlite.core.Thread", _NoThread)


@pytest.fixture(autouse=True)
def no_bugs() -> Iterator[None]:
    """Fails a test during which a bug was logged."""
    with capture_logs() as logs:
        yield
    bugs = [entry for entry in logs if entry["log_level"] == "error" and entry.get("exc_info")]
    assert not bugs, bugs


@pytest.fixture
async def office(database_url: str, inline_sqlite: None) -> AsyncIterator[Office]:
    async with an_office(database_url) as built:
        yield built
