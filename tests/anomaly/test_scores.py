"""Scores are what their formulas say."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logsumexp

import zoo
from zoo.anomaly import Detector, scores
from zoo.suggestions import UnknownNameError


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


def test_every_class_has_a_default_that_it_can_have():
    for model_class in zoo.models.CLASSES.values():
        names = scores.of_class(model_class)
        assert scores.chosen(model_class, None) == names[0]
        assert "reconstruction" in names


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
    with pytest.raises(ValueError, match="sees the label"):
        Detector(model, score="discriminator")
