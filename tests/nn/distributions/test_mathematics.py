"""Losses, divergences and priors against SciPy, closed forms and Monte Carlo."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy import stats

import zoo
from zoo.models.base import Batch
from zoo.nn import distributions as priors
from zoo.nn import networks
from zoo.nn.distributions import likelihoods, normal

pytestmark = pytest.mark.backend

generator = np.random.default_rng(0)


def array(tensor):
    return ops.convert_to_numpy(ops.stop_gradient(tensor))


def tensors(*arrays):
    return [ops.convert_to_tensor(np.asarray(a, "float32")) for a in arrays]


def test_the_bernoulli_likelihood_is_scipys():
    x = (generator.random((5, 4, 3, 1)) > 0.5).astype("float32")
    logits = 3 * generator.standard_normal(x.shape).astype("float32")
    expected = stats.bernoulli.logpmf(x, 1 / (1 + np.exp(-logits.astype("float64"))))
    got = array(likelihoods.Bernoulli().log_prob(*tensors(x, logits)))
    np.testing.assert_allclose(got, expected.sum((1, 2, 3)), rtol=1e-5)


def test_the_bernoulli_likelihood_is_finite_for_logits_of_any_size():
    x = ops.convert_to_tensor(np.array([[0.0, 1.0, 0.3]], "float32"))
    got = array(likelihoods.Bernoulli().log_prob(x, ops.convert_to_tensor([[1e4, -1e4, 1e4]])))
    np.testing.assert_allclose(got, [-1e4 - 1e4 - 0.7e4], rtol=1e-5)


@pytest.mark.parametrize("stddev", [0.3, 1.0, 2.5])
def test_the_gaussian_likelihood_is_scipys(stddev):
    x, mean = generator.standard_normal((2, 6, 7)).astype("float32")
    expected = stats.norm.logpdf(x, mean, stddev).sum(1)
    got = array(likelihoods.Gaussian(stddev).log_prob(*tensors(x, mean)))
    np.testing.assert_allclose(got, expected, rtol=1e-4)


@pytest.mark.parametrize("shape", [(7,), (4, 3, 1), (4, 3, 2)])
def test_likelihoods_of_images_are_scipys_summed_over_all_values(shape):
    x, mean, free = generator.standard_normal((3, 6, *shape)).astype("float32")
    axes = tuple(range(1, x.ndim))
    got = array(likelihoods.Gaussian(0.7).log_prob(*tensors(x, mean)))
    np.testing.assert_allclose(got, stats.norm.logpdf(x, mean, 0.7).sum(axes), rtol=1e-4)
    least = 2 * np.log(0.05)
    variance = np.exp(least + np.logaddexp(0, free.astype("float64") - least))
    expected = stats.norm.logpdf(x, mean, np.sqrt(variance)).sum(axes)
    parameters = np.concatenate([mean, free], axis=-1)
    got = array(likelihoods.LearnedGaussian(0.05).log_prob(*tensors(x, parameters)))
    np.testing.assert_allclose(got, expected, rtol=1e-4)
    binary = (x > 0).astype("float32")
    expected = stats.bernoulli.logpmf(binary, 1 / (1 + np.exp(-mean.astype("float64")))).sum(axes)
    got = array(likelihoods.Bernoulli().log_prob(*tensors(binary, mean)))
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_the_squared_error_is_a_gaussian_of_variance_one_half_without_its_constant():
    x, mean = generator.standard_normal((2, 6, 7)).astype("float32")
    gaussian = array(likelihoods.Gaussian(np.sqrt(0.5)).log_prob(*tensors(x, mean)))
    error = -array(likelihoods.SquaredError().log_prob(*tensors(x, mean)))
    np.testing.assert_allclose(error, ((x - mean) ** 2).sum(1), rtol=1e-5)
    np.testing.assert_allclose(-gaussian - error, 7 / 2 * np.log(np.pi), rtol=1e-3)


def test_the_kl_divergence_between_gaussians_is_its_integral():
    """Integrate q ln(q / p) on a fine grid, one dimension at a time."""
    mean, log_var = generator.standard_normal((2, 4, 3)).astype("float32")
    grid = np.linspace(-30, 30, 60001)
    for prior_mean, prior_log_var in ((0.0, 0.0), (0.7, 1.2)):
        expected = np.zeros(4)
        for i, j in np.ndindex(4, 3):
            q = stats.norm(mean[i, j], np.exp(log_var[i, j] / 2))
            p = stats.norm(prior_mean, np.exp(prior_log_var / 2))
            expected[i] += np.trapezoid(q.pdf(grid) * (q.logpdf(grid) - p.logpdf(grid)), grid)
        got = kl(mean, log_var, prior_mean, prior_log_var)
        np.testing.assert_allclose(got, expected, rtol=1e-4)


def test_the_kl_divergence_to_a_wide_prior_is_half_the_printed_formula():
    """1/2 sum(mu^2 + sigma^2 - ln sigma^2 - 1) for the standard normal, sigma^2 the variance."""
    mean, log_var = generator.standard_normal((2, 4, 3)).astype("float32")
    variance = np.exp(log_var)
    printed = 0.5 * (mean**2 + variance - np.log(variance) - 1).sum(1)
    np.testing.assert_allclose(kl(mean, log_var), printed, rtol=1e-5)
    scaled = 0.5 * ((mean**2 + variance) / 25 - np.log(variance / 25) - 1).sum(1)
    wide = priors.Normal(3, 5.0)
    np.testing.assert_allclose(kl(mean, log_var, wide.mean, wide.log_var), scaled, rtol=1e-5)


def kl(mean, log_var, prior_mean=0.0, prior_log_var=0.0):
    """Return KL(q || p) of diagonal Gaussians, which a prior's `mean` and `log_var` describe."""
    prior = priors.Normal(3)
    prior.mean, prior.log_var = prior_mean, prior_log_var
    q = normal.DiagonalNormal(*tensors(mean, log_var))
    return array(normal.kl_divergence(q, prior, None))


def test_reparameterized_samples_have_the_posteriors_moments():
    """z = mean + sigma epsilon: the deviation is sigma, not its square."""
    n = 200_000
    mean, sigma = 1.5, 0.2
    q = normal.DiagonalNormal(ops.full((n, 1), mean), ops.full((n, 1), 2 * float(np.log(sigma))))
    z = array(q.draw(1, keras.random.SeedGenerator(0)))[:, 0]
    assert abs(z.mean() - mean) < 5 * sigma / np.sqrt(n)
    assert abs(z.std() - sigma) < 5 * sigma / np.sqrt(2 * n)
    assert stats.kstest((z[:2000, 0] - mean) / sigma, "norm").pvalue > 1e-3


def test_gradients_reach_mean_and_variance_through_a_sample():
    model = zoo.VAE((8, 8, 1), 2, hidden_units=(8,))
    model.compile("sgd", jit_compile=keras.backend.backend() == "jax")
    heads = {name: model.encoder.get_layer(name) for name in model.encoder_outputs}
    before = {name: array(layer.kernel).copy() for name, layer in heads.items()}
    model.fit(generator.random((32, 8, 8, 1)).astype("float32"), verbose=0)
    for name, layer in heads.items():
        assert not np.array_equal(before[name], array(layer.kernel)), name


def test_a_normal_prior_is_scipys():
    prior = priors.Normal(3, scale=5.0)
    z = prior.sample(4000, seed=0)
    expected = stats.multivariate_normal(np.zeros(3), 25 * np.eye(3)).logpdf(z)
    np.testing.assert_allclose(array(prior.log_prob(z)), expected, rtol=1e-6)
    assert stats.kstest(z.ravel() / 5, "norm").pvalue > 1e-3
    draws = array(prior.draw(4000, keras.random.SeedGenerator(1)))
    assert stats.kstest(draws.ravel() / 5, "norm").pvalue > 1e-3
    np.testing.assert_array_equal(z, prior.sample(4000, seed=0))


def test_the_vaes_loss_is_the_negative_elbo():
    """On average over draws, reconstruction is E_q[-log p(x|z)] by a large sample in NumPy."""
    model = zoo.VAE((8, 8, 1), 2, hidden_units=(8,), beta=3.0)
    model.compile(jit_compile=keras.backend.backend() == "jax")
    x = generator.random((1, 8, 8, 1)).astype("float32")
    logs = model.evaluate(np.repeat(x, 20_000, 0), batch_size=5000, verbose=0, return_dict=True)
    mean, log_var = model.posterior_moments(x)
    z = mean + np.exp(log_var / 2) * generator.standard_normal((20_000, 2))
    p = model.decode(z).astype("float64")
    entropy = -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum((1, 2, 3))
    assert abs(logs["reconstruction"] - entropy.mean()) < 6 * entropy.std() / np.sqrt(20_000)
    np.testing.assert_allclose(logs["loss"], logs["reconstruction"] + 3 * logs["kl"], rtol=1e-5)


def test_the_adversarial_losses_are_the_papers():
    model = zoo.AAE((8, 8, 1), 2, hidden_units=(8,), prior=zoo.Normal(2, 5.0))
    x = generator.random((500, 8, 8, 1)).astype("float32")
    state = array(model.seed_generator.state).copy()
    samples = array(model.prior.draw(500, model.seed_generator))
    model.seed_generator.state.assign(state)
    batch = Batch(ops.convert_to_tensor(x))

    def d(z):
        return 1 / (1 + np.exp(-array(model.discriminator(ops.convert_to_tensor(z)))[:, 0]))

    codes = model.encode(x)
    losses = model.discriminator_losses(batch, training=False)
    expected = -np.log(d(samples)) - np.log(1 - d(codes))
    found = {name: array(metric) for name, metric in losses.metrics.items()}
    np.testing.assert_allclose(found["discriminator"], expected, rtol=1e-4)
    np.testing.assert_allclose(array(sum(losses.terms)), expected, rtol=1e-4)
    assert found["accuracy_on_prior_samples"] == pytest.approx(np.mean(d(samples) > 0.5))
    assert found["accuracy_on_codes"] == pytest.approx(np.mean(d(codes) < 0.5))
    losses = model.generator_losses(batch, training=False)
    for generated in (losses.metrics["generator"], sum(losses.terms)):
        np.testing.assert_allclose(array(generated), -np.log(d(codes)), rtol=1e-4)


@pytest.mark.parametrize("shape", [(28, 28, 1), (28, 20, 1), (17, 9, 3)])
def test_convolutional_decoders_give_back_any_side(shape):
    options = {"filters": (4, 6, 8), "hidden_units": (10,)}
    encoder = networks.encoder(shape, {"z": 3}, **options)
    decoder = networks.decoder(shape, 3, **options)
    assert encoder.output.shape == (None, 3)
    assert decoder.output.shape == (None, *shape)


def test_a_label_changes_the_code_and_the_image_and_one_out_of_range_is_nothing():
    encoder = networks.encoder(
        (8, 8, 1), {"z": 3}, hidden_units=(8,), activation="tanh", num_classes=4
    )
    x = np.repeat(generator.random((1, 8, 8, 1)).astype("float32"), 5, 0)
    codes = array(encoder({"x": x, "label": np.array([0, 1, 2, 3, 0], "int32")}))
    np.testing.assert_array_equal(codes[0], codes[4])
    assert len(np.unique(codes[:4, 0])) == 4
