"""Bounds and likelihoods of the variational family against closed forms, SciPy and Monte Carlo."""

import keras
import numpy as np
import pytest
from keras import layers
from scipy import stats
from support.each_class import longer
from support.tiny import BACKEND, X, array, randomized, tensor, terms

import zoo
from zoo.nn import networks
from zoo.nn.distributions import likelihoods, normal

pytestmark = pytest.mark.backend

generator = np.random.default_rng(0)


# Likelihoods


def test_the_gaussian_with_two_outputs_is_scipys_with_a_bounded_variance():
    x, mean = generator.standard_normal((2, 5, 4, 3, 2))
    free = 6 * generator.standard_normal((5, 4, 3, 2))
    likelihood = likelihoods.LearnedGaussian(least_stddev=0.2)
    log_var = np.log(0.04) + np.logaddexp(0, free - np.log(0.04))
    parameters = np.concatenate([mean, free], axis=-1)
    expected = stats.norm.logpdf(x, mean, np.exp(log_var / 2)).sum((1, 2, 3))
    got = array(likelihood.log_prob(tensor(x), tensor(parameters)))
    np.testing.assert_allclose(got, expected, rtol=1e-4)
    np.testing.assert_allclose(array(likelihood.mean(tensor(parameters))), mean, rtol=1e-6)
    constant = tensor(np.concatenate([x, np.full_like(x, -1e6)], axis=-1))
    largest = stats.norm.logpdf(0, 0, 0.2) * 24
    np.testing.assert_allclose(array(likelihood.log_prob(tensor(x), constant)), largest, rtol=1e-4)


def test_the_categorical_likelihood_is_a_softmax_over_levels():
    levels, shape = 5, (6, 4, 3, 2)
    index = generator.integers(0, levels, shape)
    logits = generator.standard_normal((*shape, levels))
    parameters = tensor(logits.reshape(6, 4, 3, 2 * levels))
    likelihood = likelihoods.Categorical(levels)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    chosen = np.take_along_axis(p, index[..., None], -1)[..., 0]
    x = tensor(index / (levels - 1) + 0.1 * generator.uniform(-1, 1, shape))
    got = array(likelihood.log_prob(x, parameters))
    np.testing.assert_allclose(got, np.log(chosen).sum((1, 2, 3)), rtol=1e-4)
    mean = (p * np.arange(levels)).sum(-1) / (levels - 1)
    np.testing.assert_allclose(array(likelihood.mean(parameters)), mean, rtol=1e-5)


@longer
@pytest.mark.parametrize("name", ["learned_gaussian", "categorical"])
@pytest.mark.parametrize(
    "options", [{"hidden_units": (8,)}, {"filters": (3,), "hidden_units": (8,)}]
)
def test_decoders_give_the_parameters_of_their_likelihood(name, options):
    model = zoo.VAE((8, 8, 2), 2, likelihood=name, **options)
    assert model.decoder.output.shape[1:] == (8, 8, 2 * model.likelihood.values)
    assert model.generate(3, seed=0).shape == (3, 8, 8, 2)
    copy = zoo.VAE.from_config(model.get_config())
    assert copy.likelihood.get_config() == model.likelihood.get_config()


def test_a_likelihood_that_does_not_fit_the_decoder_is_refused():
    encoder = networks.encoder((4, 4, 1), {"z_mean": 2, "z_log_var": 2}, hidden_units=())
    decoder = networks.decoder((4, 4, 1), 2, hidden_units=())
    with pytest.raises(ValueError, match=r"LearnedGaussian needs \(4, 4, 2\)"):
        zoo.VAE(encoder=encoder, decoder=decoder, likelihood="learned_gaussian")
    with pytest.raises(ValueError, match="give one value per pixel"):
        zoo.Autoencoder((4, 4, 1), 2, tie_weights=True, likelihood="learned_gaussian")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: likelihoods.LearnedGaussian(0.0), "least_stddev is 0.0"),
        (lambda: likelihoods.Categorical(1), "levels is 1"),
        (lambda: zoo.VAE((4, 4, 1), 2, samples=0), "samples is 0"),
        (lambda: zoo.VAE((4, 4, 1), 2, samples=1.5), "samples is 1.5"),
        (lambda: zoo.VAE((4, 4, 1), 2, beta=-1), "beta is -1"),
        (lambda: likelihoods.Categorical(2.7), "levels is 2.7"),
        (
            lambda: zoo.VAE((4, 4, 1), 2, binarize="threshold", corruption={"gaussian": 0.1}),
            "would undo Gaussian noise",
        ),
        (lambda: zoo.VAE((4, 4, 1), 2, free_bits=-1), "free_bits is -1"),
        (lambda: zoo.VAE((4, 4, 1), 2, binarize="often"), "binarize is 'often'"),
        (
            lambda: zoo.VAE((4, 4, 1), 2, binarize="dynamic", likelihood="gaussian"),
            "the likelihood is Gaussian",
        ),
        (lambda: zoo.IWAE((4, 4, 1), 2, beta=2.0), "takes no beta="),
        (lambda: zoo.VAE((4, 4, 1), 2).log_likelihood(X, samples=0), "samples is 0"),
    ],
)
def test_arguments_without_meaning_are_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_an_invalid_number_of_samples_is_refused():
    with pytest.raises(TypeError, match="samples is None; give a whole number"):
        zoo.VAE((4, 4, 1), 2, samples=None)


# Bounds


def linear_gaussian(cls=zoo.VAE, **options):
    """x = W z + b + s e: p(x) is N(b, W W^T + s^2 I); q is somewhat off the true posterior."""
    dims, latent, stddev = 6, 2, 0.5
    generator = np.random.default_rng(0)
    weights = generator.standard_normal((latent, dims))
    b = generator.standard_normal(dims)
    covariance = weights.T @ weights + stddev**2 * np.eye(dims)
    precision = np.eye(latent) + weights @ weights.T / stddev**2
    gain = np.linalg.solve(precision, weights) / stddev**2
    x = keras.Input((dims,), name="x")
    heads = {name: layers.Dense(latent, name=name)(x) for name in ("z_mean", "z_log_var")}
    z = keras.Input((latent,), name="z")
    model = cls(
        encoder=keras.Model(x, heads),
        decoder=keras.Model(z, layers.Dense(dims, name="out")(z)),
        likelihood=likelihoods.Gaussian(stddev),
        **options,
    )
    model.encoder.get_layer("z_mean").set_weights([gain.T, -gain @ b + 0.05])
    log_var = np.log(1.3 / np.diag(precision))
    model.encoder.get_layer("z_log_var").set_weights([np.zeros((dims, latent)), log_var])
    model.decoder.get_layer("out").set_weights([weights, b])
    return model, stats.multivariate_normal(b, covariance)


def test_the_estimated_likelihood_is_the_closed_form_within_its_standard_error():
    model, truth = linear_gaussian()
    x = truth.rvs(25, random_state=1).astype("float32")
    estimate = model.log_likelihood(x, samples=5000, seed=2)
    assert estimate.value.shape == estimate.standard_error.shape == (25,)
    off = (estimate.value - truth.logpdf(x)) / estimate.standard_error
    assert stats.kstest(off, "norm").pvalue > 0.01
    assert np.abs(off).max() < 4
    assert estimate.standard_error.max() < 0.05
    again = model.log_likelihood(x, samples=5000, seed=2)
    np.testing.assert_array_equal(again.value, estimate.value)


@longer
def test_the_standard_error_is_the_spread_of_repetitions():
    model, truth = linear_gaussian()
    x = truth.rvs(5, random_state=1).astype("float32")
    estimates = [model.log_likelihood(x, samples=400, seed=i) for i in range(60)]
    spread = np.std([e.value for e in estimates], axis=0, ddof=1)
    stated = np.mean([e.standard_error for e in estimates], axis=0)
    np.testing.assert_allclose(stated, spread, rtol=0.35)


def test_one_sample_of_the_estimate_is_the_importance_weight():
    model, _ = linear_gaussian()
    x = generator.standard_normal((3, 6)).astype("float32")
    noise = np.random.default_rng(7).standard_normal((3, 1, 2), np.float32)[:, 0]
    mean, log_var = model.posterior_moments(x)
    z = mean + np.exp(log_var / 2) * noise
    expected = (
        stats.norm.logpdf(x, model.decode(z), 0.5).sum(1)
        + stats.norm.logpdf(z).sum(1)
        - stats.norm.logpdf(z, mean, np.exp(log_var / 2)).sum(1)
    )
    got = model.log_likelihood(x, samples=1, seed=7)
    np.testing.assert_allclose(got.value, expected, rtol=1e-5)
    assert np.isnan(got.standard_error).all()


@longer
def test_bounds_lie_below_the_likelihood_and_rise_with_the_samples():
    bounds = {}
    for samples in (1, 5, 50):
        model, truth = linear_gaussian(zoo.IWAE, samples=samples)
        x = truth.rvs(200, random_state=1).astype("float32")
        logs = [terms(model, x) for _ in range(20)]
        bounds[samples] = np.mean([log["iw_elbo"] for log in logs])
        elbo = np.mean([log["elbo"] for log in logs])
    exact = truth.logpdf(x).mean()
    assert elbo < bounds[5] < bounds[50] < exact + 0.01
    np.testing.assert_allclose(bounds[1], elbo, atol=0.05)
    assert exact - bounds[50] < 0.1 * (exact - elbo)


def test_the_importance_weighted_loss_is_minus_its_bound():
    model = randomized(zoo.IWAE((4, 4, 1), 2, hidden_units=(5,), samples=3))
    model.compile(jit_compile=BACKEND == "jax")
    logs = model.evaluate(X, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(-logs["iw_elbo"], rel=1e-5)
    assert logs["elbo"] == pytest.approx(-logs["reconstruction"] - logs["kl"], rel=1e-5)


def test_several_samples_average_the_reconstruction():
    many = randomized(zoo.VAE((4, 4, 1), 2, hidden_units=(5,), samples=2000))
    z = many.encode(np.repeat(X, 2000, axis=0), sample=True, seed=0)
    _, expected = many.kl_and_log_prob(np.repeat(X, 2000, axis=0), z)
    expected = expected.reshape(12, 2000)
    error = expected.std(axis=1) / np.sqrt(2000) * np.sqrt(2)
    got = terms(many, X)["reconstruction"]
    assert (np.abs(got + expected.mean(axis=1)) < 4.5 * error).all()


def test_free_bits_lift_every_dimension_to_its_floor():
    model = randomized(zoo.VAE((4, 4, 1), 3, hidden_units=(5,), free_bits=0.8, beta=2.0), 0.2)
    mean, log_var = model.posterior_moments(X)
    kl = 0.5 * (mean**2 + np.exp(log_var) - log_var - 1).mean(axis=0)
    assert (kl < 0.8).any()
    logs = terms(model, X)
    np.testing.assert_allclose(
        logs["kl"].mean() + logs["free_bits_penalty"], np.maximum(kl, 0.8).sum(), rtol=1e-5
    )
    model.compile(jit_compile=BACKEND == "jax")
    found = model.evaluate(X, verbose=0, return_dict=True, batch_size=12)
    expected = found["reconstruction"] + 2 * (found["kl"] + found["free_bits_penalty"])
    assert found["loss"] == pytest.approx(expected, rel=1e-5)


def test_free_bits_take_the_gradient_of_what_is_below_them_whatever_the_weights():
    """With a free amount that no dimension reaches, nothing pulls the encoder to the prior."""
    model = zoo.VAE((4, 4, 1), 3, hidden_units=(5,), free_bits=50.0)
    model.decoder.trainable = False
    model.decoder.get_layer("dense_0").set_weights([np.zeros((3, 5)), np.zeros(5)])
    before = model.encoder.get_weights()
    model.compile(keras.optimizers.SGD(1.0), jit_compile=BACKEND == "jax")
    weights = generator.uniform(0.1, 3.0, 12).astype("float32")
    model.fit(X, sample_weight=weights, batch_size=12, verbose=0)
    for a, b in zip(before, model.encoder.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@longer
def test_a_schedule_moves_beta_step_by_step_and_goes_on_after_loading(tmp_path):
    schedule = keras.optimizers.schedules.PolynomialDecay(0.0, 10, 1.0)
    model = zoo.VAE((4, 4, 1), 2, hidden_units=(5,), beta=schedule)
    model.compile(jit_compile=BACKEND == "jax")
    model.fit(X, batch_size=4, epochs=2, verbose=0)
    assert float(array(model.beta_now)) == pytest.approx(0.6)
    logs = model.evaluate(X, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(logs["reconstruction"] + 0.6 * logs["kl"], rel=1e-5)
    model.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    model.fit(X, batch_size=4, verbose=0)
    assert float(array(model.beta_now)) == pytest.approx(0.9)
    model.fit(X, batch_size=4, verbose=0)
    assert float(array(model.beta_now)) == pytest.approx(1.0)
    model.step.assign(70_001.0)
    zoo.save(model, tmp_path / "preset", storage="float16")
    assert float(array(zoo.load(tmp_path / "preset").step)) == 70_001
    described = keras.saving.serialize_keras_object(schedule)
    assert zoo.VAE((4, 4, 1), 2, hidden_units=(5,), beta=described).beta(5) == schedule(5)


# Binary and corrupted images


def test_dynamic_binarization_samples_with_the_pixels_as_probabilities():
    model = zoo.VAE((4, 4, 1), 2, hidden_units=(5,), binarize="dynamic")
    draws = array(model.input_pixels(tensor(np.repeat(X, 3000, axis=0)), draw=True))
    assert set(np.unique(draws)) == {0, 1}
    np.testing.assert_allclose(draws.reshape(-1, 3000, 4, 4, 1).mean(axis=1), X, atol=0.05)
    prepared = model.prepared(X, seed=1)
    np.testing.assert_array_equal(prepared, model.prepared(X, seed=1))
    assert (prepared != model.prepared(X, seed=2)).any()
    estimate = model.log_likelihood(X, samples=3, seed=1)
    plain = zoo.VAE.from_config({**model.get_config(), "binarize": None})
    plain.set_weights(model.get_weights())
    expected = plain.log_likelihood(prepared, samples=3, seed=1)
    np.testing.assert_allclose(estimate.value, expected.value, rtol=1e-6)


def test_every_use_gets_thresholded_pixels():
    model = randomized(zoo.VAE((4, 4, 1), 2, hidden_units=(5,), binarize="threshold"))
    hard = (X > 0.5).astype("float32")
    np.testing.assert_array_equal(model.encode(X), model.encode(hard))
    z = model.encode(X)
    np.testing.assert_array_equal(model.kl_and_log_prob(X, z), model.kl_and_log_prob(hard, z))
    encoder = model.parts()["encoder"].function
    gray, black_and_white = (array(encoder({"x": tensor(x)})["z_mean"]) for x in (X, hard))
    np.testing.assert_array_equal(gray, black_and_white)
    np.testing.assert_array_equal(array(model.input_pixels(tensor(X), draw=True)), hard)


def test_only_the_encoder_sees_the_corruption_and_only_in_training():
    model = zoo.VAE((4, 4, 1), 2, hidden_units=(5,), corruption={"masking": 1.0})
    randomized(model, 0.3)
    blank = model.posterior_moments(np.zeros_like(X))
    kl = 0.5 * (blank[0] ** 2 + np.exp(blank[1]) - blank[1] - 1).sum(axis=1)
    np.testing.assert_allclose(terms(model, X, training=True)["kl"], kl, rtol=1e-4)
    clean = model.posterior_moments(X)
    kl = 0.5 * (clean[0] ** 2 + np.exp(clean[1]) - clean[1] - 1).sum(axis=1)
    np.testing.assert_allclose(terms(model, X)["kl"], kl, rtol=1e-4)
    assert zoo.VAE.from_config(model.get_config()).corruption.level == 1.0


# Numerics


def test_log_variances_do_not_change_up_to_12_and_are_reduced_beyond():
    inside = np.linspace(-12, 12, 101)
    np.testing.assert_allclose(
        array(normal.bounded_log_variance(tensor(inside))), inside, rtol=1e-6
    )
    far = np.array([13.0, 1e3, 1e8, 1e20])
    expected = 12 + np.log(far - 11)
    np.testing.assert_allclose(array(normal.bounded_log_variance(tensor(far))), expected, 1e-5)
    np.testing.assert_allclose(array(normal.bounded_log_variance(tensor(-far))), -expected, 1e-5)
    assert np.isfinite(np.exp(expected)).all()


@longer
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "learned_gaussian"])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_images_of_one_color_and_wild_codes_give_finite_numbers(likelihood, value):
    """The first batch is all black or all white, and the log-variances start at thousands."""
    model = zoo.VAE((4, 4, 1), 2, hidden_units=(5,), likelihood=likelihood)
    layer = model.encoder.get_layer("z_log_var")
    layer.set_weights([layer.get_weights()[0], np.array([3e3, -3e3], "float32")])
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=BACKEND == "jax")
    x = np.full((32, 4, 4, 1), value, "float32")
    history = model.fit(x, epochs=3, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert all(np.isfinite(w).all() for w in model.get_weights())


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.parametrize("likelihood", ["bernoulli", "learned_gaussian"])
def test_two_hundred_epochs_from_a_black_first_batch_stay_finite(likelihood):
    (x, _), _ = zoo.data.load("digits")
    x = np.concatenate([np.zeros_like(x[:64]), x[:128]])
    model = zoo.VAE((8, 8, 1), 4, hidden_units=(32,), likelihood=likelihood)
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=BACKEND == "jax")
    history = model.fit(x, batch_size=64, epochs=200, shuffle=False, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert history["loss"][-1] < history["loss"][0]


@pytest.mark.slow
@pytest.mark.parametrize(("policy", "nats"), [("mixed_float16", 0.1), ("mixed_bfloat16", 0.5)])
@pytest.mark.parametrize("name", ["vae_digits", "vae_mnist"])
def test_mixed_precision_keeps_bounds(name, policy, nats):
    """bfloat16 keeps two to three digits, and how it sums depends on the processor."""
    x = zoo.load(name).generate(200, seed=0)
    (bound, kl), (mixed_bound, mixed_kl) = (
        zoo.metrics.negative_elbo(zoo.load(name, dtype=dtype), x) for dtype in ("float32", policy)
    )
    assert abs(mixed_bound - bound) < nats
    assert abs(mixed_kl - kl) < nats
    assert mixed_bound != bound
