"""The hash of a key is a function of the key alone, and spreads over all 64 bits."""

from __future__ import annotations

import uuid

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from selfheal.observe.profiles.key_hash import hash_of

MASK = 2**64 - 1


def mixed(number):
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    number = (number ^ (number >> 27)) * 0x94D049BB133111EB & MASK
    return number ^ (number >> 31)


def by_hand(key):
    """The same in whole numbers, one word at a time."""
    text = key.encode("utf-8", "surrogatepass")
    multipliers = [mixed(place * 0x9E3779B97F4A7C15 & MASK) | 1 for place in range(1, 40)]
    total = (len(text) + 1) * multipliers[0]
    for place in range(0, len(text), 8):
        total += int.from_bytes(text[place : place + 8], "little") * multipliers[1 + place // 8]
    return mixed(total & MASK)


@given(st.lists(st.text(max_size=40) | st.text("a\x00", max_size=20), max_size=20))
def test_a_hash_is_of_its_key_alone(keys):
    assert hash_of(keys).tolist() == [by_hand(key) for key in keys]


@given(st.lists(st.text("ab\x00", max_size=12), unique=True, min_size=2, max_size=50))
def test_keys_that_differ_in_length_or_zeros_alone_differ_in_their_hash(keys):
    assert len(np.unique(hash_of(keys))) == len(keys)


def test_a_key_of_any_length_is_hashed_and_fills_no_memory():
    endless = "x" * 10_000_000
    hashes = hash_of([endless, endless + "y", *map(str, range(10_000))])
    assert len(np.unique(hashes)) == len(hashes)
    assert hash_of(["7"])[0] == hashes[2 + 7]


def test_every_bit_is_as_often_set_as_not():
    rng = np.random.default_rng(1)
    random = [str(uuid.UUID(bytes=rng.bytes(16), version=4)) for _ in range(20_000)]
    for keys in ([str(number) for number in range(20_000)], random, [f"i{n:08d}#1" for n in range(20_000)]):
        hashes = hash_of(keys)
        assert len(np.unique(hashes)) == len(keys)
        share = ((hashes[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)).mean(axis=0)
        assert np.abs(share - 0.5).max() < 5 * 0.5 / np.sqrt(len(keys))
        # 256 equal boxes of the range: chi-square with 255 degrees of freedom.
        boxes = np.bincount((hashes >> np.uint64(56)).astype(int), minlength=256)
        assert ((boxes - len(keys) / 256) ** 2 / (len(keys) / 256)).sum() < 255 + 5 * np.sqrt(2 * 255)
