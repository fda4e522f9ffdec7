"""Detectors on rows with holes: the same rows for all, and whole rows where nothing is removed."""

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from zoo.experiments import rows_with_holes

RNG = np.random.default_rng(0)
X, X_TEST = RNG.normal(size=(60, 4)).astype("float32"), RNG.normal(size=(40, 4)).astype("float32")
Y_TEST = np.arange(40) % 10 == 0
X_TEST[Y_TEST] += 4


@pytest.fixture(autouse=True)
def small_table(monkeypatch):
    monkeypatch.setattr(
        rows_with_holes.anomaly_tables, "split", lambda name, trial: (X, X_TEST, Y_TEST)
    )


def test_without_holes_all_ways_are_the_same():
    found = rows_with_holes.areas("any", 0.0, 1, epochs=1)
    assert found[0] == found[1] == found[2]
    forest = IsolationForest(random_state=1).fit(X)
    assert found[3] == roc_auc_score(Y_TEST, -forest.score_samples(X_TEST))


def test_rows_with_holes_go_to_a_model_that_learns_with_them(monkeypatch):
    seen = []

    def scores(x, x_test, *rest):
        seen.append((np.isnan(x).mean(), np.isnan(x_test).mean()))
        return np.arange(len(x_test))

    monkeypatch.setattr(rows_with_holes, "_scores", scores)
    rows_with_holes.areas("any", 0.5, 1)
    assert seen[0] == pytest.approx((0.5, 0.5), abs=0.1)
    assert seen[1:] == [(0, 0), (0, 0)]
