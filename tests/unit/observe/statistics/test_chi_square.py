"""The test against SciPy's, its pooling and its effect size."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency
from scipy.stats.contingency import association

from selfheal.observe.statistics.chi_square import chi_square


@pytest.mark.parametrize("seed", range(5))
def test_it_is_scipys(seed):
    generator = np.random.default_rng(seed)
    table = np.vstack([generator.integers(50, 500, size=6), generator.integers(20, 90, size=6)])
    ours, theirs = chi_square(*table), chi2_contingency(table, correction=False)
    assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-12)
    assert ours.degrees == theirs.dof
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-10)
    assert ours.cramers_v == pytest.approx(association(table, method="cramer"), rel=1e-12)


def test_sparse_categories_are_put_together():
    ours = chi_square(np.array([900, 80, 10, 5, 5]), np.array([80, 15, 3, 1, 1]))
    theirs = chi2_contingency([[900, 100], [80, 20]], correction=False)
    # 80 + 15 rows expect more than five on the smaller side; the other three together do not, and join them.
    assert ours.degrees == 1
    assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-12)


def test_thousands_of_rare_categories_keep_p_honest():
    generator, shares = np.random.default_rng(1), np.random.default_rng(0).dirichlet(np.full(3000, 0.3))
    p = [
        chi_square(generator.multinomial(5000, shares), generator.multinomial(1000, shares)).p_value
        for _ in range(300)
    ]
    assert np.mean(np.array(p) < 0.1) == pytest.approx(0.1, abs=0.06)


def test_one_category_agrees_with_itself():
    test = chi_square(np.array([10, 0]), np.array([7, 0]))
    assert (test.statistic, test.degrees, test.p_value, test.cramers_v) == (0.0, 0, 1.0, 0.0)


def test_nothing_in_common_is_the_largest_effect():
    assert chi_square(np.array([100, 0]), np.array([0, 50])).cramers_v == pytest.approx(1.0)


def test_nothing_has_no_test():
    with pytest.raises(ValueError, match="baseline is empty"):
        chi_square(np.array([0, 0]), np.array([1, 2]))
