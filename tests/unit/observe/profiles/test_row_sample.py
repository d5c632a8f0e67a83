"""The sample of whole rows: uniform, bounded, the same however it was gathered."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from selfheal.observe.profiles.key_hash import hash_of
from selfheal.observe.profiles.layout import Categorical, Layout, Numeric
from selfheal.observe.profiles.profile import Rows, profile
from selfheal.observe.profiles.row_sample import MISSING, SIZE, RowSample

LAYOUT = Layout(features=(Numeric.of("x", np.arange(1000.0)), Categorical.of("c", Counter("aab"))))


def sample(keys, x, c):
    return RowSample.of(LAYOUT, hash_of(keys), {"x": np.asarray(x, dtype=float), "c": list(c)})


def test_it_is_a_uniform_sample_of_the_rows():
    # Each of 20 halves is sampled; the sampled x are those of the whole, by their mean.
    x = np.arange(1000.0)
    means = []
    for repeat in range(60):
        found = sample([f"{repeat}-{row}" for row in range(1000)], x, ["a"] * 1000)
        assert len(found.codes) == SIZE
        means.append(found.codes[:, 0].mean())
    every = np.searchsorted(LAYOUT.features[0].cuts, x).astype(float)
    assert np.mean(means) == pytest.approx(every.mean(), abs=4 * every.std() / np.sqrt(60 * SIZE))


def test_codes_are_the_bins_that_the_profile_counts_in():
    rng = np.random.default_rng(1)
    x, c = rng.normal(500, 400, size=100), rng.choice(["a", "b", "new"], size=100)
    found = profile(LAYOUT, Rows(keys=[str(row) for row in range(100)], columns={"x": x, "c": c.tolist()}))
    for place in range(2):
        counts = np.bincount(found.sample.codes[:, place], minlength=LAYOUT.features[place].size)
        assert counts.tolist() == found.of(place).tolist()


def test_what_is_missing_has_no_bin():
    found = sample("abc", [np.nan, np.inf, 1.0], ["a", None, "new"])
    codes = set(map(tuple, found.codes.tolist()))
    one = int(np.searchsorted(LAYOUT.features[0].cuts, 1.0))
    assert codes == {(MISSING, 0), (MISSING, MISSING), (one, 2)}


def test_a_column_that_is_not_there_is_missing():
    assert RowSample.of(LAYOUT, hash_of(["a"]), {}).codes.tolist() == [[MISSING, MISSING]]


def test_rows_of_one_key_are_one_row():
    found = sample(["same"] * 500 + [str(key) for key in range(400)], np.arange(900.0), ["a"] * 900)
    assert len(found.codes) == SIZE
    assert len(sample(["same"] * 500, np.arange(500.0), ["a"] * 500).codes) == 1


def test_no_rows_are_a_sample():
    found = RowSample.of(LAYOUT, hash_of([]), {})
    assert found.codes.shape == (0, 2)
    again = RowSample.from_json(found.to_json(), 2)
    assert (again.hashes.shape, again.codes.shape) == ((0,), (0, 2))


def test_a_sample_of_other_features_is_refused():
    body = sample("abc", [1, 2, 3], "aab").to_json()
    with pytest.raises(ValueError, match="sample of 3 rows with codes of 6"):
        RowSample.from_json(body, 1)
    with pytest.raises(ValueError, match="reshape"):
        RowSample.from_json(body, 4)


def test_keys_of_any_characters_are_hashed():
    assert len(sample(["\ud800", "日本", ""], [1, 2, 3], "aab").codes) == 3
