"""How much of the time each target gets."""

from __future__ import annotations

import pytest

from tests.fuzz.harness import SECONDS, Budget

EXAMPLES = pytest.StashKey[int]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """All that were chosen share what there is."""
    config.stash[EXAMPLES] = sum("/fuzz/" in item.path.as_posix() for item in items)


@pytest.fixture
def budget(request: pytest.FixtureRequest) -> Budget:
    """``SECONDS`` between all of them; else a few inputs, on PostgreSQL fewer."""
    is_postgresql = "postgresql" in request.node.name
    targets = max(request.config.stash[EXAMPLES], 1)
    return Budget(request.node.originalname, examples=10 if is_postgresql else 25, seconds=SECONDS / targets)
