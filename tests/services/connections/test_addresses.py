"""What people type as an address."""

from __future__ import annotations

import time

import pytest

from bot.domain.errors import DomainNotAllowed, NotAnAddress
from bot.services.connections.connect import check_domain, near_misses, read_address


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("ana@acme.example", "ana@acme.example"),
        ("  Ana@ACME.example ", "ana@acme.example"),
        ("ａｎａ＠ａｃｍｅ．ｅｘａｍｐｌｅ", "ana@acme.example"),
        ("　ana＠acme.example　", "ana@acme.example"),
        ("<mailto:ana@acme.example|ana@acme.example>", "ana@acme.example"),
        ("<mailto:ana@acme.example>", "ana@acme.example"),
        ("＜mailto:ana@acme.example｜ana@acme.example＞", "ana@acme.example"),
        ("“ana@acme.example”", "ana@acme.example"),
        ("‘ana@acme.example’,", "ana@acme.example"),
        ("<ana@acme.example>", "ana@acme.example"),
        ("ana@acme.example.", "ana@acme.example"),
        ("ana+bills@sub.acme.example", "ana+bills@sub.acme.example"),
        ("o_o!#$%&*/=?^`{}~-x@acme.example", "o_o!#$%&*/=?^`{}~-x@acme.example"),
        ("山田@メール.example", "山田@メール.example"),
        ("a@b-c.example", "a@b-c.example"),
        ("mailto:ana@acme.example", "ana@acme.example"),
        ("(ana@acme.example)", "ana@acme.example"),
        ("ana@acme.example。", "ana@acme.example"),
        ("ana@acme。example", "ana@acme.example"),
        ("ana@acme.example?!", "ana@acme.example"),
        ("sup\u200bport@acme.example", "support@acme.example"),
        ("\ufeffana@ac\u00adme.example\u2060", "ana@acme.example"),
        ("\u202eana@acme.example\u202c", "ana@acme.example"),
        ("an\u3164a@acme.ex\ufe0fample", "ana@acme.example"),
        ("<mailto:an\u200ba@acme.example|ana@acme.example>", "ana@acme.example"),
        ("ana@a\u200ccme.example", "ana@acme.example"),
        ("ana@نامه\u200cای.example", "ana@نامه\u200cای.example"),
        ("info@Straße.example", "info@straße.example"),
        ("info@STRASSE.example", "info@strasse.example"),
        ("info@ΟΔΟΣ.example", "info@οδοσ.example"),
        ("info@οδος.example", "info@οδος.example"),
        ("info@XN--BCHER-KVA.example", "info@xn--bcher-kva.example"),
        ("Straße@acme.example", "straße@acme.example"),
        ("jane..doe.@docomo.ne.jp", "jane..doe.@docomo.ne.jp"),
        (f"{'a' * 64}@acme.example", f"{'a' * 64}@acme.example"),
    ],
)
def test_an_address_is_read_however_it_was_pasted(typed: str, address: str) -> None:
    """Full-width letters, links, quotes and blanks are understood."""
    assert read_address(typed) == address


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "ana",
        "@acme.example",
        "ana@",
        "ana@acme",
        "ana@@acme.example",
        "ana@acme..example",
        "ana b@acme.example",
        "ana@acme.example, kenji@acme.example",
        "ana@acme.example kenji@acme.example",
        "<@U0ALICE>",
        "<#C0GENERAL|general>",
        "<https://acme.example|acme.example>",
        "ana@acme.e",
        f"{'a' * 65}@acme.example",
        f"a@{'b' * 64}.example",
        f"ana@{'a.' * 130}example",
        "ana\n@acme.example",
        "ana\x00@",
        "a\x00b@acme.example",
        "a\x85b@acme.example",
        "a\ud800b@acme.example",
        "ana@acme\x00.example",
        "a@-x.com",
        "a@x-.com",
        "a@x.-y.com",
        "a@a_b.com",
        "a@xn--a.example",
        "a@☕.example",
        ".jane@acme.example",
        "<mailto:.jane@acme.example|.jane@acme.example>",
        "..jane@acme.example",
        "jane.@acme.example",
        "ja..ne@acme.example",
        ".jane@docomo.ne.jp",
        '"ana"@acme.example',
        '"a b"@acme.example',
        "ana@[192.0.2.1]",
        "ana@192.0.2.1",
        "ana@2130706433",
        f"{'あ' * 22}@acme.example",
        f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.example",
        f"a@{'ü' * 60}.example",
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    """Half an address, several, or something else altogether."""
    with pytest.raises(NotAnAddress):
        read_address(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "a" * 10_000,
        "@" * 10_000,
        "a@" + "b." * 5_000,
        "a@" + "b-" * 5_000,
        "<mailto:" + "a" * 10_000,
        "ﷺ" * 1_000,
    ],
)
def test_ten_thousand_characters_are_refused_at_once_and_quoted_shortly(typed: str) -> None:
    """Nothing one can type keeps the bot busy or fills its answer."""
    began = time.perf_counter()
    with pytest.raises(NotAnAddress) as refused:
        read_address(typed)
    assert time.perf_counter() - began < 0.5
    assert len(refused.value.typed) <= 60


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("alise@acme.example", ["alice@acme.example"]),
        ("alice@acme.exmaple", ["alice@acme.example"]),
        ("sale@acme.example", ["sales@acme.example"]),
        ("zoe@other.test", []),
    ],
)
def test_near_misses_are_named_best_first(typed: str, near: list[str]) -> None:
    """A slip of the finger finds what was meant; something else finds nothing."""
    known = ["alice@acme.example", "sales@acme.example", "kenji@elsewhere.test"]
    assert list(near_misses(typed, known))[:1] == near


@pytest.mark.parametrize("typed", ["rupert@a-very-long-domain.example", "x@a-very-long-domain.example"])
def test_a_long_domain_makes_nobody_alike(typed: str) -> None:
    """What stands before the @ is what was mistyped."""
    known = [f"{name}@a-very-long-domain.example" for name in ("support", "sales", "alice", "y")]
    assert near_misses(typed, known) in {(), ("support@a-very-long-domain.example",)}
    assert near_misses("alcie@a-very-long-domain.example", known) == ("alice@a-very-long-domain.example",)


def test_at_most_three_near_misses_are_offered() -> None:
    """A list of look-alikes stays a hint."""
    assert len(near_misses("a1@acme.example", [f"a{n}@acme.example" for n in range(2, 50)])) == 3


@pytest.mark.parametrize(
    ("address", "allowed", "is_allowed"),
    [
        ("ana@acme.example", (), True),
        ("ana@acme.example", ("acme.example",), True),
        ("ana@acme.example", ("ACME.example", "b.test"), True),
        ("ana@sub.acme.example", ("acme.example",), False),
        ("ana@evilacme.example", ("acme.example",), False),
        ("acme.example@evil.test", ("acme.example",), False),
    ],
)
def test_the_operator_limits_the_domains(address: str, allowed: tuple[str, ...], is_allowed: bool) -> None:
    """Exactly the named domains, not their neighbours nor what lies below them."""
    if is_allowed:
        check_domain(address, allowed)
        return
    with pytest.raises(DomainNotAllowed) as refused:
        check_domain(address, allowed)
    assert refused.value.allowed == allowed
