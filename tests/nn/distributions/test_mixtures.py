"""Variational autoencoders with a mixture as the prior: their KL is estimated of samples."""

import numpy as np
import pytest
from scipy import stats
from support.tiny import X, array, randomized, terms

import zoo

pytestmark = pytest.mark.backend


def test_the_kl_divergence_from_a_mixture_equals_quadrature():
    """In one dimension; the metric of a step and `kl_and_log_prob` estimate it of samples.

    What they may be off by is five of the standard errors that quadrature finds, too.
    """
    prior = zoo.GaussianMixture([[-2.0], [1.0]], [[[0.5]], [[1.5]]], probabilities=[1, 3])
    model = randomized(zoo.VAE((4, 4, 1), 1, hidden_units=(5,), prior=prior, samples=4000))
    mean, log_var = (m[:, 0].astype("float64") for m in model.posterior_moments(X))
    grid = np.linspace(-1, 1, 40_001)[:, None] * (np.abs(mean) + 9 * np.exp(log_var / 2)).max()
    share = stats.norm.pdf(grid, mean, np.exp(log_var / 2)) * (grid[1, 0] - grid[0, 0])
    np.testing.assert_allclose(share.sum(axis=0), 1, rtol=1e-6)
    log_prior = array(prior.log_prob(grid)).astype("float64")
    log_ratio = stats.norm.logpdf(grid, mean, np.exp(log_var / 2)) - log_prior[:, None]
    expected = (share * log_ratio).sum(axis=0)
    spread = np.sqrt((share * (log_ratio - expected) ** 2).sum(axis=0))
    in_the_loss = terms(model, X)["kl"]
    assert (np.abs(in_the_loss - expected) < 5 * spread / np.sqrt(4000)).all()
    many = np.repeat(X, 2000, axis=0)
    kl, _ = model.kl_and_log_prob(many, model.encode(many, sample=True, seed=0))
    found = kl.reshape(12, 2000).mean(axis=1)
    assert (np.abs(found - expected) < 5 * spread / np.sqrt(2000)).all()


def test_a_mixture_of_one_gaussian_is_the_normal_prior():
    options = {"hidden_units": (5,), "samples": 3000}
    closed = randomized(zoo.VAE((4, 4, 1), 2, prior=zoo.Normal(2, 2.0), **options))
    mixture = zoo.GaussianMixture([[0.0, 0.0]], [2.0 * np.eye(2)])
    drawn = zoo.VAE((4, 4, 1), 2, prior=mixture, **options)
    drawn.set_weights(closed.get_weights())
    for term in ("kl", "elbo"):
        np.testing.assert_allclose(terms(drawn, X)[term], terms(closed, X)[term], atol=0.3)
    pair = [m.log_likelihood(X, samples=200, seed=0).value for m in (closed, drawn)]
    np.testing.assert_allclose(*pair, rtol=1e-5)
    z = closed.encode(X, sample=True, seed=0)
    with pytest.raises(TypeError, match="no KL by dimension"):
        drawn.kl_by_dimension(X)
    expected = stats.norm.logpdf(z, *moments_of(closed)).sum(1) - stats.norm.logpdf(z, 0, 2).sum(1)
    kl, log_prob = drawn.kl_and_log_prob(X, z)
    np.testing.assert_allclose(kl, expected, rtol=1e-4)
    np.testing.assert_allclose(log_prob, closed.kl_and_log_prob(X, z)[1], rtol=1e-5)


def moments_of(model):
    mean, log_var = model.posterior_moments(X)
    return mean, np.exp(log_var / 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: zoo.VAE((4, 4, 1), 2, prior=zoo.SwissRoll()), "SwissRoll has no density"),
        (
            lambda: zoo.VAE((4, 4, 1), 2, prior=zoo.GaussianMixture.petals(), free_bits=0.1),
            "free_bits= needs a KL by dimension",
        ),
    ],
)
def test_priors_without_a_fitting_kl_divergence_are_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()
