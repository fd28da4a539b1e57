"""The cipher: what goes in comes out, for its owner, with one of the keys, and in no other way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.grant import Secret
from storage import Cipher, KeyLost, Misplaced, generate_key

OLD, NEW = generate_key(), generate_key()
cipher = Cipher([OLD])


@given(secret=st.text(), owner=st.text())
def test_a_secret_comes_back_as_it_was(secret: str, owner: str) -> None:
    """Any text, for any owner."""
    assert cipher.open(cipher.seal(Secret(secret), owner=owner), owner=owner) == Secret(secret)


@given(owner=st.text(), other=st.text())
def test_a_secret_opens_for_its_owner_only(owner: str, other: str) -> None:
    """Copying a sealed secret into another row does not make it that row's."""
    sealed = cipher.seal(Secret("s"), owner=owner)
    if owner != other:
        with pytest.raises(Misplaced):
            cipher.open(sealed, owner=other)


@given(rubbish=st.binary())
def test_rubbish_is_a_lost_key(rubbish: bytes) -> None:
    """What was not sealed by us does not open, and is no crash."""
    with pytest.raises(KeyLost):
        cipher.open(rubbish, owner="a")


def test_the_newest_key_writes_and_every_key_reads() -> None:
    """Keys are rotated by putting a new one in front."""
    before = cipher.seal(Secret("s"), owner="a")
    both = Cipher([NEW, OLD])
    assert both.open(before, owner="a") == Secret("s")
    assert Cipher([NEW]).open(both.seal(Secret("t"), owner="a"), owner="a") == Secret("t")


def test_resealing_changes_the_key_and_nothing_else() -> None:
    """After it the old key can go, and the owner is still checked."""
    sealed = Cipher([NEW, OLD]).reseal(cipher.seal(Secret("s"), owner="a"))
    only_new = Cipher([NEW])
    assert only_new.open(sealed, owner="a") == Secret("s")
    with pytest.raises(Misplaced):
        only_new.open(sealed, owner="b")


def test_without_its_key_a_secret_is_lost_and_nothing_is_told() -> None:
    """The error carries neither key nor ciphertext, not even as its cause."""
    sealed = cipher.seal(Secret("s3cret"), owner="a")
    with pytest.raises(KeyLost) as lost:
        Cipher([NEW]).open(sealed, owner="a")
    assert lost.value.__cause__ is None
    assert NEW not in repr(lost.value)
    assert OLD not in repr(cipher)
