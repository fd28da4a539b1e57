"""Documents: what they link to exists, and what is made from the code is as the code says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from bot.__main__ import app
from handlers.commands import WORDS
from tools import settings_doc

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path.relative_to(ROOT)
    for folder in (ROOT, ROOT / "docs", ROOT / "docs/ja", ROOT / "docs/decisions", ROOT / "sandbox")
    for path in folder.glob("*.md")
)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def prose(document: Path) -> str:
    return FENCED.sub("", (ROOT / document).read_text(encoding="utf-8"))


def anchors(document: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(document: Path) -> Iterator[str]:
    yield from (one or other for one, other in LINK.findall(prose(document)))


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_lead_somewhere(document: Path) -> None:
    """Within the repository, to the file and to the heading."""
    for link in links(document):
        if re.match(r"[a-z]+:", link):
            assert link.startswith("https://"), link
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.resolve().relative_to(ROOT)), link


def test_the_settings_are_those_of_the_code() -> None:
    """``make docs`` writes the table anew."""
    assert (ROOT / "docs/settings.md").read_text(encoding="utf-8") == settings_doc.document()


def test_commands_that_are_named_exist() -> None:
    """Of the program and of Slack, in both languages."""
    known = {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    }
    verbs = set(WORDS)
    for document in DOCUMENTS:
        if "decisions" in document.parts or document.name == "CHANGELOG.md":
            continue
        text = (ROOT / document).read_text(encoding="utf-8")
        for word in re.findall(r"`(?:[\w./]*/)?inboxkeeper ([a-z]+)", text):
            assert word in known, f"{document}: {word}"
        for word in re.findall(r"`/inbox ([^\s`.…]+)", text):
            assert word in verbs, f"{document}: {word}"


def test_every_document_is_reached_from_the_readme() -> None:
    """In two steps at most."""
    reached = {Path("README.md")}
    for _ in range(2):
        for document in list(reached):
            found = {
                ((ROOT / document).parent / link.partition("#")[0]).resolve() for link in links(document)
            }
            reached |= {
                one.relative_to(ROOT) for one in found if one.suffix == ".md" and one.is_relative_to(ROOT)
            }
    loose = {one for one in DOCUMENTS if "decisions" not in one.parts} - reached
    assert loose <= {Path("sandbox/README.md")}


PLACE = re.compile(r"`((?:[\w.-]+/)*\w+\.py)(?::([\w.]+))?`")
CODE = ("bot", "handlers", "providers", "storage", "sandbox", "tests", "tools")
MODULES = [path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py"))]


@cache
def names_in(path: Path) -> frozenset[str]:
    """What a module defines: functions, classes, methods, constants."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found.add(node.name)
            case ast.Name(ctx=ast.Store()):
                found.add(node.id)
    return frozenset(found)


@pytest.mark.parametrize("document", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_places_in_the_code_that_are_named_exist(document: str) -> None:
    """``monitor.py:Monitoring._due_after`` is found by whoever looks for it; a path may be a path's end."""
    lost = []
    for path, name in PLACE.findall((ROOT / document).read_text(encoding="utf-8")):
        found = [it for it in MODULES if it.as_posix().endswith(f"/{path}")]
        wanted = set(name.split(".")) if name else set[str]()
        if not any(wanted <= names_in(it) for it in found):
            lost.append(f"{path}:{name}")
    assert lost == []
