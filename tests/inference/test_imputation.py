"""Rows with missing values: likelihoods, training, imputation and the exported imputer."""

import keras
import numpy as np
import pandas
import pytest
from scipy.stats import multivariate_normal, norm

import export
import zoo
from zoo.nn.corruption import Masking

RNG = np.random.default_rng(0)
FULL = (RNG.normal(size=(40, 1)) * [2.0, 1.0, 0.5] + RNG.normal(size=(40, 3))).astype("float32")
HOLES = RNG.random(FULL.shape) < 0.3
X = np.where(HOLES, np.float32(np.nan), FULL)
FRAME = pandas.DataFrame(FULL, columns=["a", "b", "c"]).assign(
    kind=np.where(FULL[:, 0] > 0, "p", "q")
)
FRAME = FRAME.mask(np.column_stack([HOLES, HOLES[:, 0]]))
CLASSES = [zoo.Autoencoder, zoo.DenoisingAutoencoder, zoo.VAE, zoo.IWAE]
gaussian = zoo.GaussianColumns.adapted


def linear_vae(weight, bias, stddev, means, deviations):
    """Return a VAE with p(z | x) known in closed form: a linear decoder, and q(z | x) = p(z)."""
    likelihood = zoo.GaussianColumns(means, deviations, stddev=stddev, missing="learn")
    model = zoo.VAE((len(means),), len(weight), hidden_units=(), likelihood=likelihood)
    model.decoder.set_weights([weight, bias])
    model.encoder.set_weights([np.zeros_like(w) for w in model.encoder.get_weights()])
    return model


WEIGHT, BIAS = RNG.normal(size=(2, 4)).astype("float32"), np.array([0.1, 0, -0.2, 0], "float32")
MEANS, DEVIATIONS, STDDEV = np.array([1.0, -2, 0, 5]), np.array([2.0, 0.5, 1, 3]), 0.7
ROWS = np.array([[1.5, np.nan, 0.3, 7.0], [np.nan, -1.8, np.nan, 4.0]], "float32")


def exact(row):
    """Return log p and the conditional mean of the whole row, by the normal distribution."""
    seen = ~np.isnan(row)
    mean = MEANS + DEVIATIONS * BIAS
    scaled = WEIGHT * DEVIATIONS
    covariance = scaled.T @ scaled + np.diag((STDDEV * DEVIATIONS) ** 2)
    away = row[seen] - mean[seen]
    gain = covariance[:, seen] @ np.linalg.inv(covariance[np.ix_(seen, seen)])
    log_p = multivariate_normal(mean[seen], covariance[np.ix_(seen, seen)]).logpdf(row[seen])
    return log_p, mean + gain @ away, covariance - gain @ covariance[seen]


def test_a_linear_vae_imputes_the_conditional_mean_and_spread():
    model = linear_vae(WEIGHT, BIAS, STDDEV, MEANS, DEVIATIONS)
    means = np.stack([exact(row)[1] for row in ROWS])
    found = model.impute(ROWS, proposals=40_000)
    np.testing.assert_allclose((found - means) / DEVIATIONS, 0, atol=0.05)
    several = model.impute(ROWS, samples=4000, proposals=20_000)
    deviations = np.sqrt(np.stack([np.diag(exact(row)[2]).clip(0) for row in ROWS]))
    np.testing.assert_allclose((several.std(axis=0) - deviations) / DEVIATIONS, 0, atol=0.07)
    np.testing.assert_allclose((several.mean(axis=0) - means) / DEVIATIONS, 0, atol=0.07)


def test_the_likelihood_of_a_row_is_that_of_what_was_seen():
    model = linear_vae(WEIGHT, BIAS, STDDEV, MEANS, DEVIATIONS)
    found = model.log_likelihood(ROWS, samples=40_000)
    expected = [exact(row)[0] for row in ROWS]
    np.testing.assert_allclose(found.value, expected, atol=0.05)


def test_log_prob_of_columns_is_scipys_for_seen_cells():
    likelihood = zoo.GaussianColumns(MEANS, DEVIATIONS, stddev=STDDEV, missing="learn")
    found = likelihood.log_prob(keras.ops.convert_to_tensor(ROWS), np.tile(BIAS, (2, 1)))
    cells = norm(MEANS + DEVIATIONS * BIAS, STDDEV * DEVIATIONS).logpdf(ROWS)
    np.testing.assert_allclose(found, np.nansum(cells, axis=1), rtol=1e-5)


def test_log_prob_of_mixed_columns_leaves_out_what_was_not_seen():
    x = np.array([[1.0, 1, 0], [2, 0, 1], [4, 0, 1]], "float32")
    make = zoo.MixedColumns.adapted
    plain, learns = make(x, [(1, 3)]), make(x, [(1, 3)], missing="learn")
    parameters = RNG.normal(size=(3, 4)).astype("float32")
    full = np.array(plain.log_prob(x, parameters))
    tensor = keras.ops.convert_to_tensor
    np.testing.assert_allclose(learns.log_prob(tensor(x), parameters), full, rtol=1e-5)
    number, category = x.copy(), x.copy()
    number[:, 1:], category[:, 0] = np.nan, np.nan
    parts = [np.array(learns.log_prob(tensor(v), parameters)) for v in (number, category)]
    np.testing.assert_allclose(sum(parts), full, rtol=1e-5)
    log_softmax = parameters[:, 1:3] - np.log(np.exp(parameters[:, 1:3]).sum(1, keepdims=True))
    np.testing.assert_allclose(parts[1], (log_softmax * x[:, 1:]).sum(1), rtol=1e-4)


@pytest.mark.parametrize("cls", CLASSES)
def test_without_holes_losses_equal_those_of_a_model_without_a_mask(cls):
    models = []
    for missing in ("refuse", "learn"):
        settings = {"hidden_units": (4,), "likelihood": gaussian(FULL, missing=missing)}
        models.append(cls((3,), 2, **settings, seed=0))
        models[-1].compile("adam")
    plain, learns = models
    first, *others = plain.encoder.get_weights()
    first_learns = learns.encoder.get_weights()[0]
    assert first_learns.shape == (6, 4)
    learns.encoder.set_weights([np.concatenate([first, np.zeros_like(first)]), *others])
    learns.decoder.set_weights(plain.decoder.get_weights())
    a, b = (model.evaluate(FULL, verbose=0, return_dict=True) for model in models)
    assert {*a} == {*b}
    np.testing.assert_allclose([*b.values()], [a[k] for k in b], rtol=1e-5)


@pytest.mark.slow
def test_the_calibrated_spread_is_that_of_seen_cells():
    model = zoo.Autoencoder((3,), 1, hidden_units=(), likelihood=gaussian(X, missing="learn"))
    model.compile(keras.optimizers.SGD(0.0))
    model.fit(X, epochs=150, batch_size=40, verbose=0)
    errors = model.reconstruction_error(X).sum() / (~HOLES).sum()
    assert model.likelihood.spread**2 == pytest.approx(errors, rel=1e-3)


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_learns_from_a_table_and_fills_it(cls):
    table = zoo.data.from_table(FRAME, missing="learn", validation=0)
    model = cls((5,), 2, hidden_units=(8,), likelihood=table.likelihood())
    model.compile("adam")
    history = model.fit(table.rows, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    full = model.impute(FRAME)
    assert list(full.columns) == list(FRAME.columns)
    assert not full.isna().any(axis=None)
    assert {*full["kind"]} == {"p", "q"}
    there = FRAME.notna()
    assert ((full == FRAME) | ~there).all(axis=None)
    rows = model.impute(table.rows)
    np.testing.assert_allclose(full["b"], rows[:, 1], rtol=1e-6)
    assert (full["kind"] == np.where(rows[:, 3] == 1, "p", "q")).all()
    again = type(model).from_config(model.get_config())
    assert again.likelihood.missing == "learn"


def test_masked_arrays_and_pandas_na_are_missing_values():
    model = zoo.VAE((3,), 1, hidden_units=(4,), likelihood=gaussian(X, missing="learn"))
    masked = np.ma.MaskedArray(FULL, HOLES)
    np.testing.assert_array_equal(model.impute(masked), model.impute(X))
    with_na = pandas.DataFrame(X).astype("Float32")
    assert with_na.isna().sum().sum() == HOLES.sum()
    np.testing.assert_allclose(model.impute(with_na), model.impute(X), rtol=1e-6)


def test_a_frame_is_filled_with_numbers_as_the_table_has_them():
    frame = pandas.DataFrame({"age": RNG.integers(18, 21, 60), "pay": RNG.random(60).round(1)})
    frame["age"] = frame["age"].astype("Int64").mask(RNG.random(60) < 0.3)
    frame["pay"] = frame["pay"].mask(RNG.random(60) < 0.3)
    table = zoo.data.from_table(frame, missing="learn", validation=0)
    model = zoo.VAE((2,), 1, hidden_units=(4,), likelihood=table.likelihood())
    for full in (model.impute(frame), *model.impute(frame, samples=5)):
        assert full["age"].dtype == "Int64"
        assert full["age"].between(18, 20).all()
        assert full["pay"].between(frame["pay"].min(), frame["pay"].max()).all()
        np.testing.assert_array_equal(full["pay"], full["pay"].round(1))
    of_file = model.impute(frame.astype(object).where(frame.notna(), ""))
    assert of_file["age"].dtype == "int64"
    with_large = frame.assign(age=frame["age"] + 2**60)
    learned = zoo.data.from_table(with_large, missing="learn", validation=0).likelihood()
    full = zoo.VAE((2,), 1, hidden_units=(4,), likelihood=learned).impute(with_large)["age"]
    there = with_large["age"].notna()
    assert full[there].equals(with_large["age"][there])
    assert not full.isna().any()
    several = zoo.data.from_table(large := frame[["pay"]] * 12_345.678, missing="learn")
    model_of_pay = zoo.VAE((1,), 1, hidden_units=(4,), likelihood=several.likelihood())
    filled = model_of_pay.impute(large)["pay"]  # decimals are not known
    assert all(value == float(f"{value:.7g}") for value in filled[large["pay"].isna()])
    drawn = model.impute(table.rows, samples=5)  # arrays are not rounded
    assert (drawn[..., 0] != drawn[..., 0].round()).any()


PAY = np.random.default_rng(1).random(60)
WHOLE = pandas.Series(np.ceil(3 * PAY), dtype="Int64").mask(np.arange(60) % 3 == 0)
LARGE = WHOLE.astype("UInt64") * 2**61 + 2**63


@pytest.mark.parametrize(
    ("given", "learned", "dtype"),
    [
        (WHOLE, WHOLE + 0.5, "float64"),
        (LARGE, LARGE, "float64"),
        (WHOLE.mask(WHOLE > 0), WHOLE.astype("string") + " years", object),
    ],
    ids=["fractions", "above int64", "a category, no value given"],
)
def test_a_column_of_whole_numbers_takes_what_was_learned(given, learned, dtype):
    learned_frame, frame = (pandas.DataFrame({"a": a, "b": PAY}) for a in (learned, given))
    table = zoo.data.from_table(learned_frame, missing="learn", validation=0)
    model = zoo.VAE(table.rows.shape[1:], 1, hidden_units=(4,), likelihood=table.likelihood())
    full = model.impute(frame)["a"]
    assert full.dtype == dtype
    assert (full == given)[given.notna()].all()
    assert full[given.isna()].between(learned.min(), learned.max()).all()


def test_hidden_values_and_whole_categories_become_missing():
    x = np.tile(np.array([[1.0, 1, 0], [2, 0, 1]], "float32"), (500, 1))
    x[0, 0] = np.nan
    likelihood = zoo.MixedColumns.adapted(x, [(1, 3)], missing="learn")
    seeds = keras.random.SeedGenerator(0)
    seen = np.array(likelihood.corrupted(keras.ops.convert_to_tensor(x), Masking(0.3, True), seeds))
    lost = np.isnan(seen)
    assert lost[0, 0]
    np.testing.assert_array_equal(lost[:, 1], lost[:, 2])
    np.testing.assert_allclose(lost.mean(axis=0), 0.3, atol=0.05)
    np.testing.assert_allclose(seen[~lost], x[~lost], rtol=1e-5)


def test_what_cannot_be_learned_or_imputed_is_refused():
    model = zoo.VAE((3,), 1, hidden_units=(4,), likelihood=gaussian(FULL))
    with pytest.raises(ValueError, match='missing="learn"'):
        model.encode(X)
    with pytest.raises(ValueError, match="did not learn with missing"):
        model.impute(X)
    learns = gaussian(X, missing="learn")
    with pytest.raises(ValueError, match="SparseAutoencoder does not learn from missing"):
        zoo.SparseAutoencoder((3,), 1, likelihood=learns)
    with pytest.raises(ValueError, match="tie_weights"):
        zoo.Autoencoder((3,), 1, hidden_units=(), tie_weights=True, likelihood=learns)
    with pytest.raises(ValueError, match="makes values missing"):
        zoo.VAE((3,), 1, likelihood=gaussian(FULL), corruption=Masking(0.2, missing=True))
    plain = zoo.Autoencoder((3,), 1, hidden_units=(4,), likelihood=learns)
    frame = pandas.DataFrame(X, columns=["a", "b", "c"])
    named = zoo.VAE((3,), 1, likelihood=gaussian(frame, missing="learn"))
    with pytest.raises(ValueError, match=r"has 'id'.*give frame.drop\(columns=\['id'\]\)"):
        named.impute(frame.assign(id=1.0))
    with pytest.raises(TypeError, match="no distribution of codes"):
        plain.impute(X, samples=3)
    with pytest.raises(ValueError, match="only NaN in columns 1"):
        gaussian(np.where([0, 1, 0], np.nan, FULL), missing="learn")
    with pytest.raises(ValueError, match="choose 'refuse' or 'learn'"):
        gaussian(FULL, missing="drop")
    partly = np.array([[1.0, np.nan, 0]], "float32")
    mixed = zoo.MixedColumns([0, 0, 0], [1, 1, 1], [(1, 3)], missing="learn")
    with pytest.raises(ValueError, match="Row 0 of x holds NaN in some of"):
        zoo.VAE((3,), 1, hidden_units=(4,), likelihood=mixed).encode(partly)


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow exports")
def test_the_exported_imputer_fills_rows_as_the_model_does(tmp_path):
    model = zoo.VAE((3,), 1, hidden_units=(4,), likelihood=gaussian(X, missing="learn"))
    export.export_model(model, tmp_path / "out")
    imputer = export.load(tmp_path / "out" / "imputer")
    found = imputer(x=X)["imputed"]
    np.testing.assert_allclose(found, model.impute(X, proposals=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found[~HOLES], FULL[~HOLES])
    with pytest.raises(ValueError, match="infinite"):
        imputer(x=np.where(HOLES, np.float32(np.inf), FULL))


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow exports")
@pytest.mark.parametrize("columns", [zoo.GaussianColumns, zoo.StudentColumns])
def test_the_saved_model_of_an_imputer_fills_rows_as_the_model_does(columns, tmp_path):
    import tensorflow as tf

    likelihood = columns.adapted(X, missing="learn")
    model = zoo.VAE((3,), 1, hidden_units=(4,), likelihood=likelihood)
    report = export.export_model(model, tmp_path / "out", parts=["imputer"])["imputer"]
    assert {result["format"] for result in report["results"]} == {"onnx", "saved_model"}
    assert "rows with missing values" in str(report)
    loaded = tf.saved_model.load(str(tmp_path / "out" / "imputer" / "saved_model"))
    found = loaded.signatures["serving_default"](x=tf.constant(X))["imputed"].numpy()
    np.testing.assert_allclose(found, model.impute(X, proposals=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found[~HOLES], FULL[~HOLES])
