"""VaDE: its mixture, its bound and its clusters, against SciPy, scikit-learn and quadrature."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy import integrate, stats
from scipy.special import logsumexp
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.mixture import GaussianMixture
from support.each_class import LONGER
from support.tiny import X, array, randomized

import zoo
from zoo.models.base import Batch
from zoo.models.vade import discriminant_axes
from zoo.nn.distributions.mixtures import LearnedMixture
from zoo.nn.distributions.normal import DiagonalNormal

pytestmark = pytest.mark.backend

MEANS = np.array([[0.5, -1.0], [-0.3, 0.4], [2.0, 0.1]])
VARIANCES = np.array([[0.5, 1.2], [2.0, 0.3], [0.8, 0.9]])
WEIGHTS = np.array([0.2, 0.5, 0.3])


def mixture():
    prior = LearnedMixture(2, 3)
    prior.assign(MEANS, VARIANCES, WEIGHTS)
    return prior


def vade(**options):
    options = {"num_classes": 3, "hidden_units": (5,), "pretraining_epochs": 0, **options}
    model = randomized(zoo.VaDE((4, 4, 1), 2, seed=0, **options))
    model.prior.assign(MEANS, VARIANCES, WEIGHTS)
    return model


def log_joint(z):
    """Return ln p(c) + ln p(z | c) of codes [n, 2] by SciPy, [n, 3]."""
    densities = [
        stats.multivariate_normal(m, np.diag(v)).logpdf(z)
        for m, v in zip(MEANS, VARIANCES, strict=True)
    ]
    return np.log(WEIGHTS) + np.stack(densities, axis=1)


def test_the_density_of_the_mixture_is_that_of_scipy_and_of_what_it_describes():
    z = np.random.default_rng(0).normal(size=(20, 2)).astype("float32")
    prior = mixture()
    expected = logsumexp(log_joint(z), axis=1)
    np.testing.assert_allclose(array(prior.log_prob(z)), expected, rtol=1e-5)
    told = prior.describe()
    fixed = zoo.GaussianMixture(told["means"], told["factors"], told["weights"])
    np.testing.assert_allclose(array(fixed.log_prob(z)), expected, rtol=1e-5)


def test_responsibilities_are_those_of_scikit_learn():
    other = GaussianMixture(3, covariance_type="diag")
    other.weights_, other.means_, other.covariances_ = WEIGHTS, MEANS, VARIANCES
    other.precisions_cholesky_ = VARIANCES**-0.5
    z = np.random.default_rng(1).normal(size=(20, 2)).astype("float32")
    np.testing.assert_allclose(
        array(mixture().responsibilities(z)), other.predict_proba(z), rtol=1e-4
    )
    np.testing.assert_array_equal(mixture().component_of(z), other.predict(z))


def test_samples_have_the_moments_of_their_component_and_its_frequency():
    prior = mixture()
    z = prior.sample(20_000, np.full(20_000, 1), seed=0)
    np.testing.assert_allclose(z.mean(axis=0), MEANS[1], atol=0.04)
    np.testing.assert_allclose(z.var(axis=0), VARIANCES[1], rtol=0.05)
    anyone = prior.sample(50_000, seed=0)
    np.testing.assert_allclose(anyone.mean(axis=0), WEIGHTS @ MEANS, atol=0.03)
    second = WEIGHTS @ (VARIANCES + MEANS**2)
    np.testing.assert_allclose(np.mean(anyone**2, axis=0), second, rtol=0.05)


def test_the_divergence_from_each_cluster_is_that_of_quadrature():
    model = vade()
    mean, log_var = np.array([[0.7, -0.2]]), np.array([[-0.4, 0.3]])
    q = DiagonalNormal(*(ops.convert_to_tensor(a, "float32") for a in (mean, log_var)))
    found = array(model.kl_by_cluster(q))[0]
    for c in range(3):
        by_dimension = []
        for j in range(2):
            ours = stats.norm(mean[0, j], np.exp(0.5 * log_var[0, j]))
            prior = stats.norm(MEANS[c, j], VARIANCES[c, j] ** 0.5)

            def integrand(z, ours=ours, prior=prior):
                return ours.pdf(z) * (ours.logpdf(z) - prior.logpdf(z))

            by_dimension.append(integrate.quad(integrand, -12, 12)[0])
        assert found[c] == pytest.approx(sum(by_dimension), rel=1e-4)


def test_the_loss_is_the_negative_bound_computed_with_random_codes():
    """E log q(z | x) q(c | x) / (p(c) p(z | c)), summed over clusters, for 40,000 codes each."""
    model, generator = vade(samples=2000), np.random.default_rng(0)
    x = X[:6]
    losses = model.losses(Batch(ops.convert_to_tensor(x)), training=False)
    means, log_vars = model.posterior_moments(x)
    expected = []
    for mean, log_var in zip(means, log_vars, strict=True):
        q = stats.multivariate_normal(mean, np.diag(np.exp(log_var)))
        z = q.rvs(40_000, random_state=generator)
        joint = log_joint(z)
        clusters = np.exp(joint - logsumexp(joint, axis=1, keepdims=True)).mean(axis=0)
        ratio = q.logpdf(z)[:, None] + np.log(clusters) - joint
        expected.append((clusters * ratio).sum(axis=1).mean())
    np.testing.assert_allclose(array(losses.metrics["kl"]), expected, rtol=0.03, atol=0.03)
    total = losses.metrics["reconstruction"] + losses.metrics["kl"]
    np.testing.assert_allclose(array(losses.terms[0]), array(total), rtol=1e-5)
    np.testing.assert_allclose(array(losses.metrics["elbo"]), -array(total), rtol=1e-5)


def test_the_divergence_of_code_and_cluster_is_at_least_that_of_the_code():
    model = vade(samples=3000)
    x = X[:4]
    losses = model.losses(Batch(ops.convert_to_tensor(x)), training=False)
    means, log_vars = model.posterior_moments(x)
    for found, mean, log_var in zip(array(losses.metrics["kl"]), means, log_vars, strict=True):
        q = stats.multivariate_normal(mean, np.diag(np.exp(log_var)))
        z = q.rvs(40_000, random_state=np.random.default_rng(1))
        of_code = np.mean(q.logpdf(z) - logsumexp(log_joint(z), axis=1))
        assert found >= of_code - 0.02


def blobs(n=240):
    """Return images of three kinds, each with one bright quarter, and their kinds."""
    generator, y = np.random.default_rng(0), np.arange(n) % 3
    x = 0.2 * generator.random((n, 4, 4, 1), "float32")
    for i, kind in enumerate(y):
        x[i, 2 * (kind // 2) :, 2 * (kind % 2) :][:2, :2] += 0.7
    return x, y


@pytest.mark.slow
def test_training_starts_from_clusters_and_only_once():
    x, y = blobs()
    model = zoo.VaDE((4, 4, 1), 2, num_classes=3, hidden_units=(16,), pretraining_epochs=60, seed=1)
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(x, batch_size=40, epochs=1, verbose=0)
    assert zoo.metrics.clustering_accuracy(model, x, y) > 95
    np.testing.assert_allclose(model.prior.probabilities, 1 / 3, atol=0.05)
    before = array(model.prior.means)
    model.fit(x, batch_size=40, epochs=1, verbose=0)
    assert 0 < np.abs(array(model.prior.means) - before).max() < 0.1  # the mixture is trained on
    generated = model.generate(labels=[0, 1, 2, 0], seed=0)
    np.testing.assert_array_equal(model.predict_labels(generated), [0, 1, 2, 0])


@pytest.mark.parametrize(
    ("networks", "changed"),
    [
        ({"hidden_units": (8,)}, True),
        ({"hidden_units": ()}, True),
        pytest.param({"filters": (3,), "hidden_units": ()}, True, marks=LONGER),
        pytest.param({"filters": (3,), "network": "resnet"}, True, marks=LONGER),
        pytest.param({"hidden_units": (8,), "activation": "glu"}, True, marks=LONGER),
        pytest.param({"hidden_units": (8,), "network": "dense_resnet"}, False, marks=LONGER),
    ],
)
def test_the_mixture_of_the_start_is_the_one_of_scikit_learn_in_discriminant_axes(
    networks, changed
):
    x, _ = blobs(60)
    model = zoo.VaDE((4, 4, 1), 2, num_classes=3, pretraining_epochs=0, seed=1, **networks)
    codes, images = model.encode(x).astype("float64"), model.reconstruct(x)
    model.start(x)
    np.testing.assert_allclose(model.reconstruct(x), images, rtol=1e-3, atol=1e-4)
    expected = GaussianMixture(3, n_init=3, random_state=1).fit(codes)
    axes = np.eye(2)
    if changed:
        axes = discriminant_axes(expected.means_, expected.covariances_, expected.weights_)
    np.testing.assert_allclose(model.encode(x), codes @ axes, rtol=1e-3, atol=1e-4)
    means = expected.means_ @ axes
    order, others = np.argsort(array(model.prior.means)[:, 0]), np.argsort(means[:, 0])
    np.testing.assert_allclose(array(model.prior.means)[order], means[others], rtol=1e-3, atol=1e-4)
    variances = [np.diag(axes.T @ covariance @ axes) for covariance in expected.covariances_]
    found = np.exp(array(model.prior.log_variances))
    np.testing.assert_allclose(found[order], np.array(variances)[others], rtol=2e-3)
    np.testing.assert_allclose(
        model.prior.probabilities[order], expected.weights_[others], rtol=1e-3
    )


def test_the_rate_of_the_start_falls_along_a_cosine_until_its_last_step(monkeypatch):
    made = []

    class Adam(keras.optimizers.Adam):
        def __init__(self, rate):
            super().__init__(rate)
            made.append((self, rate))

    monkeypatch.setattr(keras.optimizers, "Adam", Adam)
    x, _ = blobs(50)
    model = zoo.VaDE((4, 4, 1), 2, num_classes=3, hidden_units=(5,), pretraining_epochs=3, seed=1)
    model.start(x, batch_size=20)
    ((adam, rate),) = made
    assert int(array(adam.iterations)) == 3 * 3
    found = [float(array(rate(step))) for step in (0, 4.5, 9)]
    np.testing.assert_allclose(found, [1e-3, 5.05e-4, 1e-5], rtol=1e-4)


def test_your_own_networks_keep_their_axes_at_the_start():
    x, _ = blobs(60)
    image, z = keras.Input((4, 4, 1)), keras.Input((2,))
    flat = keras.layers.Flatten()(image)
    heads = {name: keras.layers.Dense(2, name=name)(flat) for name in ("z_mean", "z_log_var")}
    pixels = keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16)(z))
    encoder, decoder = keras.Model(image, heads), keras.Model(z, pixels)
    model = zoo.VaDE(encoder=encoder, decoder=decoder, num_classes=3, pretraining_epochs=0, seed=1)
    before = [array(w) for w in (*encoder.weights, *decoder.weights)]
    model.start(x)
    for weight, old in zip((*encoder.weights, *decoder.weights), before, strict=True):
        np.testing.assert_array_equal(array(weight), old)


def test_discriminant_axes_are_those_of_scikit_learn():
    generator = np.random.default_rng(0)
    y = np.repeat(np.arange(3), (100, 200, 300))
    z = generator.normal(size=(600, 4)) @ np.tri(4) + y[:, None] * [1, 0, 2, 0]
    z[:, 1] += 3.0 * (y == 1)
    means = np.stack([z[y == c].mean(axis=0) for c in range(3)])
    covariances = np.stack([np.cov(z[y == c].T, bias=True) for c in range(3)])
    axes = discriminant_axes(means, covariances, np.bincount(y) / 600)
    of_clusters = np.einsum("c,cij->ij", np.bincount(y) / 600, covariances)
    np.testing.assert_allclose(axes.T @ of_clusters @ axes, np.eye(4), atol=0.02)
    expected = LinearDiscriminantAnalysis(solver="eigen").fit(z, y).scalings_[:, :2]
    for ours, theirs in zip(axes.T[:-3:-1], expected.T, strict=True):
        cosine = ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs)
        assert abs(cosine) > 0.999


def test_discriminant_axes_of_codes_that_do_not_vary_in_a_direction_are_finite():
    z = np.column_stack([np.random.default_rng(0).normal(size=30), np.zeros(30)])
    axes = discriminant_axes(z[:2], np.stack([np.cov(z.T)] * 2), np.array([0.5, 0.5]))
    assert np.abs(axes).max() < 100


@pytest.mark.slow
def test_the_start_sees_no_validation_images_and_needs_a_compiled_model():
    x, _ = blobs(60)
    options = {"num_classes": 3, "hidden_units": (8,), "pretraining_epochs": 2, "seed": 1}
    model = zoo.VaDE((4, 4, 1), 2, **options)
    with pytest.raises(ValueError, match="compile"):
        model.fit(x, verbose=0)
    assert float(array(model.started)) == 0
    with_held_out, without = model, zoo.VaDE((4, 4, 1), 2, **options)
    for one, rows, split in ((with_held_out, x, 0.5), (without, x[:30], 0.0)):
        one.compile(keras.optimizers.SGD(0.0))
        one.fit(rows, validation_split=split, epochs=1, verbose=0)
    np.testing.assert_allclose(
        array(with_held_out.prior.means), array(without.prior.means), rtol=1e-4, atol=1e-5
    )


def test_a_batch_of_ones_own_is_the_first_training():
    x, _ = blobs(60)
    model = zoo.VaDE((4, 4, 1), 2, num_classes=3, hidden_units=(8,), seed=1)
    model.compile(keras.optimizers.SGD(0.0))
    model.train_on_batch(x)
    before = array(model.prior.means)
    model.fit(x, epochs=1, verbose=0)
    np.testing.assert_array_equal(array(model.prior.means), before)


def test_a_stream_and_too_few_images_cannot_start_the_clusters():
    model = zoo.VaDE((4, 4, 1), 2, num_classes=3, hidden_units=(5,), pretraining_epochs=1)
    model.compile("adam")
    with pytest.raises(ValueError, match="give arrays to the first"):
        model.fit((X[:8] for _ in range(2)), verbose=0)
    with pytest.raises(ValueError, match="2 images cannot have num_classes=3"):
        model.fit(X[:2], verbose=0)
