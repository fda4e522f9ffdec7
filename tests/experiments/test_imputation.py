"""The removal of values, and the errors of imputers."""

import numpy as np
import pytest

from zoo.experiments import imputation

X = np.random.default_rng(0).normal(size=(4000, 3))


@pytest.mark.parametrize("large_first", [False, True])
def test_the_share_is_removed_in_each_column(large_first):
    lost = imputation.removed(X, 0.3, large_first, seed=1)
    np.testing.assert_allclose(lost.mean(axis=0), 0.3, atol=0.03)
    again = imputation.removed(X, 0.3, large_first, seed=1)
    np.testing.assert_array_equal(lost, again)


def test_large_values_are_removed_in_proportion_to_their_rank():
    lost = imputation.removed(X, 0.5, True, seed=1)
    order = X[:, 0].argsort()
    shares = lost[order, 0].reshape(8, 500).mean(axis=1)
    np.testing.assert_allclose(shares, (np.arange(8) + 0.5) / 8, atol=0.06)
    assert not lost[X.argmin(axis=0), range(3)].any()


def test_errors_are_those_of_removed_values_in_deviations_of_whole_columns():
    x, y = imputation.rows_with_classes("iris")
    np.testing.assert_allclose(x.std(axis=0), 1)
    assert len({*y}) == 3
    found = imputation.measured("iris", 0.3, False, 2, epochs=1)
    lost = imputation.removed(x, 0.3, False, 2)
    away = (x - np.nanmean(np.where(lost, np.nan, x), axis=0))[lost]
    assert found[0] == pytest.approx(np.sqrt(np.mean(away**2)))
    assert len(found) == 9
    assert found[8] > 0.9


def test_a_table_with_numbers_to_predict_has_no_classes():
    assert imputation.rows_with_classes("diabetes")[1] is None
    assert np.isnan(imputation.accuracy(X, None, 0))
