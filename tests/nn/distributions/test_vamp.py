"""The VampPrior: the mean of the posteriors of learned inputs."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy import special, stats
from support.tiny import X, array, gradient, randomized, tensor

import zoo
from zoo.backend import backend
from zoo.nn.distributions.normal import log_normal, log_normal_of_each

pytestmark = pytest.mark.backend


def model_with(components=6, cls=zoo.VAE, **options):
    options = {"hidden_units": (5,), "seed": 3, **options}
    return randomized(cls((4, 4, 1), 2, prior=zoo.VampPrior(2, components), **options))


def moments(model):
    """Return the means and standard deviations of q(z | u_k), by `posterior_moments` of inputs."""
    mean, log_var = model.posterior_moments(model.prior.inputs())
    return mean.astype("float64"), np.exp(log_var / 2).astype("float64")


def test_its_density_is_the_mean_of_the_posteriors_of_its_inputs():
    model = model_with()
    mean, scale = moments(model)
    z = 2 * np.random.default_rng(0).standard_normal((7, 3, 2))
    parts = stats.norm.logpdf(z[:, :, None], mean, scale).sum(axis=-1)
    expected = special.logsumexp(parts, axis=-1) - np.log(6)
    np.testing.assert_allclose(array(model.prior.log_prob(tensor(z))), expected, atol=1e-3)


@pytest.mark.parametrize("device", ["CPU", "another"])
def test_densities_under_each_component_and_their_gradients(device, monkeypatch):
    """Against SciPy and closed forms, of narrow components whose codes are near and far."""
    monkeypatch.setattr(backend, "device", lambda: device)
    generator = np.random.default_rng(0)
    mean, log_var = 2 * generator.standard_normal((5, 3)), generator.uniform(-7, 0, (5, 3))
    scale = np.exp(log_var / 2)
    z = np.concatenate([mean + scale * generator.standard_normal((5, 3)), -mean])[:, None]
    expected = stats.norm.logpdf(z[:, :, None], mean, scale).sum(axis=-1)  # [10, 1, 5]
    values = [tensor(a) for a in (z, mean, log_var)]
    found = array(log_normal_of_each(*values))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)
    direct = array(log_normal(values[0][:, :, None], *values[1:]))
    np.testing.assert_array_equal(found, direct)

    away = (z[:, :, None] - mean) / scale  # [10, 1, 5, 3]
    weight = special.softmax(expected, axis=-1)[..., None]  # of the components in ln sum_k
    slopes = -away / scale, away / scale, (away**2 - 1) / 2  # of ln N by z, mean and log_var
    sums = (2,), (0, 1), (0, 1)
    for i, (slope, axes) in enumerate(zip(slopes, sums, strict=True)):

        def total(value, i=i):
            logs = log_normal_of_each(*values[:i], value, *values[i + 1 :])
            return ops.sum(ops.logsumexp(logs, axis=-1))

        by_hand = np.sum(weight * slope, axis=axes)
        of_function = gradient(total, [z, mean, log_var][i])
        np.testing.assert_allclose(of_function, by_hand, rtol=1e-3, atol=1e-3)


def test_its_samples_have_its_mean_and_variance_and_each_component():
    model = model_with()
    mean, scale = moments(model)
    z = model.prior.sample(40_000, seed=0)
    np.testing.assert_allclose(z.mean(axis=0), mean.mean(axis=0), atol=0.05)
    variance = (scale**2 + mean**2).mean(axis=0) - mean.mean(axis=0) ** 2
    np.testing.assert_allclose(z.var(axis=0), variance, rtol=0.05)
    drawn = array(model.prior.draw(9, keras.random.SeedGenerator(0)))
    assert drawn.shape == (9, 2)
    noise, uniform = tensor(np.zeros((2, 2))), tensor([[0.0, 0.0], [1 - 6e-8, 0.0]])
    first_and_last = array(model.prior.transform(noise, uniform, None))
    np.testing.assert_allclose(first_and_last, mean[[0, -1]], rtol=1e-4, atol=1e-5)


def test_one_component_at_the_standard_normal_is_the_standard_normal():
    model = zoo.VAE((4, 4, 1), 2, hidden_units=(5,), prior={"vamp": {"components": 1}})
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])  # q = N(0, I) for any x
    z = np.random.default_rng(0).standard_normal((5, 2))
    expected = stats.norm.logpdf(z).sum(axis=1)
    np.testing.assert_allclose(array(model.prior.log_prob(tensor(z))), expected, rtol=1e-5)
    plain = zoo.VAE((4, 4, 1), 2, hidden_units=(5,))
    plain.set_weights([np.zeros_like(w) for w in plain.get_weights()])
    both = [m.log_likelihood(X.round(), samples=50, seed=0).value for m in (model, plain)]
    np.testing.assert_allclose(*both, rtol=1e-5)


@pytest.mark.parametrize("cls", [zoo.VAE, zoo.IWAE])
def test_training_moves_the_inputs_and_they_stay_within_the_range(cls):
    model = model_with(cls=cls, samples=2)
    model.compile(keras.optimizers.Adam(0.3))
    model.fit(X, epochs=1, verbose=0)
    assert float(array(model.prior.started))  # so that nothing but the steps moves the inputs
    before = model.prior.inputs()
    model.fit(X, epochs=3, verbose=0)
    after = model.prior.inputs()
    assert after.shape == (6, 4, 4, 1)
    assert np.abs(after - before).max() > 0.1
    assert after.min() >= 0
    assert after.max() <= 1


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_training_starts_at_its_images_once(likelihood):
    prior = zoo.VampPrior(2, components=30)
    options = {"prior": prior, "likelihood": likelihood, "seed": 2}
    model = zoo.VAE((4, 4, 1), 2, hidden_units=(5,), **options)
    model.compile(keras.optimizers.SGD(0.0))
    model.fit(X, epochs=1, verbose=0)
    inputs = model.prior.inputs()
    distances = np.abs(inputs[:, None] - X[None]).mean(axis=(2, 3, 4))
    assert distances.min(axis=1).max() < 0.12
    assert set(distances[:12].argmin(axis=1)) == set(range(12))  # each image, in some order
    assert np.abs(inputs[:12, None] - inputs[None, 12:24]).max(axis=(2, 3, 4)).min() > 0.01
    model.fit(1.0 - X, epochs=1, verbose=0)  # a second training goes on with what is there
    np.testing.assert_array_equal(model.prior.inputs(), inputs)


def started(x, **options):
    """Return the inputs of a model of 20 components that saw images at a rate of 0."""
    model = zoo.VAE((4, 4, 1), 2, hidden_units=(5,), prior=zoo.VampPrior(2, 20), seed=1)
    model.compile(keras.optimizers.SGD(0.0))
    model.fit(x, epochs=1, verbose=0, **options)
    return model.prior.inputs()


def test_inputs_begin_at_images_that_are_trained_on_and_at_all_of_them():
    bright, dark = np.full((40, 4, 4, 1), 0.9, "float32"), np.full((40, 4, 4, 1), 0.1, "float32")
    assert started(np.concatenate([bright, dark]), validation_split=0.5).min() > 0.5
    many = np.repeat(np.arange(600) / 600, 16).reshape(600, 4, 4, 1).astype("float32")
    levels = np.sort(started(many).mean(axis=(1, 2, 3)))
    assert (np.diff(levels) > 0.001).sum() >= 15  # 20 of 600 images, hardly any of them twice


def test_single_batches_are_a_first_training_too():
    model = zoo.VAE((4, 4, 1), 2, hidden_units=(5,), prior=zoo.VampPrior(2, 20), seed=1)
    model.compile(keras.optimizers.SGD(0.0))
    before = model.prior.inputs()
    model.train_on_batch(X)
    model.fit(X, epochs=1, verbose=0)
    np.testing.assert_array_equal(model.prior.inputs(), before)


def test_no_update_trains_a_weight_twice():
    model = zoo.VAEGAN((8, 8, 1), 2, filters=(4,), prior=zoo.VampPrior(2, 5))
    for update in model.updates:
        trained = [id(v) for v in model.trained_by(update)]
        assert len(trained) == len(set(trained))
    assert id(model.prior.values) in [id(v) for v in model.trained_by("encoder")]


def test_narrow_components_lose_no_digits():
    """Components of a standard deviation of 0.0067 and a distance of 4 from the origin."""
    prior = model_with(components=2).prior
    mean = np.array([[4.0, -4.0], [-4.0, 4.0]], "float32")
    prior.mixture = lambda: zoo.nn.distributions.DiagonalNormal(
        tensor(mean), tensor(np.full((2, 2), -10.0))
    )
    z = (mean + 0.01 * np.random.default_rng(0).standard_normal((2, 2))).astype("float32")
    parts = stats.norm.logpdf(z[:, None].astype("float64"), mean, np.exp(-5.0)).sum(axis=-1)
    expected = special.logsumexp(parts, axis=-1) - np.log(2)
    np.testing.assert_allclose(array(prior.log_prob(tensor(z))), expected, rtol=1e-3)


def test_inputs_of_a_gaussian_likelihood_have_no_range():
    model = model_with(likelihood="gaussian")
    values = [v for v in model.prior.trainable_variables if v.shape == (6, 4, 4, 1)]
    values[0].assign(ops.full((6, 4, 4, 1), 7.0))
    np.testing.assert_allclose(model.prior.inputs(), 7.0)


def test_a_saved_model_has_the_same_prior(tmp_path):
    model = model_with(binarize="threshold")
    model.save(tmp_path / "model.keras")
    zoo.save(model, tmp_path / "preset")
    for again in (
        keras.saving.load_model(tmp_path / "model.keras"),
        zoo.load(tmp_path / "preset"),
    ):
        np.testing.assert_array_equal(again.prior.inputs(), model.prior.inputs())
        np.testing.assert_allclose(again.generate(4, seed=1), model.generate(4, seed=1), rtol=1e-6)


def test_two_models_of_one_prior_do_not_share_inputs():
    prior = zoo.VampPrior(2, 3)
    first, second = (zoo.VAE((4, 4, 1), 2, hidden_units=(5,), prior=prior) for _ in range(2))
    first.prior.values.assign(ops.ones((3, 4, 4, 1)))
    assert np.abs(second.prior.inputs() - first.prior.inputs()).max() > 0.01
    with pytest.raises(TypeError, match="belongs to no model yet"):
        prior.sample(2)


def test_an_exported_description_has_its_means_and_scales():
    model = model_with()
    mean, scale = moments(model)
    described = model.prior.describe()
    assert described["kind"] == "mixture"
    np.testing.assert_allclose(described["means"], mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(described["scales"], scale, rtol=1e-5)
    assert model.prior.extent == pytest.approx((np.abs(mean) + 2 * scale).max(), rel=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: zoo.AAE((4, 4, 1), 2, prior="vamp"), "which AAE does not have"),
        (lambda: zoo.GAN((4, 4, 1), 2, prior="vamp"), "which GAN does not have"),
        (lambda: zoo.VAE((4, 4, 1), 2, prior="vamps"), "prior is 'vamps'; give a prior"),
        (lambda: zoo.VAE((4, 4, 1), 3, prior=zoo.VampPrior(2)), "has 2 dimensions"),
        (lambda: zoo.VampPrior(2, components=0), "components is 0"),
        (lambda: zoo.VAE((4,), 2, likelihood="poisson", prior="vamp"), "does not know the units"),
        (lambda: zoo.VAE((4, 4, 1), 2, prior="vamp", free_bits=0.1), "needs a KL by dimension"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()
