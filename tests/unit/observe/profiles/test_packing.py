"""Arrays as text, and text that is no array."""

from __future__ import annotations

import numpy as np
import pytest

from selfheal.observe.profiles.packing import pack, unpack, unpack_floats


@pytest.mark.parametrize(
    ("largest", "width"), [(0, "1"), (255, "1"), (256, "2"), (65_536, "4"), (2**32, "8"), (2**64 - 1, "8")]
)
def test_integers_take_the_narrowest_type(largest, width):
    text = pack(np.array([0, largest], dtype=np.uint64))
    assert text[0] == width
    assert unpack(text, np.uint64).tolist() == [0, largest]


def test_nothing_packs_to_nothing():
    assert unpack(pack(np.empty(0, dtype=np.int64)), np.int64).size == 0


def test_what_repeats_is_short():
    assert len(pack(np.zeros(100_000, dtype=np.int64))) < 300


@pytest.mark.parametrize("text", ["", "3AAAA", "hello", "1AAAA", "1!", "8" + pack(np.arange(3))[1:]])
def test_text_that_was_not_packed_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        unpack(text, np.int64)


def test_floats_of_a_broken_length_are_refused():
    with pytest.raises(ValueError, match="multiple"):
        unpack_floats("AAAA")
