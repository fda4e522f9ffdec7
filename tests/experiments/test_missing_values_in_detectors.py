"""Detectors on rows with missing values: all get the same rows, each by its own method."""

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer
from sklearn.metrics import roc_auc_score

from zoo.experiments import missing_values

RNG = np.random.default_rng(0)
X, X_TEST = RNG.normal(size=(60, 4)).astype("float32"), RNG.normal(size=(40, 4)).astype("float32")
Y_TEST = np.arange(40) % 10 == 0
X_TEST[Y_TEST] += 4


@pytest.fixture(autouse=True)
def small_table(monkeypatch):
    monkeypatch.setattr(
        missing_values.anomaly_tables, "split", lambda name, trial: (X, X_TEST, Y_TEST)
    )


def test_without_missing_values_all_detectors_are_the_same():
    found = missing_values.areas("any", 0.0, 1, epochs=1)
    assert found[0] == found[1] == found[2]
    forest = IsolationForest(random_state=1).fit(X)
    assert found[3] == roc_auc_score(Y_TEST, -forest.score_samples(X_TEST))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_each_method_gets_the_rows_that_its_column_names(monkeypatch):
    seen = []

    def scores(x, x_test, *rest):
        seen.append((x, x_test))
        return np.arange(len(x_test))

    monkeypatch.setattr(missing_values, "_scores", scores)
    found = missing_values.areas("any", 0.5, 1)
    incomplete, by_mean, by_iterations = seen
    imputer = IterativeImputer(random_state=1).fit(incomplete[0])
    for rows, one, other in zip(incomplete, by_mean, by_iterations, strict=True):
        assert np.isnan(rows).mean() == pytest.approx(0.5, abs=0.1)
        expected = np.where(np.isnan(rows), np.nanmean(incomplete[0], axis=0), rows)
        np.testing.assert_allclose(one, expected, rtol=1e-5)
        np.testing.assert_allclose(other, imputer.transform(rows), rtol=1e-4)
    forest = IsolationForest(random_state=1).fit(by_mean[0])
    assert found[3] == roc_auc_score(Y_TEST, -forest.score_samples(by_mean[1]))
