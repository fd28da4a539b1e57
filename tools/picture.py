"""The picture in ``docs/architecture.md``: which package imports which, drawn from the code.

``python tools/picture.py`` writes it anew, ``--check`` says whether it is up to date: ``make docs`` and
``make check`` call it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = ROOT / "docs" / "architecture.md"
BEGIN: Final = "<!-- picture: made by tools/picture.py -->\n"
END: Final = "<!-- end of the picture -->\n"
ROOMS: Final = {
    "bot.services.core": "services/core",
    "bot.services.people": "services/people",
    "bot.services.monitoring": "services/monitoring",
    "bot.services.connections": "services/connections",
    "bot.services.messaging": "services/messaging",
    "bot.services.upkeep": "services/upkeep",
    "bot.domain": "domain",
    "bot.views": "views",
    "bot.notifier": "notifier",
    "bot.slack": "slack",
    "handlers": "handlers",
    "providers": "providers",
    "storage": "storage",
    "bot.services": "services",
    "bot": "bot: app, worker, doctor, commands",
}
"""By the beginning of a module's name: the first that fits is where it belongs."""
EVERYBODY: Final = {"domain"}
"""Arrows to these say nothing: everybody has one."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the product by its dotted name."""
    for folder in ("bot", "handlers", "providers", "storage"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def room_of(module: str) -> str | None:
    """Where a module of the product belongs; ``None`` for everybody else's."""
    return next((room for name, room in ROOMS.items() if f"{module}.".startswith(f"{name}.")), None)


def arrows() -> dict[tuple[str, str], int]:
    """How many imports lead from one room to another."""
    found: dict[tuple[str, str], int] = {}
    for name, tree in modules():
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or node.module is None:
                continue
            source, target = room_of(name), room_of(node.module)
            if source and target and source != target and target not in EVERYBODY:
                found[source, target] = found.get((source, target), 0) + 1
    return found


def drawn() -> str:
    """The picture as Mermaid, the number of imports on each arrow."""
    known = {room: f"r{number}" for number, room in enumerate(ROOMS.values())}
    lines = ["```mermaid", "flowchart TD"]
    lines += [f'    {key}["{room}"]' for room, key in known.items()]
    lines += [f"    {known[a]} -->|{count}| {known[b]}" for (a, b), count in sorted(arrows().items())]
    return "\n".join([*lines, "```"]) + "\n"


def main(wants: list[str]) -> int:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    page = before + BEGIN + drawn() + END + after
    if "--check" in wants:
        if page == PAGE.read_text(encoding="utf-8"):
            return 0
        sys.stderr.write("The picture in docs/architecture.md lags behind the code: run make docs.\n")
        return 1
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
