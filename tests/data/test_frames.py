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


# A model knows the columns of its table


@pytest.mark.parametrize("model_class", [zoo.VAE, zoo.CVAE])
def test_a_loaded_model_generates_frames_without_the_table(people, tmp_path, model_class):
    people["share"] = np.round(np.random.default_rng(1).random(len(people)) * 0.3, 2)
    table = zoo.data.from_table(people, drop=["id"])
    options = {"num_classes": 2} if model_class is zoo.CVAE else {}
    columns = table.likelihood()
    n, labels = 500, np.arange(500) % 2 if options else None
    model = model_class(
        (len(table.columns),), 2, hidden_units=(8,), likelihood=columns, seed=0, **options
    )
    zoo.save(model, tmp_path / "saved")
    frame = zoo.load(tmp_path / "saved").generate(n, labels, seed=1, frame=True)
    (x, _), _ = table
    known = table.to_frame(x)
    assert frame.dtypes.to_dict() == known.dtypes.to_dict()
    for name in ("age", "gain", "height", "share"):
        assert frame[name].between(known[name].min(), known[name].max() + 1e-6).all(), name
    np.testing.assert_array_equal(frame["share"], frame["share"].round(2))
    assert frame["height"].round(3).ne(frame["height"]).any()  # any number of decimals
    rows = model.generate(n, labels, seed=1)  # the same rows, as numbers
    j = table.columns.index("height")
    inside = np.clip(rows[:, j], known["height"].min(), known["height"].max())
    np.testing.assert_allclose(frame["height"], inside, rtol=1e-6)
    (eyes, *_) = table.categories
    values = np.array([n.removeprefix("eyes=light=") for n in table.columns[slice(*eyes)]])
    assert frame["eyes=light"].tolist() == values[rows[:, slice(*eyes)].argmax(axis=1)].tolist()


def test_ranges_are_those_of_the_rows_that_were_seen():
    x = np.array([[1.5, np.nan, 2.0**25], [np.nan, 100.25, 7], [3.0, 99.1, 8]], "float32")
    columns = zoo.GaussianColumns.adapted(x, ("a", "b", "c"), missing="learn")
    assert columns.ranges == ((1.5, 3.0, 1), (99.1, 100.25, 2), (7.0, 2.0**25, 0))
    assert zoo.GaussianColumns.from_config(columns.get_config()).ranges == columns.ranges
    third = np.float32([[1 / 3], [2 / 3]])
    assert zoo.GaussianColumns.adapted(third).ranges[0][2] is None


def test_counts_are_whole_numbers():
    counts = np.random.default_rng(0).poisson([3, 40], (60, 2)).astype("float32")
    columns = zoo.Poisson.adapted(counts, ("calls", "visits"))
    model = zoo.VAE((2,), 1, hidden_units=(4,), likelihood=columns, seed=0)
    frame = model.generate(200, seed=0, frame=True)
    assert [str(kind) for kind in frame.dtypes] == ["int64", "int64"]
    np.testing.assert_array_equal(frame, model.generate(200, seed=0))


def test_what_gives_no_frame_is_refused_in_words(table, monkeypatch):
    unnamed = zoo.GaussianColumns.adapted(np.random.default_rng(0).normal(size=(9, 2)))
    model = zoo.VAE((2,), 1, hidden_units=(4,), likelihood=unnamed)
    with pytest.raises(ValueError, match="needs the names of columns"):
        model.generate(2, frame=True)
    with pytest.raises(ValueError, match="needs the names of columns"):
        zoo.VAE((8, 8, 1), 2, hidden_units=(4,)).generate(2, frame=True)
    x = np.eye(3)[[0, 1, 2, 0]].astype("float32")
    nameless = zoo.MixedColumns.adapted(x, [(0, 3)], ("red", "blue", "green"))
    model = zoo.VAE((3,), 1, hidden_units=(4,), likelihood=nameless)
    with pytest.raises(ValueError, match="give category_names="):
        model.generate(2, frame=True)
    with pytest.raises(ValueError, match="ranges is not what 2 columns need"):
        zoo.GaussianColumns([0, 0], [1, 1], ranges=[(0, 1, 0)])
    with pytest.raises(ValueError, match="ranges is not what"):
        zoo.GaussianColumns([0], [1], ranges=[(1, 0, None)])
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="frame=True needs pandas"):
        model.generate(2, frame=True)


@pytest.mark.parametrize(
    "triple",
    [
        (0, 1, float("inf")),
        (0, 1, 10**400),
        (0, 1, 1.7),
        (-1e300, 1e300, 0),
        (0, float("inf"), None),
    ],
)
def test_ranges_that_are_no_numbers_of_a_table_are_refused(triple):
    with pytest.raises(ValueError, match="ranges is not what"):
        zoo.GaussianColumns([0], [1], ranges=[triple])


def test_rows_of_a_table_with_holes_become_a_frame(people):
    people["age"] = people["age"].astype("Int64")
    people.loc[::3, ["age", "height"]] = pandas.NA
    table = zoo.data.from_table(people, missing="learn", id_column="id")
    rows = np.where(np.isnan(table.rows), np.float32(30), table.rows)
    for match in (False, True):
        frame = table.to_frame(rows, match=match)
        assert frame["age"].dtype == "int64"
        assert not frame.isna().any(axis=None)
        known = people["height"].astype("float32")
        assert frame["height"].between(known.min(), known.max()).all()
