"""Simulations run on SQLite unless a test asks for both: what they try is time, not SQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from structlog.testing import capture_logs

from tests.simulation.office import Office, an_office


@pytest.fixture
def database_kind() -> str:
    return "sqlite"


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
