"""A prior that depends on the label: divergences, styles, and how it leaves Keras."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from scipy import stats
from support.tiny import BACKEND, X, array, randomized, tensor

import zoo
from zoo import plots
from zoo.models.base import Batch
from zoo.nn import networks
from zoo.nn.distributions import DiagonalNormal

pytestmark = pytest.mark.backend

generator = np.random.default_rng(0)


LABELS = np.arange(12) % 4


def conditional(**options):
    return randomized(zoo.CVAE((4, 4, 1), 2, num_classes=4, hidden_units=(5,), **options))


def set_prior(model, mean, log_var):
    """Give every class its row of means and log-variances."""
    for name, rows in (("z_mean", mean), ("z_log_var", log_var)):
        model.prior_network.get_layer(name).set_weights([np.asarray(rows, "float32")])


def test_a_learned_prior_that_is_standard_changes_nothing():
    plain, learned = conditional(), conditional(prior="learned")
    set_prior(learned, np.zeros((4, 2)), np.zeros((4, 2)))
    for name in ("encoder", "decoder"):
        getattr(learned, name).set_weights(getattr(plain, name).get_weights())
    batch = Batch(tensor(X), ops.convert_to_tensor(LABELS))
    expected, found = (model.losses(batch, training=False) for model in (plain, learned))
    np.testing.assert_array_equal(array(sum(found.terms)), array(sum(expected.terms)))
    for name, metric in expected.metrics.items():
        np.testing.assert_array_equal(array(found.metrics[name]), array(metric))
    np.testing.assert_array_equal(
        plain.generate(labels=LABELS, seed=3), learned.generate(labels=LABELS, seed=3)
    )
    first, second = (
        model.log_likelihood(X, LABELS, samples=10).value for model in (plain, learned)
    )
    np.testing.assert_allclose(first, second, rtol=1e-6)


def test_the_kl_divergence_from_a_learned_prior_is_its_monte_carlo_mean():
    model = conditional(prior="learned")
    mean, log_var = generator.standard_normal((2, 4, 2))
    set_prior(model, mean, log_var)
    q_mean, q_log_var = model.posterior_moments(X, LABELS)
    noise = generator.standard_normal((20_000, 12, 2))
    z = q_mean + np.exp(q_log_var / 2) * noise
    log_ratio = stats.norm.logpdf(z, q_mean, np.exp(q_log_var / 2)) - stats.norm.logpdf(
        z, mean[LABELS], np.exp(log_var[LABELS] / 2)
    )
    log_ratio = log_ratio.sum(axis=2)
    batch = Batch(tensor(X), ops.convert_to_tensor(LABELS))
    kl = array(model.losses(batch, training=False).metrics["kl"])
    error = log_ratio.std(axis=0) / np.sqrt(20_000)
    assert (np.abs(kl - log_ratio.mean(axis=0)) < 4.5 * error).all()


def test_styles_are_codes_without_the_moments_of_their_class():
    model = conditional(prior="learned")
    mean, log_var = generator.standard_normal((2, 4, 2))
    set_prior(model, mean, log_var)
    z = generator.standard_normal((12, 2))
    expected = (z - mean[LABELS]) / np.exp(log_var[LABELS] / 2)
    np.testing.assert_allclose(model.style(z, LABELS), expected, rtol=1e-5)
    np.testing.assert_allclose(model.styled(expected, LABELS), z, rtol=1e-4, atol=1e-6)
    noise = model.prior.sample(12, seed=5)
    drawn = model.decode(mean[LABELS] + np.exp(log_var[LABELS] / 2) * noise, LABELS)
    np.testing.assert_allclose(model.generate(labels=LABELS, seed=5), drawn, atol=1e-5)


def test_the_prior_is_trained_and_its_moments_are_exported(tmp_path):
    model = conditional(prior="learned")
    before = model.prior_network.get_weights()
    model.compile(jit_compile=BACKEND == "jax")
    model.fit(X, LABELS, verbose=0)
    after = model.prior_network.get_weights()
    assert all((a != b).any() for a, b in zip(before, after, strict=True))
    mean, log_var = generator.standard_normal((2, 4, 2))
    set_prior(model, mean, log_var)
    described = model.parts()["decoder"].inputs[0].prior
    np.testing.assert_allclose(described["means"], mean, rtol=1e-6)
    np.testing.assert_allclose(described["scales"], np.exp(log_var / 2), rtol=1e-6)


def test_measures_and_pictures_take_a_learned_prior_into_account():
    """Codes that follow their class's prior say nothing, wherever that prior lies."""
    mean, log_var = 10 * generator.standard_normal((4, 2)), np.zeros((4, 2))
    style = generator.standard_normal((12, 2))
    posteriors = {
        "silent": mean[LABELS],
        "speaking": mean[LABELS] + style,
    }
    for name, z_mean in posteriors.items():
        model = conditional(prior="learned")
        set_prior(model, mean, log_var)
        q = DiagonalNormal(tensor(z_mean), tensor(np.zeros((12, 2))))
        model.posterior = lambda x, label, q=q: q
        expected = {"silent": 0, "speaking": 2}[name]
        assert zoo.metrics.active_units(model, X, LABELS) == expected
        kl = 0.5 * ((z_mean - mean[LABELS]) ** 2)
        np.testing.assert_allclose(model.kl_by_dimension(X, LABELS), kl, rtol=1e-4, atol=1e-4)
    start = mean[1] + [0.5, -0.5]
    figure = plots.traversal(model, label=1, start=start, steps=1)
    shown = figure.axes[0].get_images()[0].get_array()[:4, :4]
    moved = model.decode([[mean[1, 0] - 2, start[1]]], [1])[0, ..., 0]
    np.testing.assert_allclose(shown, moved, atol=1e-5)


@pytest.mark.parametrize("labels", [None, [-1], [4], [0.5], [[0]]])
def test_a_learned_prior_checks_its_labels(labels):
    with pytest.raises((ValueError, TypeError), match="labels"):
        conditional(prior="learned").prior.moments(labels)


def test_priors_that_do_not_fit_are_refused():
    with pytest.raises(TypeError, match="prior is 'learned'; give a prior such as zoo.Normal"):
        zoo.VAE((4, 4, 1), 2, prior="learned")
    label = keras.Input((), dtype="int32")
    one_output = keras.Model(label, layers.Dense(2)(ops.one_hot(label, 4)))
    for wrong in (one_output, keras.Sequential([layers.Dense(2)])):
        with pytest.raises(ValueError, match="it must be functional"):
            conditional(prior=wrong)
    with pytest.raises(ValueError, match="prior is 'learnt'"):
        conditional(prior="learnt")
    with pytest.raises(ValueError, match="and give a dict of z_mean and z_log_var"):
        conditional(prior=networks.label_prior(4, 3))
    own = conditional(prior=networks.label_prior(4, 2))
    copy = zoo.CVAE.from_config(own.get_config())
    assert copy.prior.custom
    assert copy.prior_network.count_params() == own.prior_network.count_params()


def test_a_learned_prior_takes_free_bits():
    assert conditional(free_bits=0.1).free_bits == 0.1
