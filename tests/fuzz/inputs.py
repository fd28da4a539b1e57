"""What inputs are made of: texts, JSON and bytes that nobody expects, and valid ones that went wrong."""

from __future__ import annotations

import copy
import json
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

ODD_TEXTS: Final = (
    "",
    " ",
    "\x00",
    "a\x00b@acme.example",
    "\ud800",
    "x\udfffy",
    "\u202e\u200b\ufeff",
    "ﬃ@ACME.example",
    "💥" * 60,
    "<!channel> <@U0OMAR> *b* `c` &amp;",
    "\r\nX-Odd: 1\r\n\r\n",
    "%00%0d%0a..%2f",
    "../../etc/passwd",
    "{0} {x} %s %(a)s {{7*7}}",
    "'; DROP TABLE channel; --",
    "9" * 400,
    "-1",
    "NaN",
    "true",
    "null",
    "a" * 5_000,
    "alice@acme.example",
    "support@acme.example " * 300,
    "@" * 200,
    "a@" + "b." * 200 + "example",
    "xn--zzzz@xn--a.example",
    "http://[::1/",
    "https://hooks.slack.com/" + "/" * 200,
    "access_token=" * 300,
    "Bearer " + "x" * 2_000,
)
texts: Final = st.one_of(
    st.sampled_from(ODD_TEXTS),
    st.text(max_size=30),
    st.text(st.characters(codec=None, categories=None), max_size=6),
)
writable: Final = texts.map(lambda text: text.encode("utf-8", "replace").decode())
numbers: Final = st.one_of(
    st.integers(-5, 5),
    st.sampled_from([2**31, 2**63, 10**400, -(2**64), 1e308, float("nan"), float("inf")]),
)
leaves: Final = st.one_of(st.none(), st.booleans(), numbers, texts)
values: Final = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
NESTED: Final = tuple(opened * 3_000 + closed * 3_000 for opened, closed in (("[", "]"), ('{"a":', "}")))
ODD_JSON: Final = (
    "",
    "null",
    "5",
    '"x"',
    "[]",
    "{}",
    "{",
    "nul",
    "[" * 50_000,
    *NESTED,
    "9" * 6_000,
    "1e999",
)
raw: Final = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [b"\xff\xfe", b"\xef\xbb\xbf{}", b"\x1f\x8b\x08\x00", b"\x00" * 500, b"<html>\xe9</html>"]
    ),
    st.sampled_from(ODD_JSON).map(str.encode),
)


def _places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [way] if way else []
    if isinstance(value, dict):
        for name, inner in value.items():
            found += _places(inner, (*way, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            found += _places(inner, (*way, number))
    return found


@st.composite
def gone_wrong(draw: DrawFn, seeds: SearchStrategy[Any]) -> Any:
    """A valid value of JSON in which some things were replaced, taken away, doubled or added."""
    value = copy.deepcopy(draw(seeds))
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2, 3]))):
        places = _places(value)
        if not places:
            break
        *way, last = draw(st.sampled_from(places))
        inside = value
        for step in way:
            inside = inside[step]
        match draw(st.sampled_from(["replace", "replace", "text", "drop", "add"])):
            case "replace":
                inside[last] = draw(values)
            case "text":
                inside[last] = draw(texts)
            case "drop":
                del inside[last]
            case "add" if isinstance(inside, dict):
                inside[draw(texts)] = draw(values)
            case "add":
                inside.append(draw(values))
    return value


def written(value: Any) -> bytes:
    """As JSON, in ASCII: escapes spell what UTF-8 does not."""
    return json.dumps(value).encode()


@st.composite
def damaged(draw: DrawFn, seeds: SearchStrategy[bytes]) -> bytes:
    """Valid bytes of which some were cut, doubled or replaced."""
    found = bytearray(draw(seeds))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(len(found) - 1, 0)))
        length = draw(st.sampled_from([1, 1, 2, 8, 40]))
        found[at : at + length] = draw(
            st.one_of(
                st.just(b""),
                st.binary(max_size=4),
                st.just(bytes(found[at : at + length]) * 20),
                st.sampled_from([b"\r\n", b"\n", b"\x00", b"\xff", b" ", b"{5}", b"{99999999999}", b'"']),
            )
        )
    return bytes(found)
