"""What only storage tests need."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest


@pytest.fixture
def unreachable_url() -> Iterator[str]:
    """A PostgreSQL that nobody runs: its port is taken by somebody who does not answer the door."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield f"postgresql://inboxkeeper:hunter2@127.0.0.1:{closed.getsockname()[1]}/inboxkeeper"
