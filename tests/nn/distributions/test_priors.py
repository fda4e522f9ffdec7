"""Priors against their densities, and their draws on every backend."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy import integrate, stats
from support.tiny import array

import zoo
from zoo.nn import distributions as priors
from zoo.runtime.draws import draw_prior

pytestmark = pytest.mark.backend

N = 20_000
WEIGHTS = np.array([1.0, 2.0, 3.0, 4.0])


def spiral(n, generator, label=None):
    return generator.normal(0.0 if label is None else 3.0 * label, 1.0, (n, 2))


keras.saving.register_keras_serializable(package="tests")(spiral)

PRIORS = {
    "normal": zoo.Normal(2, 5.0),
    "uniform": zoo.Uniform(2, -1.0, 3.0),
    "categorical": zoo.CategoricalPrior(4, WEIGHTS),
    "petals": zoo.GaussianMixture.petals(4, probabilities=WEIGHTS),
    "swiss roll": zoo.SwissRoll(4, probabilities=WEIGHTS),
    "custom": zoo.CustomPrior(spiral, 2),
    "custom, with components": zoo.CustomPrior(spiral, 2, num_classes=4, probabilities=WEIGHTS),
}
CLOSED = ("normal", "uniform", "petals")
WITH_COMPONENTS = ("categorical", "petals", "swiss roll", "custom, with components")


@pytest.mark.parametrize("name", PRIORS)
def test_a_step_draws_what_sample_draws(name):
    """Two samples of one distribution: no dimension tells them apart (Kolmogorov-Smirnov)."""
    prior = PRIORS[name]
    drawn = array(prior.draw(N, keras.random.SeedGenerator(1)))
    sampled = prior.sample(N, seed=2)
    assert drawn.dtype == sampled.dtype == np.float32
    assert drawn.shape == sampled.shape == (N, prior.latent_dim)
    for dimension in range(prior.latent_dim):
        assert stats.ks_2samp(drawn[:, dimension], sampled[:, dimension]).pvalue > 1e-3


@pytest.mark.parametrize("name", PRIORS)
def test_a_seed_gives_the_same_codes_again(name):
    prior = PRIORS[name]
    np.testing.assert_array_equal(prior.sample(9, seed=3), prior.sample(9, seed=3))
    assert not np.array_equal(prior.sample(9, seed=3), prior.sample(9, seed=4))


@pytest.mark.parametrize("name", PRIORS)
def test_a_prior_is_saved_and_loaded(name):
    config = keras.saving.serialize_keras_object(PRIORS[name])
    copy = keras.saving.deserialize_keras_object(config)
    np.testing.assert_array_equal(copy.sample(50, seed=0), PRIORS[name].sample(50, seed=0))


@pytest.mark.parametrize("name", CLOSED)
def test_samples_follow_the_density(name):
    """The density integrates to 1, and its mass in each cell of a grid is the share of draws."""
    prior = PRIORS[name]
    edges = np.linspace(-1.0, 1.0, 5) * (3 * prior.extent)
    draws = prior.sample(N, seed=0)
    counts, *_ = np.histogram2d(*draws.T, bins=(edges, edges))

    fine = np.linspace(edges[0], edges[-1], 1201)
    grid = np.stack(np.meshgrid(fine, fine, indexing="ij"), axis=-1).reshape(-1, 2)
    values = np.exp(array(prior.log_prob(grid))).reshape(1201, 1201)
    masses = np.array(
        [
            [
                integrate.simpson(
                    integrate.simpson(values[a : a + 301, b : b + 301], x=fine[b : b + 301]),
                    x=fine[a : a + 301],
                )
                for b in range(0, 1200, 300)
            ]
            for a in range(0, 1200, 300)
        ]
    )
    assert masses.sum() == pytest.approx(1.0, abs=0.01)
    np.testing.assert_allclose(counts / N, masses, atol=0.015)


def test_log_densities_are_those_of_scipy():
    z = np.random.default_rng(0).normal(size=(20, 2)) * 3
    normal = array(PRIORS["normal"].log_prob(z))
    np.testing.assert_allclose(normal, stats.norm.logpdf(z, scale=5.0).sum(axis=1), rtol=1e-6)
    mixture = PRIORS["petals"]
    expected = sum(
        weight * stats.multivariate_normal(mean, factor @ factor.T).pdf(z)
        for weight, mean, factor in zip(WEIGHTS / 10, mixture.means, mixture.factors, strict=True)
    )
    np.testing.assert_allclose(array(mixture.log_prob(z)), np.log(expected), rtol=1e-5)
    uniform = array(PRIORS["uniform"].log_prob(z))
    np.testing.assert_allclose(uniform, stats.uniform(-1.0, 4.0).logpdf(z).sum(axis=1), rtol=1e-6)
    one_hot = array(PRIORS["categorical"].log_prob(np.eye(4)))
    np.testing.assert_allclose(one_hot, np.log(WEIGHTS / 10), rtol=1e-6)


@pytest.mark.parametrize("name", WITH_COMPONENTS)
def test_each_class_has_its_probability(name):
    """What is drawn for -1 is the components, each as often as its probability."""
    prior = PRIORS[name]
    np.testing.assert_allclose(prior.probabilities, WEIGHTS / 10)
    whole = prior.sample(N, np.full(N, -1), seed=0)
    by_label = prior.sample(N, np.random.default_rng(5).choice(4, N, p=WEIGHTS / 10), seed=1)
    for dimension in range(prior.latent_dim):
        assert stats.ks_2samp(whole[:, dimension], by_label[:, dimension]).pvalue > 1e-3
    np.testing.assert_array_equal(whole, prior.sample(N, seed=0))


@pytest.mark.parametrize("name", ["categorical", "petals", "swiss roll"])
def test_samples_of_a_class_lie_in_its_component(name):
    prior = PRIORS[name]
    labels = np.arange(4000) % 4
    assert np.mean(prior.component_of(prior.sample(4000, labels, seed=0)) == labels) > 0.97


def test_the_swiss_roll_is_about_as_dense_everywhere_along():
    roll = zoo.SwissRoll(10, noise=1e-3)
    along = np.sqrt(roll.sample(N, seed=0).astype("float64") ** 2 @ [1.0, 1.0]) / roll.radius
    angle = 2 * np.pi * roll.turns * along
    arc = 0.5 * (angle * np.sqrt(1 + angle**2) + np.arcsinh(angle))  # of an Archimedean spiral
    share, _ = np.histogram(arc / arc.max(), bins=5, range=(0, 1))
    np.testing.assert_allclose(share / N, 0.2, atol=0.03)


@pytest.mark.parametrize("name", ["normal", "uniform", "categorical", "petals", "swiss roll"])
def test_a_consumer_draws_the_same_distribution(name):
    prior = PRIORS[name]
    drawn = draw_prior(prior.describe(), N, (prior.latent_dim,), np.random.default_rng(3))
    sampled = prior.sample(N, seed=4)
    for dimension in range(prior.latent_dim):
        assert stats.ks_2samp(drawn[:, dimension], sampled[:, dimension]).pvalue > 1e-3


def test_a_file_cannot_have_a_function_imported():
    config = PRIORS["custom"].get_config()
    config["function"] = {"module": "os", "class_name": "function", "config": "getcwd"}
    with pytest.raises(ValueError, match="function 'getcwd' is not registered"):
        zoo.CustomPrior.from_config(config)
    with keras.saving.custom_object_scope({"getcwd": spiral}):
        assert zoo.CustomPrior.from_config(config).function is spiral


def test_priors_are_named_in_recipes():
    assert priors.get_prior(None, 3).get_config() == {"latent_dim": 3, "scale": 1.0}
    assert priors.get_prior({"normal": {"scale": 5.0}}, 3).scale == 5.0
    assert priors.get_prior({"swiss_roll": {"turns": 1.5}}, 2).turns == 1.5
    assert priors.get_prior({"petals": {}}, 2).num_classes == 10


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: zoo.Normal(2, 0.0), "scale is 0.0"),
        (lambda: zoo.Normal(0), "latent_dim is 0"),
        (lambda: zoo.Uniform(2, 1.0, 1.0), "low must be below high"),
        (lambda: zoo.CategoricalPrior(1), "num_classes is 1"),
        (lambda: zoo.GaussianMixture(np.zeros(3)), r"means has shape \(3,\)"),
        (lambda: zoo.GaussianMixture(np.zeros((2, 3)), np.eye(2)), r"factors has shape \(2, 2\)"),
        (lambda: zoo.GaussianMixture(np.zeros((2, 2)), np.zeros((2, 2))), "singular"),
        (lambda: zoo.SwissRoll(4, probabilities=[1, 2]), "give 4 numbers above 0"),
        (lambda: zoo.SwissRoll(4, noise=0), "noise is 0"),
        (lambda: zoo.CustomPrior(lambda n, generator: np.zeros(3), 2), r"returned \(3,\)"),
        (lambda: PRIORS["normal"].sample(3, [0, 1, 2]), "no component for each class"),
        (lambda: PRIORS["petals"].sample(3, [0, 1, 4]), "3 integers from 0 to 3, or -1"),
        (lambda: PRIORS["petals"].sample(3, [0, 1]), "3 integers"),
        (lambda: priors.get_prior(zoo.Normal(3), 2), "3 dimensions, but the codes have 2"),
        (lambda: priors.get_prior({"roll": {}}, 2), "normal, uniform, petals, swiss_roll"),
    ],
)
def test_other_objects_than_priors_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("name", ["normal", "petals"])
def test_densities_of_tensors_are_those_of_arrays(name):
    z = np.random.default_rng(0).normal(size=(5, 4, 2)).astype("float32") * 3
    density = array(PRIORS[name].log_prob(ops.convert_to_tensor(z)))
    assert density.dtype == np.float32
    expected = array(PRIORS[name].log_prob(z.reshape(-1, 2).tolist())).reshape(5, 4)
    np.testing.assert_allclose(density, expected, rtol=1e-6)
