"""Columns of Student's t distribution: density, entropy, draws and learned scales."""

import keras
import numpy as np
import pytest
from scipy.stats import t
from support.each_class import longer

import zoo

MEANS, DEVIATIONS = np.array([1.0, -2, 0]), np.array([2.0, 0.5, 1])
ROWS = np.array([[1.5, np.nan, 0.3], [np.nan, -1.8, np.nan], [3, -2, 9]], "float32")
OUTPUTS = np.array([[0.1, 0, -0.2], [0.5, 1, 0], [0, 0, 1]], "float32")


def model_of(likelihood):
    return zoo.VAE((3,), 2, hidden_units=(4,), likelihood=likelihood)


@pytest.fixture
def likelihood():
    """With scales that differ from 1."""
    made = model_of(zoo.StudentColumns(MEANS, DEVIATIONS, degrees=4.0, missing="learn")).likelihood
    made.free.assign([-1.0, 0.0, 2.0])
    return made


def by_column(likelihood):
    return t(4, MEANS + DEVIATIONS * OUTPUTS, DEVIATIONS * likelihood.scales)


def test_log_prob_is_scipys_for_seen_values(likelihood):
    found = likelihood.log_prob(keras.ops.convert_to_tensor(ROWS), OUTPUTS)
    expected = np.nansum(by_column(likelihood).logpdf(ROWS), axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    plain = zoo.StudentColumns(MEANS, DEVIATIONS, degrees=4.0)
    full = plain.log_prob(keras.ops.convert_to_tensor(ROWS[2:]), OUTPUTS[2:])
    scipys = t(4, MEANS + DEVIATIONS * OUTPUTS[2:], DEVIATIONS).logpdf(ROWS[2:]).sum(axis=1)
    np.testing.assert_allclose(full, scipys, rtol=1e-5)


def test_entropy_of_unseen_values_is_scipys(likelihood):
    found = likelihood.unseen_entropy(keras.ops.convert_to_tensor(ROWS), OUTPUTS)
    entropies = t(4, 0, DEVIATIONS * likelihood.scales).entropy()
    np.testing.assert_allclose(found, np.isnan(ROWS) @ entropies, rtol=1e-5)


def test_scales_are_near_1_at_the_start_and_never_below_a_hundredth(likelihood):
    new = model_of(zoo.StudentColumns(MEANS, DEVIATIONS)).likelihood
    np.testing.assert_allclose(new.scales, 1, rtol=0.02)
    likelihood.free.assign([-50.0, 0, 0])
    assert likelihood.scales[0] == pytest.approx(0.01, rel=1e-4)
    assert zoo.StudentColumns(MEANS, DEVIATIONS).scales is None


def test_draws_have_the_distribution(likelihood):
    parameters = np.repeat(OUTPUTS[:1], 20_000, axis=0)
    drawn = likelihood.sample(parameters, np.random.default_rng(0))
    quantiles = np.quantile(drawn, [0.25, 0.5, 0.9], axis=0)
    expected = t(4, MEANS + DEVIATIONS * OUTPUTS[0], DEVIATIONS * likelihood.scales)
    expected = expected.ppf(np.array([[0.25], [0.5], [0.9]]))
    np.testing.assert_allclose((quantiles - expected) / DEVIATIONS, 0, atol=0.15)


@longer
@pytest.mark.backend
def test_scales_are_learned_and_each_model_has_its_own(tmp_path):
    rng = np.random.default_rng(0)
    x = (rng.standard_t(3, size=(512, 3)) * [1, 0.2, 5]).astype("float32")
    columns = zoo.StudentColumns([0, 0, 0], [1, 1, 1])
    model = zoo.VAE((3,), 1, hidden_units=(), likelihood=columns, beta=50.0)
    model.compile(keras.optimizers.Adam(0.05))
    model.fit(x, epochs=60, batch_size=128, verbose=0)
    np.testing.assert_allclose(model.likelihood.scales, [1, 0.2, 5], rtol=0.2)
    assert columns.scales is None
    zoo.save(model, tmp_path / "saved")
    again = zoo.load(tmp_path / "saved").likelihood
    np.testing.assert_allclose(again.scales, model.likelihood.scales, rtol=1e-6)


def test_degrees_that_have_no_variance_are_refused():
    with pytest.raises(ValueError, match="degrees"):
        zoo.StudentColumns(MEANS, DEVIATIONS, degrees=2.0)


@pytest.mark.parametrize("degrees", [2.1, 30.0, 1000.0])
def test_the_density_holds_for_all_degrees(degrees):
    columns = zoo.StudentColumns([0.0], [1.0], degrees=degrees, missing="learn")
    x = np.array([[0.0], [1.0], [5.0], [60.0]], "float32")
    zeros = np.zeros_like(x)
    found = columns.log_prob(keras.ops.convert_to_tensor(x), zeros)
    np.testing.assert_allclose(found, t(degrees).logpdf(x[:, 0]), rtol=1e-4)
    lost = columns.unseen_entropy(keras.ops.convert_to_tensor(x[:1] * np.nan), zeros[:1])
    assert float(lost[0]) == pytest.approx(t(degrees).entropy(), rel=1e-4)


@pytest.mark.parametrize("degrees", [2, 1001, float("nan"), float("inf")])
def test_degrees_beyond_float32_are_refused(degrees):
    with pytest.raises(ValueError, match="degrees"):
        zoo.StudentColumns([0.0], [1.0], degrees=degrees)


def test_rows_have_the_range_and_the_decimals_of_the_table():
    pandas = pytest.importorskip("pandas")
    generator = np.random.default_rng(0)
    table = {"a": generator.normal(size=200).round(1), "n": generator.integers(0, 9, 200)}
    table = pandas.DataFrame(table)
    columns = zoo.StudentColumns.adapted(table)
    assert zoo.StudentColumns.from_config(columns.get_config()).ranges == columns.ranges
    model = zoo.VAE((2,), 1, hidden_units=(4,), likelihood=columns, seed=0)
    frame = model.generate(500, seed=0, frame=True)
    assert frame["n"].dtype == "int64"
    assert (frame.min() >= table.min()).all()
    assert (frame.max() <= table.max()).all()
    np.testing.assert_array_equal(frame["a"], frame["a"].round(1))
