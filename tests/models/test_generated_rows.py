"""Models of tables draw rows from p(x | z); models of images give means."""

import math

import numpy as np
import pytest
from keras import ops
from scipy import stats

import zoo

N = 20_000
ROWS = np.random.default_rng(0).normal(size=(60, 3)) * [1, 20, 3e-4] + [5, 1000, 2]
CODES = np.eye(3)[np.arange(60) % 3]
MIXED = np.concatenate([ROWS, CODES], axis=1).astype("float32")


def gaussian(**options):
    return zoo.GaussianColumns.adapted(ROWS.astype("float32"), **options)


def mixed(**options):
    return zoo.MixedColumns.adapted(MIXED, [(3, 6)], **options)


def many(parameters):
    return np.tile(np.float32(parameters), (N, 1))


def test_numbers_are_drawn_with_the_spread_of_the_likelihood():
    likelihood = gaussian(stddev=0.5)
    drawn = likelihood.sample(many([0, 1, -2]), np.random.default_rng(1))
    center = likelihood.means + likelihood.deviations * [0, 1, -2]
    for j in range(3):
        true = stats.norm(center[j], 0.5 * likelihood.deviations[j])
        assert stats.kstest(drawn[:, j].astype("float64"), true.cdf).pvalue > 1e-3
    assert drawn.dtype == "float32"
    assert np.abs(np.corrcoef(drawn.T) - np.eye(3)).max() < 0.05


@pytest.mark.parametrize("stddev", [None, 0.3])
def test_mixed_rows_are_drawn_from_their_own_density(stddev):
    likelihood = mixed(stddev=stddev)
    free = [] if stddev else [1.0, -1.0, -9.0]  # the decoder gives each number's variance
    parameters = many([0.2, 0, -1, 0.0, 1.0, -2.0, *free])
    drawn = likelihood.sample(parameters, np.random.default_rng(2))
    probability = np.exp([0.0, 1.0, -2.0]) / np.exp([0.0, 1.0, -2.0]).sum()
    np.testing.assert_array_equal(drawn[:, 3:].sum(axis=1), 1)
    np.testing.assert_allclose(drawn[:, 3:].mean(axis=0), probability, atol=0.015)
    spread = drawn[:, :3].astype("float64").std(axis=0)
    least = 2 * math.log(likelihood.least_stddev)
    log_var = 2 * math.log(0.3) if stddev else least + np.logaddexp(0, np.array(free) - least)
    expected = np.exp(0.5 * log_var) * likelihood.deviations[:3]
    np.testing.assert_allclose(spread, expected, rtol=0.03)
    # The mean of -log p(x) over draws is the entropy.
    entropy = stats.norm(scale=expected).entropy().sum() + stats.entropy(probability)
    log_prob = likelihood.log_prob(*map(ops.convert_to_tensor, (drawn, parameters)))
    found = -ops.convert_to_numpy(log_prob)
    assert found.mean() == pytest.approx(entropy, abs=0.05)


def tabular(likelihood, model_class=zoo.VAE, **options):
    features = len(likelihood.means)
    return model_class((features,), 2, hidden_units=(8,), likelihood=likelihood, seed=0, **options)


@pytest.mark.parametrize("likelihood", [gaussian, mixed])
@pytest.mark.parametrize("model_class", [zoo.VAE, zoo.AAE, zoo.CVAE])
def test_models_of_tables_draw_unless_means_are_asked_for(likelihood, model_class):
    labels = np.arange(400) % 2 if model_class is zoo.CVAE else None
    classes = {"num_classes": 2} if model_class is zoo.CVAE else {}
    model = tabular(likelihood(), model_class, **classes)
    drawn = model.generate(400, labels, seed=3)
    z = model.prior_samples(400, labels, 3)
    means = model.decode(z, labels)
    np.testing.assert_array_equal(model.generate(400, labels, seed=3, mean=True), means)
    np.testing.assert_array_equal(model.generate(400, labels, seed=3), drawn)
    np.testing.assert_array_equal(model.generate(400, labels, seed=3, mean=False), drawn)
    assert (model.generate(400, labels) != drawn).any()
    noise = (drawn - means)[:, :3] / model.likelihood.deviations[:3]
    assert noise.std() > 0.8  # untrained: a spread of about 1
    assert np.abs(np.corrcoef(noise[:, 0], z[:, 0])[0, 1]) < 0.2  # another noise than the codes'
    if likelihood is mixed:
        assert set(np.unique(drawn[:, 3:])) == {0, 1}
        assert not set(np.unique(means[:, 3:])) & {0, 1}


def test_a_part_of_the_prior_and_codes_of_codes_are_drawn_from_too():
    prior = zoo.SwissRoll(10)
    labeled = tabular(mixed(), zoo.LabelInformedAAE, num_classes=10, prior=prior)
    drawn = labeled.generate(labels=[1, 2, 3], seed=0)
    assert set(np.unique(drawn[:, 3:])) == {0, 1}
    means = labeled.generate(labels=[1, 2, 3], seed=0, mean=True)
    np.testing.assert_array_equal(means, labeled.decode(prior.sample(3, np.array([1, 2, 3]), 0)))
    both = zoo.M1M2(tabular(mixed()), 2, num_classes=2, hidden_units=(8,))
    assert set(np.unique(both.generate(labels=[0, 1] * 9, seed=0)[:, 3:])) == {0, 1}
    assert both.generate(labels=[0, 1], seed=0, mean=True)[:, 3:].max() < 1


def test_images_and_signals_are_means_as_before(vae):
    means = vae.decode(vae.prior.sample(5, seed=1))
    np.testing.assert_array_equal(vae.generate(5, seed=1), means)
    np.testing.assert_array_equal(vae.generate(5, seed=1, mean=True), means)
    with pytest.raises(ValueError, match="mean=False draws rows.*leave mean= out"):
        vae.generate(5, mean=False)
    vectors = zoo.VAE((3,), 2, hidden_units=(8,), likelihood="gaussian")
    np.testing.assert_array_equal(
        vectors.generate(5, seed=1), vectors.decode(vectors.prior.sample(5, seed=1))
    )
