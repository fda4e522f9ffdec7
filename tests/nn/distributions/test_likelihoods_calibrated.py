"""The spread of a Gaussian likelihood is calibrated, and a posterior that collapsed is reported."""

import keras
import numpy as np
import pytest
from support.each_class import LONGER, longer
from support.tiny import BACKEND, X, array

import zoo
from zoo.nn.distributions import likelihoods

generator = np.random.default_rng(0)


def vae(**options):
    model = zoo.VAE((4, 4, 1), 2, hidden_units=(8,), **options)
    model.compile(keras.optimizers.SGD(0.0), jit_compile=BACKEND == "jax")
    return model


def fit(model, x, steps, **options):
    """Train by so many steps that see all images, in one pass over copies of them."""
    repeated = {key: np.tile(value, steps) for key, value in options.items()}
    model.fit(np.tile(x, (steps, 1, 1, 1)), batch_size=len(x), verbose=0, **repeated)


def squared_error_a_pixel(model, x, *labels, draws=300):
    """Return the mean squared error of a pixel, under draws from the posterior, if there is one."""
    if not hasattr(model, "posterior_moments"):
        return np.mean((model.reconstruct(x, *labels) - x) ** 2)
    x, *labels = (np.repeat(values, draws, axis=0) for values in (x, *labels))
    z = model.encode(x, *labels, sample=True, seed=0)
    return np.mean((model.decode(z, *labels) - x) ** 2)


@longer
@pytest.mark.backend
def test_a_calibrated_variance_is_the_mean_squared_error():
    model = vae(likelihood="gaussian")
    x = 3 * X + 1
    fit(model, x, steps=50)
    expected = squared_error_a_pixel(model, x)
    np.testing.assert_allclose(model.likelihood.spread**2, expected, rtol=0.1)


@pytest.mark.backend
@pytest.mark.parametrize(
    "cls",
    [
        *(zoo.AAE, zoo.Autoencoder),
        *(pytest.param(c, marks=LONGER) for c in (zoo.CVAE, zoo.IWAE, zoo.VAEGAN, zoo.M2)),
    ],
)
def test_every_kind_of_model_calibrates(cls):
    labels = {"num_classes": 3} if cls in (zoo.CVAE, zoo.M2) else {}
    model = cls((4, 4, 1), 2, hidden_units=(8,), likelihood="gaussian", **labels)
    model.compile(keras.optimizers.SGD(0.0), jit_compile=BACKEND == "jax")
    y = {"y": np.arange(len(X)) % 3} if labels else {}
    fit(model, X, steps=25, **y)
    expected = squared_error_a_pixel(model, X, *y.values())
    assert 0.7 * expected < model.likelihood.spread**2 < 1.4 * expected


@pytest.mark.slow
@pytest.mark.backend
def test_sample_weights_do_not_change_the_calibrated_standard_deviation():
    model = vae(likelihood="gaussian")
    fit(model, X, steps=50, sample_weight=np.full(len(X), 7.0))
    np.testing.assert_allclose(
        model.likelihood.spread**2, squared_error_a_pixel(model, X), rtol=0.1
    )
    before = model.likelihood.spread
    model.fit(X, sample_weight=np.zeros(len(X)), verbose=0)
    assert model.likelihood.spread == before


def test_the_likelihood_has_the_calibrated_standard_deviation():
    model = vae(likelihood="gaussian")
    model.fit(X, epochs=5, verbose=0)
    z = model.encode(X)
    fixed = likelihoods.Gaussian(model.likelihood.spread)
    expected = array(fixed.log_prob(X, model.decode(z)))
    np.testing.assert_allclose(model.kl_and_log_prob(X, z)[1], expected, rtol=1e-5)


@pytest.mark.slow
def test_the_standard_deviation_is_saved_and_belongs_to_one_model(tmp_path):
    shared = zoo.Gaussian()
    model, other = vae(likelihood=shared), vae(likelihood=shared)
    model.fit(X, epochs=3, verbose=0)
    assert model.likelihood.spread != 1.0
    assert other.likelihood.spread == 1.0
    zoo.save(model, tmp_path / "mine")
    model.save(tmp_path / "mine.keras")
    for copy in (zoo.load(tmp_path / "mine"), keras.saving.load_model(tmp_path / "mine.keras")):
        assert copy.likelihood.spread == model.likelihood.spread
        assert copy.likelihood.stddev is None


def test_a_given_standard_deviation_does_not_change():
    for stddev in (0.1, 1.0):
        model = vae(likelihood=zoo.Gaussian(stddev))
        model.fit(X, verbose=0)
        np.testing.assert_allclose(model.likelihood.spread, stddev)
        assert zoo.VAE.from_config(model.get_config()).likelihood.stddev == stddev
    with pytest.raises(ValueError, match="stddev is 0.0; .*above 0"):
        zoo.Gaussian(0.0)


def test_an_old_config_makes_the_same_model():
    config = vae(likelihood=zoo.Gaussian(1.0)).get_config()
    assert config["likelihood"]["config"] == {"stddev": 1.0}
    assert len(zoo.VAE.from_config(config).weights) == len(vae().weights)


@pytest.mark.parametrize("cls", [zoo.RBM, zoo.TargetPropAutoencoder])
def test_models_of_unit_variance_keep_it(cls):
    model = cls((4, 4, 1), 2, likelihood="gaussian")
    assert model.likelihood.get_config() == {"stddev": 1.0}


def test_a_standard_deviation_has_a_lower_limit():
    likelihood = vae(likelihood="gaussian").likelihood
    same = np.zeros((3, 4, 4, 1), "float32")
    for _ in range(200):
        likelihood.calibrate(likelihood.log_prob(same, same)[0] / 16)
    np.testing.assert_allclose(likelihood.spread, 0.001, rtol=1e-3)


# Posterior collapse


def said(model, recwarn):
    model.optimizer.iterations.assign(200)
    model.fit(X, verbose=0)
    return [str(w.message) for w in recwarn if "posterior collapse" in str(w.message)]


@pytest.mark.backend
def test_a_posterior_that_collapsed_is_reported(recwarn):
    model = vae()
    for name in ("z_mean", "z_log_var"):
        for weight in model.encoder.get_layer(name).weights:
            weight.assign(0 * weight)
    model.fit(X, verbose=0)
    assert not [w for w in recwarn if "collapse" in str(w.message)]  # it has hardly begun
    (message,) = said(model, recwarn)
    assert message.startswith("VAE hardly uses its codes: 0 of 2 dimensions")
    assert "beta=" in message


def test_a_posterior_that_depends_on_images_is_not_reported(recwarn):
    model = vae()
    layer = model.encoder.get_layer("z_mean")
    layer.kernel.assign(100 * layer.kernel)
    assert not said(model, recwarn)
