"""Precision, recall, density and coverage against brute force, and in cases that are known."""

import keras
import numpy as np
import pytest
from sklearn import neighbors

from zoo import metrics


def brute_force(generated, real, k):
    """The definitions, by loops over all pairs."""

    def radii(rows):
        return [sorted(np.linalg.norm(rows - row, axis=1))[k] for row in rows]  # [0] is itself

    inside = np.zeros((len(generated), len(real)), bool)
    reached = np.zeros_like(inside)
    for i, (r, of_real) in enumerate(zip(real, radii(real), strict=True)):
        for j, (g, of_generated) in enumerate(zip(generated, radii(generated), strict=True)):
            inside[j, i] = np.linalg.norm(g - r) <= of_real
            reached[j, i] = np.linalg.norm(g - r) <= of_generated
    return (
        inside.any(axis=1).mean(),
        reached.any(axis=0).mean(),
        inside.sum() / (k * len(generated)),
        inside.any(axis=0).mean(),
    )


@pytest.mark.parametrize("k", [1, 3, 5])
def test_all_four_are_those_of_brute_force(k):
    generator = np.random.default_rng(k)
    real, generated = generator.normal(size=(40, 3)), generator.normal(0.7, 0.8, size=(60, 3))
    expected = brute_force(generated, real, k)
    assert 0 < min(expected[:2]) < 1
    assert metrics.prdc(generated, real, k=k) == pytest.approx(expected)


def test_precision_and_recall_swap_with_the_samples():
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(50, 2)), generator.normal(1, 2, size=(70, 2))
    there, back = metrics.prdc(a, b), metrics.prdc(b, a)
    assert (there.precision, there.recall) == (back.recall, back.precision)
    assert there.precision != there.recall


@pytest.mark.slow
def test_blocks_of_rows_do_not_matter(monkeypatch):
    import sklearn

    generator = np.random.default_rng(1)
    a, b = generator.normal(size=(300, 2)), generator.normal(0.5, 1, size=(400, 2))
    whole = metrics.prdc(a, b)
    with sklearn.config_context(working_memory=0.1):  # MB: 32 rows at once
        assert metrics.prdc(a, b) == whole
    assert whole == pytest.approx(brute_force(a, b, 5))


@pytest.mark.parametrize("far", [0.0, 1e4])
def test_equal_samples_have_all_of_it(far):
    """Each ball holds its own item and k others, so that the density is (k + 1) / k."""
    x = np.random.default_rng(0).normal(far, 1, size=(100, 8))
    assert metrics.prdc(x, x, k=4) == pytest.approx((1, 1, 5 / 4, 1))


def test_equal_rows_are_inside_balls_without_extent():
    x = np.repeat(np.random.default_rng(0).normal(5, 1, size=(3, 50)), 10, axis=0)
    assert metrics.prdc(x[::-1], x, k=5) == pytest.approx((1, 1, 10 / 5, 1))


def test_samples_far_apart_have_nothing_of_it():
    x = np.random.default_rng(0).normal(size=(50, 2))
    assert metrics.prdc(x + 100, x) == (0, 0, 0, 0)


def test_one_mode_of_two_has_full_precision_and_half_the_coverage():
    generator = np.random.default_rng(0)
    real = generator.normal(size=(400, 2)) + np.repeat([[0.0], [100.0]], 200, axis=0)
    found = metrics.prdc(generator.normal(size=(400, 2)), real)
    assert found.precision > 0.9
    assert 0.4 < found.recall <= 0.5
    assert 0.4 < found.coverage <= 0.5


def test_two_samples_of_one_distribution_have_the_known_means():
    """E[density] = 1 and E[coverage] = 1 - prod_i (n - i) / (n + m - i): Naeem et al. 2020."""
    k, n, found = 5, 60, []
    for seed in range(60):
        a, b = np.random.default_rng(seed).normal(size=(2, n, 3))
        found.append(metrics.prdc(a, b, k=k))
    missed = np.prod([(n - i) / (2 * n - i) for i in range(1, k + 1)])
    _, _, density, coverage = np.mean(found, axis=0)
    assert density == pytest.approx(1, abs=0.03)
    assert coverage == pytest.approx(1 - missed, abs=0.01)


@pytest.mark.backend
def test_features_of_a_network_are_used():
    """All outputs of the network, flattened, one after the other."""
    x = keras.Input((4,))
    first, second = keras.layers.Dense(2)(x), keras.layers.Dense(3)(x)
    network = keras.Model(x, [first, keras.layers.Reshape((3, 1))(second)])
    a, b = np.random.default_rng(0).normal(size=(2, 50, 4)).astype("float32")
    rows = []
    for items in (a, b):
        outputs = network.predict(items, verbose=0)
        rows.append(np.concatenate([outputs[0], outputs[1][..., 0]], axis=1).astype("float64"))
    assert metrics.prdc(a, b, network) == pytest.approx(brute_force(*rows, 5))


def test_the_last_hidden_layer_is_the_input_of_the_last_one():
    classifier = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(2, "softmax")]
    )
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    hidden = metrics.last_hidden_layer(classifier).predict(x, verbose=0)
    kernel, bias = classifier.layers[0].get_weights()
    np.testing.assert_allclose(hidden, np.tanh(x @ kernel + bias), atol=1e-6)


def test_neighbors_are_those_of_scikit_learn():
    """The recall of all items but one: only the one left out can lie in no ball."""
    x = np.random.default_rng(2).normal(size=(30, 2))
    radius = neighbors.NearestNeighbors(n_neighbors=1).fit(x[:-1]).kneighbors()[0][:, 0]
    nearest = np.linalg.norm(x[:-1] - x[-1], axis=1)
    found = metrics.prdc(x[:-1], x, k=1)
    assert found.recall == pytest.approx((29 + (nearest <= radius).any()) / 30)


@pytest.mark.parametrize(
    ("generated", "real", "k", "match"),
    [
        (np.zeros((5, 2)), np.zeros((9, 2)), 5, "generated has 5 items"),
        (np.zeros((9, 2)), np.zeros((5, 2)), 5, "real has 5 items"),
        (np.zeros((9, 2)), np.zeros((9, 3)), 5, "2 values and one of real 3"),
        (np.full((9, 2), np.nan), np.zeros((9, 2)), 5, "NaN"),
        (np.zeros((9, 2)), np.zeros((9, 2)), 0, "at least 1"),
        (np.zeros(9), np.zeros(9), 2, r"\(9,\)"),
    ],
)
def test_other_samples_are_refused(generated, real, k, match):
    with pytest.raises(ValueError, match=match):
        metrics.prdc(generated, real, k=k)
