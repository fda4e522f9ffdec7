"""The experiment with generated rows: its tables, its splits, and its trainings."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

import zoo
from zoo.experiments import synthetic_rows


def test_the_tables_of_scikit_learn_have_their_numbers_and_categories():
    table = synthetic_rows.diabetes()
    raw = load_diabetes(scaled=False)
    assert table.x.shape == (442, 12)
    assert (table.categories, table.category_names) == (((10, 12),), ("sex",))
    np.testing.assert_array_equal(
        table.x[:, table.columns.index("bmi")], raw.data[:, 2].astype("f")
    )
    np.testing.assert_array_equal(table.x[:, 9], raw.target)
    np.testing.assert_array_equal(table.x[:, 11] == 1, raw.data[:, 1] == 2)
    tumors = synthetic_rows.breast_cancer()
    assert tumors.x.shape == (569, 32)
    assert tumors.x[:, 31].sum() == 357  # benign


def test_a_split_has_every_row_once():
    table = synthetic_rows.diabetes()
    parts = synthetic_rows.split(table, 3)
    assert [len(part.x) for part in parts] == [265, 88, 89]
    rows = np.concatenate([part.x for part in parts])
    np.testing.assert_array_equal(np.sort(rows, axis=0), np.sort(table.x, axis=0))
    again, other = (synthetic_rows.split(table, seed)[0].x for seed in (3, 4))
    np.testing.assert_array_equal(again, parts[0].x)
    assert not np.array_equal(other, parts[0].x)


@pytest.mark.slow
@pytest.mark.parametrize("source", [*synthetic_rows.SETTINGS])
def test_rows_are_generated_as_the_table_is_written(source):
    train, _, _ = synthetic_rows.split(synthetic_rows.diabetes(), 1)
    settings = {**synthetic_rows.SETTINGS[source], "hidden_units": [8]}
    rows = synthetic_rows.generated(train, 50, 1, settings, 1, 0)
    assert rows.x.shape == (50, 12)
    assert (rows.x >= train.x.min(axis=0) - 1e-4).all()
    assert (rows.x <= train.x.max(axis=0) + 1e-4).all()
    np.testing.assert_array_equal(rows.x[:, 0], rows.x[:, 0].round())  # the age
    np.testing.assert_array_equal(rows.x[:, 10:].sum(axis=1), 1)
    found = zoo.metrics.compare_synthetic(train, {source: rows})
    assert found[source].copies == 0


def test_tables_of_adbench_say_where_to_get_them(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="adbench/Pima.npz"):
        synthetic_rows.pima()
    (tmp_path / "adbench").mkdir()
    x = np.random.default_rng(0).normal(size=(9, 8))
    np.savez(tmp_path / "adbench" / "Pima.npz", X=x, y=np.arange(9) % 2)
    table = synthetic_rows.pima()
    assert table.columns[-2:] == ("diabetes=0", "diabetes=1")
    np.testing.assert_array_equal(table.x[:, 9], np.arange(9) % 2)
