"""What the import linter cannot see: who reads the environment and the clock, what the domain needs, how
modules and classes are named, and whether docs/architecture.md shows them all where they are."""

from __future__ import annotations

import ast
import itertools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parent.parent
PRODUCT = ("bot", "handlers", "providers", "storage")
CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}


def modules(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), parsed(path)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def uses(tree: ast.Module, names: set[str]) -> bool:
    """Whether the module mentions one of these dotted names."""
    attributes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return any(
        name == wanted or name.endswith(f".{wanted}")
        for name in map(ast.unparse, attributes)
        for wanted in names
    )


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_only_the_settings_read_the_environment() -> None:
    """What the bot does depends on its settings, all of them in one place. The command that prints a token is
    a program of its own, for other machines."""
    found = {path for path, tree in modules(*PRODUCT) if uses(tree, {"os.environ", "os.getenv"})}
    assert found == {"bot/config.py", "bot/token_command.py"}


def test_the_clock_is_passed_in() -> None:
    """Only ``bot.app`` knows the time; everybody else is told, so that tests can tell it too."""
    found = {path for path, tree in modules(*PRODUCT) if uses(tree, CLOCKS)}
    assert found <= {"bot/app.py"}


PURE: Final = {("bot/domain/address.py", "idna")}
"""The standard's own tables say which domains are one: as pure as those that come with Python, which are
twenty years old."""


def test_the_domain_needs_the_standard_library_alone() -> None:
    """Decisions are pure: they import each other and what comes with Python."""
    foreign = {
        (path, name)
        for path, tree in modules("bot/domain")
        for name in imported(tree)
        if name.partition(".")[0] not in sys.stdlib_module_names and not f"{name}.".startswith("bot.domain.")
    }
    assert foreign == PURE


NOUNS: Final = {"greeting", "mail_routing", "messaging", "monitoring", "responding", "wording"}
"""End like a gerund and name a thing, or are the field's own word for it."""


def names_of_modules(*folders: str) -> Iterator[tuple[str, str]]:
    """Every module and package by its path and by the last part of its dotted name."""
    for path, _ in modules(*folders):
        yield path, Path(path.removesuffix("/__init__.py")).stem


def test_no_module_is_named_like_one_of_the_standard_library() -> None:
    """Who reads ``types`` in a traceback or searches for ``token`` means Python's own."""
    alike = {path for path, name in names_of_modules(*PRODUCT, "sandbox") if name in sys.stdlib_module_names}
    assert alike == set()


def test_modules_are_named_after_things() -> None:
    """A folder is a list of what there is; what is done with it stands in the functions."""
    doings = {path for path, name in names_of_modules(*PRODUCT) if name.endswith("ing") and name not in NOUNS}
    assert doings == set()


LONGEST_MODULE: Final = 1_000


def test_no_module_is_longer_than_a_thousand_lines() -> None:
    """As docs/architecture.md says."""
    lines = {
        path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path, _ in modules(*PRODUCT)
    }
    assert {path: count for path, count in lines.items() if count >= LONGEST_MODULE} == {}


MOST_PARAMETERS: Final = 6


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many there are beside ``self`` or ``cls``."""
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    rest = [it for it in (given.vararg, given.kwarg) if it is not None]
    return len([it for it in named if it.arg not in {"self", "cls"}]) + len(rest)


def test_nobody_takes_more_than_six_parameters() -> None:
    """What belongs together is one value with a name. Constructors are given what they are made of."""
    long = {
        f"{path}:{node.name}": parameters(node)
        for path, tree in modules(*PRODUCT, "sandbox")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name != "__init__"
    }
    assert {name: count for name, count in long.items() if count > MOST_PARAMETERS} == {}


def test_a_name_means_one_class() -> None:
    """Whoever searches for a class finds it, and no other of that name."""
    places: dict[str, list[str]] = {}
    for path, tree in modules(*PRODUCT):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(path)
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


SELDOM_NEEDED: Final = (
    *("alembic", "cryptography.x509", "dns", "google.auth", "jinja2", "jwt", "mako", "msal"),
    *("psycopg", "pygments", "requests", "rich.console", "sqlalchemy.dialects.postgresql", "urllib3", "yaml"),
)
"""What takes long to load, and most starts never need: a third of what a start costs, and of its memory."""


def test_a_start_loads_what_every_start_needs() -> None:
    """Whatever ``serve`` imports before it reads the database."""
    program = (
        "import sys, bot.__main__ as it; it._load_structlog_without_rich(); import bot.operator_commands; "
        f"print(*sorted(set({SELDOM_NEEDED!r}) & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_a_start_looks_for_no_garbage_in_what_it_loads() -> None:
    """Nothing of it is ever freed; what is made later is collected as ever."""
    program = (
        "import gc; from bot.__main__ import _loading\n"
        "def walks(): return sum(each['collections'] for each in gc.get_stats())\n"
        "with _loading():\n"
        "    before = walks(); import bot.operator_commands; print(walks() - before)\n"
        "print(gc.isenabled(), gc.get_freeze_count() > 100_000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0", "True", "True"]


def table(head: str) -> list[list[str]]:
    """The cells of the rows of the table in docs/architecture.md that has this line on top."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    below = text.partition(f"\n{head}\n")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in below.splitlines()[1:]]


def coded(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


LAYERS: Final = [
    ([it.rstrip("/").rpartition("/")[2] for it in coded(first)], last)
    for first, _, last in table("| layer | what it is | may know |")
]
"""Names of the topmost modules, a row each, and whom they may know."""


def imported_names(tree: ast.Module) -> Iterator[str]:
    """As ``imported``, with the module's name where one is taken out of a package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def parts_named(imported_name: str) -> tuple[str, str]:
    """The topmost module that this is of, and what the document calls what is known of it."""
    first, second, third, *_ = [*imported_name.split("."), "", ""]
    if first == "bot":
        return second, second
    return first, (third if second == "imap" else second) if first == "providers" else first


def test_every_module_stands_in_the_table_of_layers() -> None:
    """Each topmost module once, and nothing that is no more."""
    there = {"handlers", "providers", "storage"}
    there |= {
        it.stem for it in (ROOT / "bot").iterdir() if it.suffix == ".py" or (it / "__init__.py").exists()
    }
    assert sorted(it for row, _ in LAYERS for it in row) == sorted(there - {"__init__"})


def test_the_table_of_layers_is_in_the_linters_order() -> None:
    """Nobody stands below whom they may not know."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    level = {it.strip().rpartition(".")[2]: at for at, one in enumerate(contract) for it in one.split("|")}
    heights = [[level[it] for it in row] for row, _ in LAYERS]
    assert all(max(upper) <= min(lower) for upper, lower in itertools.pairwise(heights))


def test_the_table_of_layers_names_whom_each_knows() -> None:
    """Who reads it is not surprised by an import."""
    may_know = {it: (row, re.findall(r"\w+", known)) for row, known in LAYERS for it in row}
    for path, tree in modules("bot", "handlers", "providers", "storage"):
        row, known = may_know.get(parts_named(path.removesuffix(".py").replace("/", "."))[0], ([], []))
        if known == ["everything", "below"]:
            continue
        for name in imported_names(tree):
            top, called = parts_named(name)
            if name.partition(".")[0] in PRODUCT and top not in row:
                assert called in known, f"{path}: {name}"


def test_every_service_stands_in_the_table_of_rooms() -> None:
    """Each module in the row of its group, and nothing that is no more."""
    for groups, rooms in table("| group | rooms |"):
        folders = [ROOT / "bot/services" / group for group in coded(groups)]
        found = {path.stem for folder in folders for path in folder.rglob("*.py")} - {"__init__"}
        found |= {it.name for folder in folders for it in folder.iterdir() if (it / "__init__.py").exists()}
        assert {it for it in coded(rooms) if it.islower()} == found
    named = [group for groups, _ in table("| group | rooms |") for group in coded(groups)]
    there = [it.name for it in (ROOT / "bot/services").iterdir() if (it / "__init__.py").exists()]
    assert sorted(named) == sorted(there)


def test_every_provider_is_held_to_the_contract() -> None:
    """Its test file has a class that inherits the suite: the suite runs nowhere else."""
    for path in sorted((ROOT / "providers").glob("*/provider.py")):
        tests = ROOT / "tests/providers" / f"test_{path.parent.name}.py"
        bases = {
            ast.unparse(base)
            for node in parsed(tests).body
            if isinstance(node, ast.ClassDef)
            for base in node.bases
        }
        assert "ProviderContract" in bases, path.parent.name
