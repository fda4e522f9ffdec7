"""Tables of pandas and Polars: their columns are put in order by name, and text is explained."""

import numpy as np
import pytest

import zoo
from zoo.checks.arrays import as_array
from zoo.checks.tables import as_given, column_names

pandas = pytest.importorskip("pandas")

NAMES = ("age", "height", "income")
X = np.random.default_rng(0).normal([40, 1.7, 3e4], [9, 0.1, 1e4], (24, 3)).astype("float32")
TABLE = pandas.DataFrame(X, columns=NAMES)
SHUFFLED = TABLE[["income", "age", "height"]]
ORDER = [2, 0, 1]


def in_polars(table):
    return pytest.importorskip("polars").from_pandas(table)


def in_arrow(table):
    return pytest.importorskip("pyarrow").table(dict(table))


LIBRARIES = pytest.mark.parametrize("of", [lambda t: t, in_polars, in_arrow])


@pytest.fixture(scope="module")
def model():
    likelihood = zoo.GaussianColumns.adapted(TABLE)
    model = zoo.VAE((3,), 2, hidden_units=(4,), likelihood=likelihood, seed=0)
    model.compile("sgd")
    return model


def test_a_likelihood_takes_the_names_of_a_table(model):
    assert model.likelihood.names == NAMES
    by_hand = zoo.GaussianColumns.adapted(X, NAMES)
    np.testing.assert_array_equal(by_hand.means, model.likelihood.means)
    again = zoo.GaussianColumns.adapted(SHUFFLED, NAMES)
    np.testing.assert_array_equal(again.means, model.likelihood.means)
    assert zoo.GaussianColumns.adapted(pandas.DataFrame(X)).names is None


@pytest.mark.slow
@LIBRARIES
def test_columns_are_put_in_order_by_name_everywhere(of, model):
    given = of(SHUFFLED)
    np.testing.assert_array_equal(model.encode(given), model.encode(X))
    np.testing.assert_array_equal(model.predict(given, verbose=0), model.predict(X, verbose=0))
    errors = model.reconstruction_error(X)
    np.testing.assert_array_equal(model.reconstruction_error(given), errors)
    first = model.get_weights()
    trained = []
    for x in (X, given):
        fresh = zoo.VAE((3,), 2, hidden_units=(4,), likelihood=model.likelihood, seed=0)
        fresh.set_weights(first)
        fresh.compile("sgd")
        history = fresh.fit(x, validation_data=(x,), verbose=0).history
        trained.append((history["loss"], history["val_loss"], fresh.evaluate(x, verbose=0)))
    assert trained[0] == trained[1]


def test_a_reconstruction_has_the_columns_of_what_came(model):
    restored = model.reconstruct(X)
    np.testing.assert_array_equal(model.reconstruct(SHUFFLED), restored[:, ORDER])
    np.testing.assert_array_equal(as_given(X, SHUFFLED, NAMES), SHUFFLED.to_numpy())


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (TABLE[["age", "height"]], "lacks the columns 'income'.*in any order"),
        (TABLE.assign(shoe=40.0), "does not know, 'shoe'"),
        (TABLE.rename(columns={"age": "years"}), "lacks the columns 'age' and has .* 'years'"),
        (TABLE.set_axis(["age", "age", "income"], axis=1), "two columns 'age'"),
    ],
)
def test_missing_unknown_and_double_columns_are_refused(table, says, model):
    for method in (model.fit, model.evaluate, model.encode, model.reconstruct):
        with pytest.raises(ValueError, match=says):
            method(table)
    with pytest.raises(ValueError, match=says):
        model.fit(TABLE, validation_data=(table,))


def test_a_table_without_names_is_taken_in_its_order(model):
    np.testing.assert_array_equal(model.encode(pandas.DataFrame(X)), model.encode(X))
    assert column_names(pandas.DataFrame(X)) is None
    assert column_names(X) is None
    assert column_names(TABLE) == [*NAMES]


def test_columns_of_all_kinds_of_numbers_become_floats():
    table = pandas.DataFrame(
        {
            "bool": [True, False],
            "int": [1, 2],
            "nullable": pandas.array([3, 4], dtype="Int64"),
            "text": ["5", "6.5"],
            "category": pandas.Categorical([7, 8]),
        }
    )
    np.testing.assert_array_equal(as_array(table), [[1, 1, 3, 5, 7], [0, 2, 4, 6.5, 8]])


@pytest.mark.parametrize("of", [lambda t: t, in_polars])
def test_text_is_answered_with_the_lines_that_make_a_likelihood_of_it(of, model):
    x = of(TABLE.assign(age=["old", "young", "new"] * 8, income=["much", "little"] * 12))
    with pytest.raises(TypeError, match="text in the columns 'age', 'income'.*'little'") as caught:
        model.fit(x)
    said = str(caught.value)
    line = said.partition("for them: ")[2].partition(", then ")
    likelihood = line[2].partition("likelihood=")[2].partition(". zoo.data")[0]
    names = {"x": x, "pandas": pandas, "zoo": zoo}
    exec(line[0], names)
    found = eval(likelihood, names)
    assert sorted(stop - start for start, stop in found.categories) == [2, 3]
    mixed = zoo.VAE((6,), 2, hidden_units=(4,), likelihood=found)
    mixed.compile("sgd")
    mixed.fit(names["x"], verbose=0)
    assert set(found.names) == set(names["x"].columns)


def test_dates_and_other_things_are_refused_by_column(model):
    for values in (pandas.Timestamp("2020-01-01"), np.datetime64("2020-01-01").astype(object)):
        with pytest.raises(TypeError, match=r"Column 'age' of x holds .*days since"):
            model.encode(TABLE.assign(age=values))
    with pytest.raises(TypeError, match="Column 'age' of x holds"):
        model.encode(TABLE.assign(age=[[1, 2]] * 24))


def test_columns_with_nan_are_named(model):
    x = TABLE.copy()
    x.loc[3, "height"] = np.nan
    for method in (model.fit, model.encode, zoo.GaussianColumns.adapted):
        with pytest.raises(ValueError, match="x holds NaN or infinite values in columns 'height'"):
            method(x)
    with pytest.raises(ValueError, match="in columns 1: fill in these values"):
        zoo.GaussianColumns.adapted(x.to_numpy())
    with pytest.raises(ValueError, match="in columns 'height'"):
        zoo.MixedColumns.adapted(x.assign(yes=1.0, no=0.0), [(3, 5)])


def test_a_category_that_is_still_text_is_answered_with_the_line_that_encodes_it():
    frame = pandas.DataFrame({"age": [20.5, 30, 25, 40], "eyes": ["blue", "green"] * 2})
    columns = zoo.data.from_table(frame, validation=0).likelihood()
    model = zoo.VAE((3,), 1, hidden_units=(4,), likelihood=columns)
    with pytest.raises(ValueError, match="eyes=blue.*rows = ") as caught:
        model.encode(frame)
    names = {"zoo": zoo, "x": frame, "model": model}
    exec(str(caught.value).partition("by ")[2].removesuffix("."), names)
    assert model.encode(names["rows"]).shape == (4, 1)
