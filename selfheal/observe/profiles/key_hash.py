"""Hashes of row keys, by which rows are sampled."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def hash_of(keys: Sequence[str]) -> NDArray[np.uint64]:
    """64 bits of each key, the same on every machine and in every run: BLAKE2b, big-endian."""
    blake = hashlib.blake2b
    digests = b"".join([blake(key.encode("utf-8", "surrogatepass"), digest_size=8).digest() for key in keys])
    return np.frombuffer(digests, dtype=">u8").astype(np.uint64)
