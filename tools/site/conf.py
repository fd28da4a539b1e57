"""The documents as a site (``make site``), by Sphinx: the files as they stand in the repository, so that each
link means the same here, in a checkout and where the repository is shown. One that leads nowhere fails."""

import tomllib
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]

project = "Inboxkeeper"
release = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
root_doc = "tools/site/index"
include_patterns = ["*.md", "docs/**", "tools/site/index.md"]
exclude_patterns = ["docs/*.toml"]
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 3
locale_dirs: list[str] = []  # the catalogues are the bot's, not the documents'
html_theme = "furo"
html_title = f"Inboxkeeper {release}"
html_show_sphinx = False
html_copy_source = False


def setup(app: Sphinx) -> None:
    """Diagrams are shown as they are written: drawing them would fetch a script from elsewhere."""
    app.add_lexer("mermaid", TextLexer)
    app.connect("build-finished", _lead_in)


def _lead_in(app: Sphinx, failed: Exception | None) -> None:
    """The address without a page leads to the first one."""
    if failed is None:
        leads = '<meta http-equiv="refresh" content="0; url=tools/site/index.html">'
        page = f"<!doctype html>{leads}<title>{project}</title>"
        Path(app.outdir, "index.html").write_text(page, encoding="utf-8")
