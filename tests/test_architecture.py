"""What the import linter cannot see: who reads the environment and the clock, what the domain needs, and how
modules and classes are named."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parent.parent
PRODUCT = ("bot", "handlers", "providers", "storage")
CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}


def modules(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


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
    *("pygments", "requests", "rich.console", "urllib3", "yaml"),
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
