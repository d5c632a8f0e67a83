r"""Hashes of row keys, by which rows are sampled: a function of the key alone, on every machine and in every run.

The words of eight bytes of a key's UTF-8 and its length are multiplied by odd numbers of their own and added
(D. Lemire, O. Kaser, "Strongly universal string hashing is fast", The Computer Journal 57:11, 2014); the finalizer
of SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014) spreads
the sum over all 64 bits. Not for secrets: keys that collide can be made on purpose.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_GAMMA = 0x9E3779B97F4A7C15
# Of longer keys (SageMaker's have 64 characters at most) a digest stands for the key, lest one fill the memory.
_LONGEST = 256


def hash_of(keys: Sequence[str]) -> Hashes:
    """64 bits of each key, shape (keys,).

    >>> [f"{each:016x}" for each in hash_of(["", "a", "a-longer-key"])]
    ['48218226ff3cd4bf', 'ba3c2575b3437a47', '921a040ca5c5ea78']
    """
    texts = [key.encode("utf-8", "surrogatepass") for key in keys]
    if max(map(len, texts), default=0) > _LONGEST:
        texts = [text if len(text) <= _LONGEST else hashlib.blake2b(text).digest() for text in texts]
    lengths = np.fromiter(map(len, texts), dtype=np.uint64, count=len(texts))
    words = -(-int(lengths.max(initial=0)) // 8)
    multipliers = _mixed(np.arange(1, words + 2, dtype=np.uint64) * np.uint64(_GAMMA)) | np.uint64(1)
    total = (lengths + np.uint64(1)) * multipliers[0]
    if words:
        # Zeros fill each key up to the longest one's words: they add nothing, whatever the others' lengths.
        table = np.array(texts, dtype=f"S{8 * words}").view("<u8").reshape(-1, words)
        total += table.astype(np.uint64) @ multipliers[1:]
    return _mixed(total)


def _mixed(numbers: Hashes) -> Hashes:
    """SplitMix64's finalizer, in which every bit of a number has its say in every bit of the result."""
    mixed = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
