"""Rows of numbers become a table again, with its categories, whole numbers and bounds."""

import sys

import numpy as np
import pytest

import zoo

pandas = pytest.importorskip("pandas")


@pytest.fixture
def people():
    generator = np.random.default_rng(0)
    n = 400
    return pandas.DataFrame(
        {
            "age": generator.integers(18, 90, n),
            "eyes=light": generator.choice(["blue", "green", "a=b"], n),
            "height": generator.normal(1.7, 0.1, n),
            "member": generator.random(n) < 0.3,
            "gain": np.where(generator.random(n) < 0.9, 0, generator.lognormal(8, 1, n).round()),
            "sex": generator.choice(["f", "m"], n),
            "id": [f"row {i}" for i in range(n)],
        }
    )


@pytest.fixture
def table(people):
    return zoo.data.from_table(people, id_column="id", validation=0.25)


def test_the_rows_of_a_table_come_back_as_the_table(people, table):
    frame = table.to_frame(table.rows)
    assert list(frame) == ["age", "eyes=light", "height", "member", "gain", "sex"]
    for name in ("age", "member", "gain"):
        np.testing.assert_array_equal(frame[name], people[name])
    for name in ("eyes=light", "sex"):
        assert frame[name].astype(str).tolist() == people[name].tolist()
    np.testing.assert_allclose(frame["height"], people["height"], rtol=1e-6)
    kinds = [frame[name].dtype.kind for name in ("age", "height", "member", "gain")]
    assert kinds == ["i", "f", "b", "i"]
    again = zoo.data.from_table(frame, columns=table.likelihood())
    np.testing.assert_array_equal(again.rows, table.rows)


def test_numbers_are_whole_and_within_the_bounds_and_categories_the_most_probable(table):
    rows = table.rows[:4].copy()
    j = {name: table.columns.index(name) for name in ("age", "height", "gain")}
    rows[:, j["age"]] = [17.0, 40.4, 40.6, 1e9]
    rows[:, j["gain"]] = [-3.2, 0.4, 7.7, 2.0]
    rows[:, j["height"]] = [0.0, 1.75, 9.0, 1.6]
    (eyes, _, _) = table.categories
    rows[:, slice(*eyes)] = [[0.2, 0.5, 0.3], [0.4, 0.3, 0.3], [0, 0, 1], [0.1, 0.2, 0.7]]
    frame = table.to_frame(rows)
    known = table.rows.astype("float64")
    assert frame["age"].tolist() == [18, 40, 41, known[:, j["age"]].max()]
    assert frame["gain"].tolist() == [0, 0, 8, 2]
    low, high = known[:, j["height"]].min(), known[:, j["height"]].max()
    np.testing.assert_allclose(frame["height"], [low, 1.75, high, 1.6], rtol=1e-6)
    assert frame["eyes=light"].tolist() == ["blue", "a=b", "green", "green"]


def test_rows_are_matched_by_rank_to_the_distribution_of_the_table(people, table):
    generator = np.random.default_rng(1)
    rows = table.rows[generator.integers(0, 400, 2000)]
    j = table.columns.index("gain")
    rows[:, j] = generator.normal(size=2000) + 0.1 * rows[:, table.columns.index("age")]
    frame = table.to_frame(rows, match=True)
    shares = np.linspace(0.01, 0.99, 50)
    np.testing.assert_allclose(
        np.quantile(frame["gain"], shares), np.quantile(people["gain"], shares), rtol=0.05
    )
    assert (frame["gain"] == 0).mean() == pytest.approx((people["gain"] == 0).mean(), abs=0.002)
    order = np.argsort(rows[:, j])
    assert (np.diff(frame["gain"].to_numpy()[order]) >= 0).all()  # dependence is kept
    np.testing.assert_array_equal(frame["sex"], table.to_frame(rows)["sex"])


@pytest.mark.parametrize(
    ("rows", "options", "error", "told"),
    [
        (np.zeros((3, 2)), {}, ValueError, r"shape \(3, 2\); \(n, 10\) is expected"),
        (np.zeros(10), {}, ValueError, r"shape \(10,\)"),
        (np.full((1, 10), np.nan), {}, ValueError, "NaN or infinite"),
        (np.full((1, 10), "a"), {}, TypeError, "dtype <U1"),
        (np.zeros((99, 10)), {"match": True}, ValueError, "99 rows: generate 100 or more"),
    ],
)
def test_rows_that_are_no_rows_of_the_table_are_refused(table, rows, options, error, told):
    with pytest.raises(error, match=told):
        table.to_frame(rows, **options)


def test_pandas_is_needed(table, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        ImportError, match=r"to_frame needs pandas for its DataFrame: pip install pandas"
    ):
        table.to_frame(table.rows)


def test_generated_rows_become_a_table(people, table):
    (x, _), _ = table
    model = zoo.VAE(x.shape[1:], 2, hidden_units=(8,), likelihood=table.likelihood(), seed=0)
    rows = model.generate(300, seed=0)
    np.testing.assert_array_equal(rows.max(axis=0)[1:4], 1)  # one-hot
    for match in (False, True):
        frame = table.to_frame(rows, match=match)
        assert frame.shape == (300, 6)
        assert frame["age"].between(18, 89).all()
        assert set(frame["eyes=light"]) == {"blue", "green", "a=b"}
