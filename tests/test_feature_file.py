"""The operator's features file: read as a whole, and every fault named by its place, never by its value."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.features import Features
from bot.feature_file import EXAMPLE, FeatureFaults, read

ROOT = Path(__file__).parent.parent
GOOD = """
[crm]
on = true
name.en = "CRM"
reason.en = "to log what customers write"
scopes.google = ["https://www.googleapis.com/auth/gmail.readonly"]
"""


def faults(path: Path, text: str) -> list[tuple[str, str]]:
    """What is wrong with a file that holds this."""
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FeatureFaults) as caught:
        read(path)
    return [(fault.place, fault.wrong) for fault in caught.value.faults]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "features.toml"


def test_the_example_can_be_used_as_it_is() -> None:
    """Whoever copies it has one feature that is on and one that is off, at both providers."""
    crm, replies = read(ROOT / EXAMPLE).defined
    assert (crm.is_on, replies.is_on) == (True, False)
    assert crm.name.for_("ja") == "顧客管理" and replies.name.for_("ja") == "Replies"
    assert set(crm.scopes) == {"google", "microsoft", "microsoft_shared"}


def test_an_empty_file_defines_nothing(file: Path) -> None:
    """No feature is as good as no file."""
    file.write_text("# nothing yet\n")
    assert read(file) == Features()


def test_a_graph_permission_may_be_written_in_full(file: Path) -> None:
    """Microsoft's documents write it both ways; it is the same permission."""
    scope = 'scopes.microsoft = ["https://graph.microsoft.com/Mail.Read", "Mail.Read"]'
    file.write_text(GOOD + scope)
    [feature] = read(file).defined
    assert feature.scopes_at("microsoft") == {"Mail.Read"}


@pytest.mark.parametrize(
    ("name", "taken"), [("IMAP.AccessAsUser.All", True), ("SMTP.Send", True), ("Mail.Read", False)]
)
def test_exchange_is_asked_by_its_own_address(file: Path, name: str, taken: bool) -> None:
    """For logging in alone: what it has beside that is no program's here."""
    text = GOOD + f'scopes.microsoft = ["https://outlook.office.com/{name}"]'
    if taken:
        file.write_text(text)
        [feature] = read(file).defined
        assert feature.scopes_at("microsoft") == {f"https://outlook.office.com/{name}"}
    else:
        assert [place for place, _ in faults(file, text)] == ["crm.scopes.microsoft"]


@pytest.mark.parametrize(
    ("line", "place", "words"),
    [
        ("on = 1", "crm.on", "must be true or false"),
        ("on =", "crm.on", "is missing"),
        ("name =", "crm.name", "is missing: it holds en and ja"),
        ('name = "CRM"', "crm.name", "is not a table"),
        ('name.ja = "顧客管理"', "crm.name.en", "is missing: English is what everybody else reads"),
        ('name.en = ""', "crm.name.en", "must be one line of 1 to 40 characters"),
        (f'name.en = "{"x" * 41}"', "crm.name.en", "must be one line of 1 to 40"),
        ("name.en = 7", "crm.name.en", "must be one line"),
        ('reason.en = "two\\nlines"', "crm.reason.en", "must be one line of 1 to 150"),
        ('reason.en = "x"\nreason.fr = "x"', "crm.reason.fr", "is unknown here; known are en, ja"),
        ("scopes =", "crm.scopes", "is missing"),
        ("scopes = {}", "crm.scopes", "is empty: without a permission of google or microsoft"),
        ('scopes.imap = ["x"]', "crm.scopes.imap", "is unknown here"),
        ("scopes.google = []", "crm.scopes.google", "must be a list of 1 to 10"),
        ('scopes.google = "x"', "crm.scopes.google", "must be a list of 1 to 10"),
        ('scopes.google = ["gmail.send"]', "crm.scopes.google", "holds what is not a full address"),
        ("scopes.google = [1]", "crm.scopes.google", "entry 1"),
        ('scopes.microsoft = ["Mail.Read", "mail.read", "x"]', "crm.scopes.microsoft", "entry 2 and 3"),
        ("colour = 1", "crm.colour", "is unknown here; known are on, name, reason, scopes"),
    ],
)
def test_each_fault_is_named_by_its_place(file: Path, line: str, place: str, words: str) -> None:
    """The other lines are right; a line that ends in = leaves its entry out."""
    entry = line.partition("=")[0].split(".")[0].strip()
    kept = "\n".join(it for it in GOOD.splitlines() if not it.startswith((f"{entry}.", f"{entry} =")))
    found = faults(file, f"{kept}\n{'' if line.endswith('=') else line}\n")
    assert [wrong for where, wrong in found if where == place and words in wrong], found
    assert len(found) == 1, found


def test_everything_is_named_at_once(file: Path) -> None:
    """Every feature with a fault, each fault once; a feature that is no table is complained about once."""
    found = faults(file, GOOD + "[desk]\non = 'yes'\n[X]\non = true\n[plan]\n")
    places = [place for place, _ in found]
    assert places.count("desk.on") == 1
    assert {"desk.name", "desk.reason", "desk.scopes", "feature 3", "plan.on"} <= set(places)
    assert [place for place, _ in faults(file, "crm = 1\n")] == ["crm"]


def test_too_many_features_are_too_many(file: Path) -> None:
    """What people consent to must fit into one dialog."""
    eleven = "".join(GOOD.replace("[crm]", f"[crm{number}]") for number in range(11))
    assert faults(file, eleven) == [("", "defines 11 features; 10 is the most")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"[crm\n", "not TOML: line 1, column 5"),
        (b"crm = 'x", "not TOML"),
        (b"#" * 70_000, "too large"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_fault(file: Path, content: bytes, words: str) -> None:
    """With the place where reading stopped, if there is one."""
    file.write_bytes(content)
    with pytest.raises(FeatureFaults) as caught:
        read(file)
    [fault] = caught.value.faults
    assert not fault.place and words in fault.wrong


def test_no_file_is_a_fault(file: Path) -> None:
    """Named and not there: a slip that must not switch every feature off."""
    with pytest.raises(FeatureFaults) as caught:
        read(file)
    assert "cannot be read" in caught.value.faults[0].wrong


@pytest.mark.parametrize("entry", ["on", "name.en", "reason.ja", "scopes.google", "scopes", "other", "Other"])
def test_no_value_is_repeated(file: Path, entry: str) -> None:
    """What was pasted into the wrong line may be a secret."""
    secret = "GOCSPX-topsecret"
    text = f'["{entry}"]\n{secret} = 1\n[crm]\n{entry} = "{secret}\\u0007"\n[{secret}]\n'
    assert secret not in str(faults(file, text))
