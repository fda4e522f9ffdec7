"""Rows under conditions: the label of a model chooses, or rows are rejected."""

import keras
import numpy as np
import pytest

import zoo
from zoo.inference.rows_where import rows_where

pandas = pytest.importorskip("pandas")


def people(n=400):
    generator = np.random.default_rng(0)
    old = generator.random(n) < 0.3
    frame = pandas.DataFrame({"age": np.where(old, 60, 25) + generator.integers(0, 20, n)})
    frame["height"] = generator.normal(170, 8, n).round(1)
    frame["kind"] = np.where(old, "b", "a")
    return frame


@pytest.fixture(scope="module")
def plain():
    table = zoo.data.from_table(people())
    model = zoo.VAE((4,), 2, hidden_units=(16,), likelihood=table.likelihood(), seed=0)
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(table[0][0], epochs=5, batch_size=50, verbose=0)
    return model


@pytest.fixture(scope="module")
def conditional():
    table = zoo.data.from_table(people(), labels="kind")
    (x, y), _ = table
    likelihood = table.likelihood()
    model = zoo.CVAE((2,), 2, num_classes=2, hidden_units=(16,), likelihood=likelihood, seed=0)
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(x, y, epochs=5, batch_size=50, verbose=0)
    model.label_names = table.class_names
    return model


def test_rows_are_kept_where_all_conditions_hold(plain):
    found = rows_where(plain, 300, ["kind=b", "age>=65", "height<170"], seed=1)
    frame = found.frame
    assert list(frame) == ["age", "height", "kind"]
    assert len(frame) == 300
    assert ((frame["kind"] == "b") & (frame["age"] >= 65) & (frame["height"] < 170)).all()
    assert (found.by_label, len(found.rejected)) == ((), 3)
    # The rows are those of the model for which the conditions hold, and the share is theirs.
    free = plain.generate(20_000, seed=3, frame=True)
    held = free[(free["kind"] == "b") & (free["age"] >= 65) & (free["height"] < 170)]
    assert found.accepted / found.drawn == pytest.approx(len(held) / 20_000, rel=0.2)
    assert frame["height"].mean() == pytest.approx(held["height"].mean(), abs=1)
    told = found.told()
    assert told.startswith("kind=b, age>=65, height<170: by rejection, held in ")
    assert f"of {found.drawn:,} generated rows ({found.accepted / found.drawn:.2%})" in told
    again = rows_where(plain, 300, ["kind=b", "age>=65", "height<170"], seed=1).frame
    pandas.testing.assert_frame_equal(frame, again)


def test_without_conditions_the_rows_are_those_of_generate(plain):
    found = rows_where(plain, 50, seed=2)
    pandas.testing.assert_frame_equal(found.frame, plain.generate(50, seed=2, frame=True))
    assert (found.drawn, found.told()) == (50, "")


def test_the_label_of_a_model_chooses_without_tries(conditional):
    found = rows_where(conditional, 200, ["kind=b"], label="kind")
    assert (found.frame["kind"] == "b").all()
    assert (found.drawn, found.rejected) == (200, ())
    assert found.told() == "kind=b: by the label of the model"
    ages = {k: rows_where(conditional, 500, [f"kind={k}"], label="kind").frame["age"] for k in "ab"}
    assert ages["b"].mean() > ages["a"].mean() + 15
    both = rows_where(conditional, 100, ["kind=b", "age<70"], label="kind")
    assert ((both.frame["kind"] == "b") & (both.frame["age"] < 70)).all()
    assert "by the label of the model; age<70: by rejection" in both.told()


def test_labels_come_in_turn_and_are_equally_frequent_by_default(conditional):
    frame = rows_where(conditional, 5, label="kind", labels=[0, 1, 1]).frame
    assert frame["kind"].tolist() == ["a", "b", "b", "a", "b"]
    frame = rows_where(conditional, 2000, label="kind").frame
    assert (frame["kind"] == "b").mean() == pytest.approx(0.5, abs=0.05)
    large = rows_where(conditional, 12_001, label="kind", labels=[0, 1, 1]).frame
    assert large["kind"][9_999:10_002].tolist() == ["a", "b", "b"]


def test_what_cannot_be_had_is_refused(plain, conditional):
    with pytest.raises(ValueError, match="age>90 holds for no generated row: 'age' is from 25"):
        rows_where(plain, 5, ["age>90"])
    with pytest.raises(ValueError, match=r"height=170.123: held in 0 of 1,000 .*--most"):
        rows_where(plain, 5, ["height=170.123"], most=1000)
    with pytest.raises(ValueError, match="ask for several values of 'kind'"):
        rows_where(conditional, 5, ["kind=a", "kind=b"], label="kind")
    with pytest.raises(ValueError, match="ask for several values of 'kind'"):
        rows_where(conditional, 5, ["kind=a"], label="kind", labels=[1])
    with pytest.raises(ValueError, match="VAE takes no labels"):
        rows_where(plain, 5, labels=[0])
    with pytest.raises(ValueError, match="no named columns"):
        rows_where(zoo.VAE((8, 8, 1), 2, hidden_units=(4,)), 5)


def test_a_column_with_the_name_of_the_labels_is_not_replaced():
    frame = people().drop(columns="kind").rename(columns={"age": "label"})
    likelihood = zoo.data.from_table(frame).likelihood()
    model = zoo.CVAE((2,), 2, num_classes=2, hidden_units=(4,), likelihood=likelihood)
    with pytest.raises(ValueError, match="has a column 'label', which is also"):
        rows_where(model, 3)
    assert list(rows_where(model, 3, label="class").frame) == ["label", "height", "class"]
