"""Metrics of codes agree with scikit-learn, SciPy, finite differences and closed forms."""

import numpy as np
import pytest
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from support.stand_in import StandIn

import zoo
from zoo import metrics

# Classifiers on codes


def test_neighbors_vote_as_in_scikit_learn(vae, digits):
    (x, y), (x_test, y_test) = digits
    classifier = KNeighborsClassifier(5, algorithm="kd_tree").fit(vae.encode(x), y)
    expected = 100 * classifier.score(vae.encode(x_test), y_test)
    found = metrics.nearest_neighbor_accuracy(vae, *digits)
    assert found == pytest.approx(expected, abs=0.3)  # one image, where distances tie


def test_codes_that_are_the_classes_are_always_right(digits):
    codes = {len(y): np.eye(10)[y] for _, y in digits}
    model = StandIn(encode=lambda x: codes[len(x)])
    assert metrics.nearest_neighbor_accuracy(model, *digits) == 100


def test_a_linear_probe_is_perfect_on_codes_that_are_labels(digits):
    train, test = (tuple(column[:300] for column in part) for part in digits)
    by_image = {x.tobytes(): y for x, y in zip(*train, strict=True)}
    by_image |= {x.tobytes(): y for x, y in zip(*test, strict=True)}
    one_hot = StandIn(encode=lambda x: np.eye(10)[[by_image[image.tobytes()] for image in x]])
    assert metrics.linear_probe_accuracy(one_hot, train, test) == 100


# Units


def test_units_are_active_where_their_means_vary():
    rng = np.random.default_rng(0)
    means = rng.standard_normal((5000, 4)) * np.array([1.0, 0.2, 0.05, 0.0]) + 7
    model = StandIn(posterior_moments=lambda x, labels=None: (means, None))
    assert metrics.active_units(model, None) == 2
    assert metrics.active_units(model, None, threshold=0.5) == 1
    assert metrics.active_units(model, None, threshold=0.0005) == 3


def test_saturated_units_are_counted(plain):
    codes = np.array([[0.01, 0.5, 0.96, 0.94]])
    model = StandIn(encode=lambda x: codes, encoder=plain.encoder)
    assert metrics.saturation(model, None) == 50


def test_the_jacobian_norm_is_that_of_finite_differences(digits):
    model = zoo.Autoencoder((8, 8, 1), 3, hidden_units=(6,), activation="tanh")
    x = 0.1 + 0.8 * digits[0][0][:5]
    rows = []
    for i in range(64):
        e = np.zeros(64, "float32")
        e[i] = 1e-2
        e = e.reshape(8, 8, 1)
        rows.append((model.encode(x + e) - model.encode(x - e)) / 2e-2)
    expected = np.sqrt(np.sum(np.square(rows), axis=(0, 2))).mean()
    assert metrics.jacobian_norm(model, x) == pytest.approx(expected, rel=1e-3)


# PCA


def test_the_principal_subspace_itself_is_at_no_angle(digits):
    x = digits[0][0]
    pca = PCA(3).fit(x.reshape(len(x), -1))
    mixed = np.random.default_rng(0).standard_normal((3, 3)) @ pca.components_
    model = StandIn(latent_dim=3, decode=lambda z: (z @ mixed + 5.0).reshape(-1, 8, 8, 1))
    assert metrics.angle_to_principal_subspace(model, x) == pytest.approx(0, abs=1e-3)


# Sliced Wasserstein


def test_equal_samples_have_the_distance_zero():
    a = np.random.default_rng(0).standard_normal((50, 3))
    assert metrics.sliced_wasserstein(a, a) == 0
    assert metrics.sliced_wasserstein(a, a[::-1]) == pytest.approx(0, abs=1e-12)


def test_in_one_dimension_it_is_the_distance_of_the_sorted_values():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((40, 1)), 2 * rng.standard_normal((40, 1)) + 1
    expected = np.sqrt(np.mean((np.sort(a[:, 0]) - np.sort(b[:, 0])) ** 2))
    assert metrics.sliced_wasserstein(a, b) == pytest.approx(expected)
    assert metrics.sliced_wasserstein(a, b) >= stats.wasserstein_distance(a[:, 0], b[:, 0])


def test_two_points_are_as_far_apart_as_scipy_says():
    a, b = np.array([[2.0]]), np.array([[-1.5]])
    assert metrics.sliced_wasserstein(a, b) == pytest.approx(
        stats.wasserstein_distance(a[:, 0], b[:, 0])
    )


@pytest.mark.parametrize("dimensions", [2, 5])
def test_a_shift_is_its_length_over_the_root_of_the_dimensions(dimensions):
    rng = np.random.default_rng(0)
    a, shift = rng.standard_normal((30, dimensions)), rng.standard_normal(dimensions)
    expected = np.linalg.norm(shift) / np.sqrt(dimensions)
    found = metrics.sliced_wasserstein(a, a + shift, directions=20000)
    assert found == pytest.approx(expected, rel=0.02)  # 20,000 random directions: within 1 %


def test_it_is_symmetric_seeded_and_wants_equal_shapes():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 30, 3))
    first = metrics.sliced_wasserstein(a, b, seed=1)
    assert metrics.sliced_wasserstein(b, a, seed=1) == pytest.approx(first)
    assert metrics.sliced_wasserstein(a, b, seed=2) != first
    with pytest.raises(ValueError, match=r"shapes \(30, 3\) and \(29, 3\)"):
        metrics.sliced_wasserstein(a, b[1:])
