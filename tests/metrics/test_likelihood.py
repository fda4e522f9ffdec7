"""The ELBO agrees with what NumPy computes, and with the loss of training."""

import numpy as np
import pytest
from scipy import stats

from zoo import metrics


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def test_the_elbo_is_the_one_that_numpy_computes(vae, digits):
    x = digits[0][0][:50]
    moments = vae.encoder.predict(x, verbose=0)
    mean, variance = moments["z_mean"].astype("float64"), np.exp(moments["z_log_var"])
    divergence = (np.log(2) - 0.5 * np.log(variance) + (variance + mean**2) / 8 - 0.5).sum(axis=1)
    noise = np.random.default_rng(3).standard_normal(mean.shape, np.float32)
    logits = vae.decoder.predict(mean + np.sqrt(variance) * noise, verbose=0).astype("float64")
    cross_entropy = (softplus(logits) - x * logits).sum(axis=(1, 2, 3))
    negative_elbo, kl = metrics.negative_elbo(vae, x, seed=3)
    assert kl == pytest.approx(divergence.mean(), rel=1e-4)
    assert negative_elbo == pytest.approx((cross_entropy + divergence).mean(), rel=1e-5)


def test_the_elbo_is_that_of_the_training_loss(vae, digits):
    x = digits[0][0][:400]
    vae.compile()
    logs = vae.evaluate(x, verbose=0, return_dict=True)
    negative_elbo, kl = metrics.negative_elbo(vae, x)
    assert kl == pytest.approx(logs["kl"], rel=1e-4)
    assert negative_elbo == pytest.approx(logs["loss"], rel=0.02)  # each has draws of its own


def test_the_elbo_of_a_conditional_model_takes_its_labels(cvae, digits):
    x, y = (part[:50] for part in digits[0])
    mean, log_var = (moment.astype("float64") for moment in cvae.posterior_moments(x, y))
    expected = stats.norm(0, 1)
    z = np.random.default_rng(0).standard_normal((20000, 1, 2))
    draws = mean[:5] + np.exp(log_var[:5] / 2) * z
    density = stats.norm(mean[:5], np.exp(log_var[:5] / 2)).logpdf(draws)
    sampled = (density - expected.logpdf(draws)).sum(axis=-1).mean()
    _, kl = metrics.negative_elbo(cvae, x[:5], y[:5])
    assert kl == pytest.approx(sampled, abs=0.05)
    assert metrics.negative_elbo(cvae, x, y) != metrics.negative_elbo(cvae, x, 9 - y)
