import keras
import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from support.each_class import longer

from zoo.density import ManifoldParzen, NonLocalManifoldParzen, non_local

pytestmark = pytest.mark.backend
generator = np.random.default_rng(0)


def covariances(gaussians):
    within = np.einsum("ndf,ndg->nfg", gaussians.directions, gaussians.directions)
    return within + gaussians.variance[:, None, None] * np.eye(gaussians.mean.shape[1])


@pytest.fixture(scope="module")
def fitted():
    X = generator.normal(size=(10, 3))
    return NonLocalManifoldParzen(2, 4, 3, noise_variance=0.3, epochs=2, random_state=0).fit(X)


def test_the_density_is_a_mixture_of_the_networks_gaussians(fitted, monkeypatch):
    rows = generator.normal(size=(7, 3))
    gaussians = fitted.gaussians(fitted.X_)
    each = [
        multivariate_normal(mean, covariance).logpdf(rows)
        for mean, covariance in zip(gaussians.mean, covariances(gaussians), strict=True)
    ]
    expected = logsumexp(each, axis=0) - np.log(10)
    np.testing.assert_allclose(fitted.score_samples(rows), expected, rtol=1e-5)
    monkeypatch.setattr(non_local, "BLOCK", 20)
    np.testing.assert_allclose(fitted.score_samples(rows), expected, rtol=1e-5)


def test_the_loss_is_that_of_the_paper():
    """Each term with its weight, and with a full covariance."""
    differences = generator.normal(size=(2, 3, 4)).astype("float32")
    weights = generator.random((2, 3, 2)).astype("float32")
    outputs = generator.normal(size=(2, 4 + 2 * 4 + 1)).astype("float32")
    mean, directions, s = outputs[:, :4], outputs[:, 4:-1].reshape(2, 2, 4), outputs[:, -1]
    loss = non_local._NeighborLoss(2, 0.3)
    targets = np.concatenate([differences, weights], axis=2)
    found = loss.call(*map(keras.ops.convert_to_tensor, (targets, outputs)))
    expected = np.zeros(2)
    for i in range(2):
        covariance = directions[i].T @ directions[i] + (s[i] ** 2 + 0.3) * np.eye(4)
        for j in range(3):
            log_density = multivariate_normal(mean[i], covariance).logpdf(differences[i, j])
            expected[i] -= weights[i, j].sum() * (log_density + 2 * np.log(2 * np.pi))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, rtol=1e-4)


def test_neighbors_are_weighted_by_how_many_rows_have_them():
    neighbors = np.array([[1, 2], [0, 2], [1, 0], [2, 1]])
    batches = non_local._NeighborBatches(
        np.zeros((4, 3), "float32"),
        np.zeros((4, 3)),
        neighbors,
        (1, 2),
        4,
        np.random.RandomState(0),
    )
    # As first neighbors: 1 twice, 0 once, 2 once; as any: 0 twice, 1 and 2 three times.
    np.testing.assert_allclose(batches.weights[..., 0], [[1 / 2, 0], [1, 0], [1 / 2, 0], [1, 0]])
    of_any = [[1 / 3, 1 / 3], [1 / 2, 1 / 3], [1 / 3, 1 / 2], [1 / 3, 1 / 3]]
    np.testing.assert_allclose(batches.weights[..., 1], of_any, rtol=1e-6)


def circle(n):
    angle = generator.uniform(0, 2 * np.pi, n)
    return np.column_stack([np.cos(angle), np.sin(angle)]) + generator.normal(0, 0.02, (n, 2))


@longer
def test_few_rows_of_a_circle_tell_the_network_its_tangents():
    settings = {"n_components": 1, "n_neighbors": 4, "noise_variance": 0.01**2}
    few, rows = circle(40), circle(500)
    density = NonLocalManifoldParzen(
        **settings, hidden_units=30, epochs=150, batch_size=8, learning_rate=3e-3, random_state=0
    ).fit(few)
    assert density.history_[-1] < density.history_[0]
    tangents = density.gaussians(rows).directions[:, 0]
    cosine = np.abs(tangents[:, 0] * -rows[:, 1] + tangents[:, 1] * rows[:, 0])
    cosine /= np.linalg.norm(tangents, axis=1) * np.linalg.norm(rows, axis=1)
    assert np.median(cosine) > 0.95
    assert density.score(rows) > ManifoldParzen(**settings).fit(few).score(rows)


def test_samples_have_the_density(fitted):
    samples = fitted.sample(2000, random_state=0)
    gaussians = fitted.gaussians(fitted.X_)
    np.testing.assert_allclose(samples.mean(axis=0), gaussians.mean.mean(axis=0), atol=0.15)
    within = covariances(gaussians).mean(axis=0) + np.cov(gaussians.mean.T, bias=True)
    np.testing.assert_allclose(np.cov(samples.T), within, atol=0.15 * np.abs(within).max())


def test_few_rows_are_passed_over_more_often(monkeypatch):
    monkeypatch.setattr(non_local, "STEPS", 6)
    for rows, epochs in ((20, 6), (40, 3), (80, 2)):  # of 32 rows a step
        density = NonLocalManifoldParzen(1, 3, noise_variance=0.1, random_state=0)
        assert len(density.fit(generator.normal(size=(rows, 3))).history_) == epochs


def test_a_seed_repeats_the_training():
    X = generator.normal(size=(100, 3))  # in four batches
    one, other = (
        NonLocalManifoldParzen(1, 3, noise_variance=0.1, epochs=2, random_state=4).fit(X).history_
        for _ in range(2)
    )
    assert one == pytest.approx(other, rel=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_components": 0}, "n_components is 0; give a whole number of at least 1"),
        ({"mean_neighbors": 30}, "a row has 19 others, and 30 neighbors"),
        ({"epochs": 0}, "epochs is 0"),
        ({"learning_rate": -1.0}, "learning_rate is -1"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        NonLocalManifoldParzen(noise_variance=0.1, **settings).fit(generator.normal(size=(20, 3)))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="takes a gradient")
def test_the_mean_learns_from_its_neighbors_and_the_covariance_from_its_own():
    """Gradients are those of the two terms, by finite differences."""
    import tensorflow as tf

    steps = generator.normal(size=(1, 3, 4)).astype("float32")
    weights = np.array([[[1.0, 0.0], [0.0, 0.5], [0.25, 0.5]]], "float32")
    outputs = generator.normal(size=(1, 13)).astype("float32")
    loss = non_local._NeighborLoss(2, 0.3)

    def value(y_pred, kind):
        alone = weights * np.eye(2, dtype="float32")[kind]
        return float(loss.call(np.concatenate([steps, alone], axis=2), y_pred.astype("float32"))[0])

    variable = tf.Variable(outputs)
    with tf.GradientTape() as tape:
        total = loss.call(np.concatenate([steps, weights], axis=2), variable)
    found = tape.gradient(total, variable).numpy()[0]
    for i in range(13):
        move = 1e-2 * np.eye(13)[i]
        kind = 0 if i < 4 else 1  # the mean's outputs come first
        slope = (value(outputs + move, kind) - value(outputs - move, kind)) / 2e-2
        assert found[i] == pytest.approx(slope, rel=0.03, abs=0.02)


@pytest.mark.slow
def test_rows_of_one_feature_have_as_many_directions_as_asked_for():
    X = generator.normal(size=(30, 1))
    density = NonLocalManifoldParzen(2, 3, noise_variance=0.1, epochs=1, random_state=0).fit(X)
    gaussians = density.gaussians(X)
    assert gaussians.directions.shape == (30, 2, 1)
    each = [
        multivariate_normal(mean, covariance).logpdf(X)
        for mean, covariance in zip(gaussians.mean, covariances(gaussians), strict=True)
    ]
    expected = logsumexp(each, axis=0) - np.log(30)
    np.testing.assert_allclose(density.score_samples(X), expected, rtol=1e-5)


@pytest.mark.slow
def test_the_least_variance_is_what_the_local_density_chooses():
    X = generator.normal(size=(40, 2))
    density = NonLocalManifoldParzen(1, 4, epochs=1, random_state=0).fit(X)
    assert density.noise_variance_ == ManifoldParzen(1, 4, random_state=0).fit(X).noise_variance_
