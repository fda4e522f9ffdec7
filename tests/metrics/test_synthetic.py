"""Measures of generated rows, against SciPy and brute force."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import ks_2samp, mannwhitneyu, spearmanr
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import roc_auc_score

import zoo
from zoo.data.tables import read_table
from zoo.metrics import compare_synthetic, synthetic
from zoo.metrics.synthetic import COPULA, HELD_OUT, copula_rows
from zoo.metrics.table_distances import (
    Column,
    marginal_distance,
    nearest_distances,
    pair_distance,
    share_nearer,
)

pandas = pytest.importorskip("pandas")


def people(n, seed=0, turned=1.0):
    generator = np.random.default_rng(seed)
    size = generator.normal(size=n)
    kind = np.where(size + 0.5 * generator.normal(size=n) > 0.4, "tall", "short")
    kind[generator.random(n) < 0.1] = "unsaid"
    return pandas.DataFrame(
        {
            "height": (170 + 8 * size).round(1),
            "age": generator.integers(18, 80, n),
            "kind": kind,
            "member": generator.random(n) < 0.5,
            "weight": (70 + 9 * turned * size + 3 * generator.normal(size=n)).round(1),
        }
    )


REAL, HELD, OTHER = people(400, 1), people(200, 2), people(500, 3, turned=-0.2)


def test_distances_of_columns_are_those_of_scipy_and_of_the_shares():
    found = synthetic(REAL, OTHER).marginals
    assert list(found) == list(REAL)
    for name in ("height", "age", "weight"):
        assert found[name] == pytest.approx(ks_2samp(REAL[name], OTHER[name]).statistic)
    for name in ("kind", "member"):
        p, q = (frame[name].value_counts(normalize=True) for frame in (REAL, OTHER))
        assert found[name] == pytest.approx(p.sub(q, fill_value=0).abs().sum() / 2)
    far = Column("x", np.array([1.0, 1.0])), Column("x", np.array([5.0]))
    assert (marginal_distance(*far), marginal_distance(far[0], far[0])) == (1.0, 0.0)
    codes = Column("x", np.array([0, 0]), 2), Column("x", np.array([1, -1]), 2)
    assert marginal_distance(*codes) == 1.0  # -1 is a value of its own


def test_distances_of_pairs_are_those_of_scipy_and_of_cross_tables():
    found = synthetic(REAL, OTHER).pairs
    assert len(found) == 10
    for pair in (("height", "age"), ("height", "weight"), ("age", "weight")):
        a, b = (spearmanr(frame[list(pair)]).statistic for frame in (REAL, OTHER))
        assert found[pair] == pytest.approx(abs(a - b) / 2)
    assert found["height", "weight"] > 0.5 > 0.1 > found["height", "age"]
    tables = [pandas.crosstab(f["kind"], f["member"], normalize="all") for f in (REAL, OTHER)]
    expected = (tables[0] - tables[1]).abs().to_numpy().sum() / 2
    assert found["kind", "member"] == pytest.approx(expected)
    edges = [-np.inf, *np.quantile(REAL["height"].astype("float32"), np.arange(1, 10) / 10), np.inf]
    tables = [
        pandas.crosstab(
            pandas.cut(f["height"].astype("float32"), edges, labels=range(10)),
            f["kind"],
            normalize="all",
            dropna=False,
        )
        for f in (REAL, OTHER)
    ]
    expected = (tables[0] - tables[1]).abs().to_numpy().sum() / 2
    assert found["height", "kind"] == pytest.approx(expected)
    constant = Column("x", np.ones(5)), Column("y", np.arange(5.0))
    other = Column("x", np.arange(5.0)), Column("y", np.arange(5.0))
    assert pair_distance(constant, other) == 0.5


def test_privacy_is_that_of_brute_force():
    def coordinates(frame):
        numbers = frame[["height", "age", "weight"]] / REAL[["height", "age", "weight"]].std(ddof=0)
        parts = [pandas.get_dummies(frame[name]) / np.sqrt(2) for name in ("kind", "member")]
        return np.concatenate([numbers, *parts], axis=1).astype("float64")

    nearest = [cdist(coordinates(f), coordinates(REAL)).min(axis=1) for f in (OTHER, HELD)]
    found = synthetic(REAL, OTHER, held_out=HELD)
    u = mannwhitneyu(*nearest[::-1]).statistic / (len(OTHER) * len(HELD))
    assert found.nearer == pytest.approx(u, abs=1e-3)
    assert found.copies == 0
    half = pandas.concat([REAL[:100], people(100, 9)])
    assert synthetic(REAL, half, held_out=HELD).copies == 0.5
    copied = synthetic(REAL, REAL, held_out=HELD)
    assert (copied.copies, copied.marginal, copied.pair) == (1, 0, 0)
    assert copied.nearer > 0.99
    assert synthetic(REAL, OTHER).nearer is None
    d, e = np.array([0.0, 1, 1, 3]), np.array([1.0, 2])
    brute = np.mean([(a < b) + 0.5 * (a == b) for a in d for b in e])
    assert share_nearer(d, e) == pytest.approx(brute)


def test_distances_count_in_standard_deviations_and_categories_as_one():
    rows = [Column("a", np.array([0.0])), Column("k", np.array([1]), 3)]
    others = [Column("a", np.array([10.0, 14.0])), Column("k", np.array([1, 0]), 3)]
    assert nearest_distances(rows, others) == pytest.approx([5.0])  # a deviation of 2
    rows[1] = Column("k", np.array([2]), 3)
    assert nearest_distances(rows, others) == pytest.approx([np.sqrt(26)])


def test_copies_are_found_among_many_columns_of_large_numbers():
    rows = 1e4 + np.random.default_rng(0).normal(size=(40, 25)).astype("float32")
    names = [f"c{j}" for j in range(25)]
    frames = [pandas.DataFrame(part, columns=names) for part in (rows[:20], rows[10:], rows[30:])]
    found = synthetic(frames[0], frames[1], held_out=frames[2])
    assert found.copies == pytest.approx(1 / 3)
    exact = cdist(rows[10:].astype("float64"), rows[:20].astype("float64"), "seuclidean",
                  V=rows[:20].astype("float64").var(axis=0))  # fmt: skip
    columns = [[Column(n, f[n].to_numpy("float64")) for n in names] for f in frames[:2]]
    np.testing.assert_allclose(
        nearest_distances(columns[1], columns[0]), exact.min(axis=1), atol=1e-5
    )


@pytest.mark.slow
def test_scores_are_those_of_forests_of_scikit_learn():
    found = synthetic(REAL, OTHER, held_out=HELD, target="weight", seed=4)

    def inputs(frame):
        return pandas.get_dummies(frame.drop(columns="weight"), columns=["kind", "member"])

    for frame, score in ((OTHER, found.score), (REAL, found.real_score)):
        x, x_test = (inputs(f).astype("float32").to_numpy() for f in (frame, HELD))
        forest = RandomForestRegressor(200, random_state=4).fit(x, frame["weight"])
        assert score == pytest.approx(forest.score(x_test, HELD["weight"]), abs=0.02)
    assert found.measure == "R squared"
    assert found.score < 0 < 0.7 < found.real_score
    named = synthetic(REAL, OTHER, held_out=HELD, target="kind", seed=4)
    assert named.measure == "area under the ROC curve"

    def others(frame):
        return pandas.get_dummies(frame.drop(columns="kind"), columns=["member"])

    x, x_test = (others(f).astype("float32").to_numpy() for f in (OTHER, HELD))
    forest = RandomForestClassifier(200, random_state=4).fit(x, OTHER["kind"])
    areas = [
        roc_auc_score(HELD["kind"] == value, share)
        for value, share in zip(forest.classes_, forest.predict_proba(x_test).T, strict=True)
    ]
    assert named.score == pytest.approx(np.mean(areas), abs=0.02)
    line = synthetic(
        REAL, REAL, held_out=HELD, target="weight", estimator=LinearRegression(), drop=["age"]
    )
    assert line.score == line.real_score > 0.8
    assert "age" not in line.marginals


def test_a_value_that_no_generated_row_has_is_not_found():
    some = OTHER[OTHER["kind"] != "unsaid"]
    found = synthetic(REAL, some, held_out=HELD, target="kind", seed=4)

    def others(frame):
        return pandas.get_dummies(frame.drop(columns="kind"), columns=["member"])

    x, x_test = (others(f).astype("float32").to_numpy() for f in (some, HELD))
    forest = RandomForestClassifier(200, random_state=4).fit(x, some["kind"])
    shares = dict(zip(forest.classes_, forest.predict_proba(x_test).T, strict=True))
    areas = [roc_auc_score(HELD["kind"] == v, shares[v]) for v in ("short", "tall")]
    assert found.score == pytest.approx(np.mean([*areas, 0.5]), abs=0.02)


def test_a_copula_and_real_rows_stand_beside():
    generator = np.random.default_rng(0)
    shuffled = REAL.apply(lambda column: generator.permutation(column))
    found = compare_synthetic(REAL, {"shuffled": shuffled}, held_out=HELD, target="weight")
    assert list(found) == ["shuffled", COPULA, HELD_OUT]
    assert found["shuffled"].marginal == 0
    assert found["shuffled"].pairs["height", "weight"] > 0.4
    assert found[COPULA].pairs["height", "weight"] < 0.05
    assert found["shuffled"].score < 0.1 < 0.7 < found[COPULA].score
    assert found[HELD_OUT].score is None
    assert found[HELD_OUT].nearer == 0.5
    rows = copula_rows(read_table(REAL), 50, seed=1).x
    table = zoo.data.from_table(REAL)
    frame = table.to_frame(rows.astype("float32"))
    assert frame["age"].between(18, 79).all()
    j = table.columns.index("height")
    np.testing.assert_allclose(rows[:, j], rows[:, j].round(1), rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "options", "told"),
    [
        ((REAL, OTHER[:9]), {}, "synthetic has 9 rows; .* at least 10"),
        ((REAL[["age"]][:3], OTHER[["age"]]), {}, "real has 3 rows"),
        ((REAL, OTHER.drop(columns="age")), {}, "synthetic: the DataFrame lacks 'age'"),
        ((REAL, OTHER), {"target": "weight"}, "give held_out="),
        ((REAL, OTHER), {"target": "eyes", "held_out": HELD}, "target is 'eyes'; the table has"),
        (
            (REAL[["age"]], OTHER[["age"]]),
            {"target": "age", "held_out": HELD[["age"]]},
            "the only column",
        ),
        (
            (REAL, OTHER),
            {"target": "kind", "held_out": HELD[HELD["kind"] == "tall"]},
            "held_out has one value of 'kind'",
        ),
    ],
)
def test_tables_that_cannot_be_measured_are_refused(arguments, options, told):
    with pytest.raises(ValueError, match=told):
        synthetic(*arguments, **options)
    if not options:
        return
    with pytest.raises(ValueError, match="tables is empty"):
        compare_synthetic(REAL, {})
