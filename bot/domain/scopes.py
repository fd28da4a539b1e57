"""Which permissions cover which: providers write one in several ways, and a wider one allows what is within.

Sources: Microsoft Graph's permissions reference (a ``.Shared`` permission reaches one's own items, too), and
the Gmail API's list of scopes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from functools import lru_cache
from typing import Final

_GRAPH: Final = re.compile(
    r"(?:https://graph\.microsoft\.com|00000003-0000-0000-c000-000000000000)/{1,2}", re.IGNORECASE
)
_GOOGLE: Final = "https://www.googleapis.com/auth/"
_ALIASES: Final = {"email": "userinfo.email", "profile": "userinfo.profile"}
"""Google takes both and answers with the long one."""

_OPERATIONS: Final = ("readbasic", "read", "readwrite")
_REACHES: Final = ("", "shared", "all")
"""Whose items: one's own, those that one may open, everybody's. Each reaches what the one before does."""
_DIRECTORY: Final = frozenset({"user", "group"})
"""What a permission for the whole directory allows to read, too."""

_GMAIL: Final[Mapping[str, frozenset[str]]] = {
    "gmail.readonly": frozenset({"gmail.metadata"}),
    "gmail.compose": frozenset({"gmail.send"}),
    "gmail.modify": frozenset(
        {"gmail.readonly", "gmail.metadata", "gmail.labels", "gmail.compose", "gmail.send", "gmail.insert"}
    ),
}
_ALL_OF_GMAIL: Final = "https://mail.google.com"


def lacking(wanted: Set[str], granted: Set[str]) -> frozenset[str]:
    """Those that are wanted and that nothing of what was granted covers, as they were wanted."""
    return frozenset(one for one in wanted if not any(covers(other, one) for other in granted))


def covers(wide: str, narrow: str) -> bool:
    """Whether a permission allows all that another one does."""
    had, asked = plain(wide), plain(narrow)
    if had == asked:
        return True
    if had == _ALL_OF_GMAIL:
        return asked.startswith("gmail.") and not asked.startswith(("gmail.settings.", "gmail.addons."))
    if had in _GMAIL:
        return asked in _GMAIL[had]
    return _covers_at_graph(had, asked)


@lru_cache(maxsize=512)
def plain(scope: str) -> str:
    """The name by which two ways to write a permission are told to be the same."""
    name = _GRAPH.sub("", scope.strip(), count=1) if _GRAPH.match(scope.strip()) else scope.strip()
    name = name.casefold().removeprefix(_GOOGLE).rstrip("/")
    return _ALIASES.get(name, name)


def _covers_at_graph(had: str, asked: str) -> bool:
    """``Mail.ReadWrite.Shared``: of what, to do what, and whose."""
    wide, narrow = _parts(had), _parts(asked)
    if wide is None or narrow is None:
        return False
    of_directory = wide[0] == "directory" and wide[2] == "all" and narrow[0] in _DIRECTORY
    if wide[0] != narrow[0] and not of_directory:
        return False
    does_more = wide[1] == narrow[1] or (
        wide[1] in _OPERATIONS
        and narrow[1] in _OPERATIONS
        and _OPERATIONS.index(wide[1]) >= _OPERATIONS.index(narrow[1])
    )
    return does_more and _REACHES.index(wide[2]) >= _REACHES.index(narrow[2])


def _parts(name: str) -> tuple[str, str, str] | None:
    kind, _, rest = name.partition(".")
    operation, _, reach = rest.partition(".")
    return (kind, operation, reach) if operation and reach in _REACHES and "/" not in name else None
