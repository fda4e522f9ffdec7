"""Scores are what their formulas say."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logsumexp
from support import each_class

import zoo
from zoo.anomaly import Detector, scores
from zoo.checks.names import UnknownNameError


@pytest.fixture(scope="module")
def x():
    return zoo.data.load("digits")[1][0][:6]


def found(model, score, x, **options):
    detector = Detector(model, score=score, **options)
    return detector.scores(x).astype("float64")


def test_reconstruction_sums_the_squared_errors(plain, x):
    squared = (x - plain.reconstruct(x)) ** 2
    np.testing.assert_allclose(found(plain, "reconstruction", x), squared.sum((1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(Detector(plain).explain(x), squared, atol=1e-6)


@pytest.mark.parametrize("shape", [(8, 8, 1), (6, 7, 3), (9, 2), (3, 8, 1)])
def test_the_largest_error_is_that_of_the_worst_window(shape):
    model = zoo.Autoencoder(shape, 2, hidden_units=(8,), likelihood="gaussian")
    x = np.random.default_rng(0).normal(size=(4, *shape)).astype("float32")
    squared = Detector(model).explain(x)
    windows = [min(5, side) for side in shape[:-1]]
    starts = np.ndindex(*(n - w + 1 for n, w in zip(shape, windows, strict=False)))
    means = [
        squared[(slice(None), *map(slice, start, np.add(start, windows)))].reshape(4, -1).mean(1)
        for start in starts
    ]
    np.testing.assert_allclose(found(model, "largest_error", x), np.max(means, axis=0), rtol=1e-5)


def test_rows_have_no_window():
    model = zoo.VAE((6,), 2, hidden_units=(8,), likelihood="gaussian")
    with pytest.raises(ValueError, match="rows of 6. Choose one of elbo_at_mean"):
        Detector(model, score="largest_error")


def test_defaults_suit_the_items_and_the_likelihood(vae):
    photographs = zoo.Autoencoder((16, 16, 1), 2, hidden_units=(8,))
    gaussian = zoo.VAE((8, 8, 1), 2, hidden_units=(8,), likelihood="gaussian")
    assert scores.default_of(photographs) == "largest_error"
    assert scores.default_of(gaussian) == "elbo_at_mean"
    assert scores.default_of(vae) == "reconstruction"  # a cross-entropy of gray pixels


def cross_entropy(x, mean):
    mean = mean.astype("float64")
    return -(x * np.log(mean) + (1 - x) * np.log1p(-mean)).sum((1, 2, 3))


def test_the_elbo_at_the_mean_code_is_likelihood_and_divergence(vae, x):
    mean, log_var = (a.astype("float64") for a in vae.posterior_moments(x))
    kl = 0.5 * (np.exp(log_var) + mean**2 - 1 - log_var).sum(1)
    expected = cross_entropy(x, vae.decode(mean)) + kl
    np.testing.assert_allclose(found(vae, "elbo_at_mean", x), expected, rtol=1e-5)


def test_the_elbo_is_the_mean_over_draws(vae, x):
    mean, log_var = vae.posterior_moments(x)
    kl = 0.5 * (np.exp(log_var) + mean**2 - 1 - log_var).sum(1)
    noise = np.random.default_rng(3).standard_normal((5, 2), np.float32)
    draws = [cross_entropy(x, vae.decode(mean + np.exp(0.5 * log_var) * row)) for row in noise]
    expected = np.mean(draws, axis=0) + kl
    np.testing.assert_allclose(found(vae, "elbo", x, samples=5, seed=3), expected, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("score", ["elbo", "elbo_at_mean", "reconstruction", "prior"])
def test_a_score_does_not_depend_on_the_items_beside_it(vae, x, score):
    whole, alone = found(vae, score, x), found(vae, score, x[4:5])
    np.testing.assert_allclose(whole[4:5], alone, rtol=1e-5)


def test_the_log_likelihood_is_near_that_of_a_grid_over_codes(vae, x):
    axis = np.linspace(-5, 5, 121)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    images = vae.decode(grid).astype("float64")
    cell = np.log((axis[1] - axis[0]) ** 2)
    log_prior = stats.norm.logpdf(grid).sum(1)
    exact = [-logsumexp(log_prior + cell - cross_entropy(one[None], images)) for one in x]
    estimate = found(vae, "log_likelihood", x, samples=2000)
    error = vae.log_likelihood(x, samples=2000).standard_error
    assert (np.abs(estimate - exact) < 5 * error).all()


def test_the_prior_is_the_density_of_the_mean_code(vae, x):
    expected = -stats.norm.logpdf(vae.encode(x).astype("float64")).sum(1)
    np.testing.assert_allclose(found(vae, "prior", x), expected, rtol=1e-5)


def test_the_energy_sums_over_all_states_of_the_hidden_units(x):
    model = zoo.RBM((8, 8, 1), 5, seed=1)
    w, c = (np.asarray(a, "float64") for a in model.encoder.get_layer("z").get_weights())
    b = np.asarray(model.decoder.get_layer("pixels").bias, "float64")
    states = np.array([[(k >> j) & 1 for j in range(5)] for k in range(32)])
    v = x.reshape(len(x), -1).astype("float64")
    minus_energy = (v @ b)[:, None] + states @ c + (v @ w) @ states.T  # [n, 32]
    expected = -logsumexp(minus_energy, axis=1)
    assert Detector(model).score == "energy"
    np.testing.assert_allclose(found(model, "energy", x), expected, rtol=1e-4, atol=1e-4)


def test_the_discriminator_gives_its_negative_logit(x):
    model = zoo.AAE((8, 8, 1), 2, hidden_units=(8,))
    probability = expit(-found(model, "discriminator", x))
    logit = model.discriminator.predict(model.encode(x), verbose=0)[:, 0]
    np.testing.assert_allclose(probability, expit(logit), rtol=1e-4)


@pytest.mark.slow
def test_every_class_has_a_default_that_it_can_have():
    for name, model_class in zoo.models.CLASSES.items():
        if hasattr(model_class, "encode") and not model_class.conditional:
            model = each_class.make(name)
            assert scores.default_of(model) in scores.of_class(model_class)


def test_a_score_of_another_kind_of_model_is_refused(plain, vae):
    with pytest.raises(ValueError, match="not for a Autoencoder.*reconstruction"):
        Detector(plain, score="elbo")
    with pytest.raises(ValueError, match="not for a VAE"):
        Detector(vae, score="energy")
    with pytest.raises(UnknownNameError, match="did you mean 'reconstruction'"):
        Detector(vae, score="reconstuction")


def test_a_prior_without_a_density_everywhere_is_refused():
    def ring(n, generator):
        angle = generator.uniform(0, 6.28, n)
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)

    for prior in (zoo.CustomPrior(ring, 2, pool=10), zoo.Uniform(2)):
        model = zoo.AAE((8, 8, 1), 2, hidden_units=(8,), prior=prior)
        with pytest.raises(ValueError, match="has no density"):
            Detector(model, score="prior")


def test_a_discriminator_that_sees_labels_is_refused():
    model = zoo.LabelInformedAAE(
        (8, 8, 1), 2, hidden_units=(8,), num_classes=10, prior=zoo.GaussianMixture.petals(10)
    )
    with pytest.raises(ValueError, match="needs the label"):
        Detector(model, score="discriminator")
