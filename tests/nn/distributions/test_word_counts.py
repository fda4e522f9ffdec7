"""The likelihood of word counts, against SciPy and against counts with Poisson distributions."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy import stats
from support.tiny import array

import zoo
from zoo.nn.distributions import Multinomial

pytestmark = pytest.mark.backend
RNG = np.random.default_rng(0)
X = RNG.poisson([0.2, 1, 3, 0.5, 8, 0.01], (40, 6)).astype("float32")
U = RNG.normal(size=(40, 6)).astype("float32")


def tensor(values):
    return ops.convert_to_tensor(np.asarray(values, "float32"))


def probabilities(likelihood, parameters):
    weights = likelihood.shares * np.exp(parameters.astype("float64"))
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("scale", [1, 100, 10_000])
def test_log_prob_is_that_of_scipy(scale):
    likelihood, x = Multinomial.adapted(X), X * scale
    found = array(likelihood.log_prob(tensor(x), tensor(U)))
    expected = stats.multinomial.logpmf(x, x.sum(axis=1), probabilities(likelihood, U))
    expected[x.sum(axis=1) == 0] = 0
    np.testing.assert_allclose(found, expected, rtol=3e-5, atol=3e-4)


def test_the_constrained_poisson_likelihood_differs_by_what_no_decoder_changes():
    likelihood, n = Multinomial(), X.sum(axis=1)
    some = n > 0
    means = n[:, None] * probabilities(likelihood, U)
    poisson = stats.poisson.logpmf(X, means).sum(axis=1)
    apart = array(likelihood.log_prob(tensor(X), tensor(U))) - poisson
    log_factorials = stats.poisson.logpmf(n, n)  # N ln N - N - ln N!
    np.testing.assert_allclose(apart[some], -log_factorials[some], atol=1e-4)


def test_a_text_without_words_has_log_probability_0():
    found = array(Multinomial().log_prob(tensor(np.zeros((2, 6))), tensor(U[:2])))
    np.testing.assert_allclose(found, 0, atol=1e-5)


def test_the_mean_has_the_length_of_a_text_and_adapted_shares():
    likelihood = Multinomial.adapted(X, ["a", "b", "c", "d", "e", "f"])
    np.testing.assert_allclose(likelihood.length, X.sum(axis=1).mean(), rtol=1e-6)
    mean = array(likelihood.mean(tensor(np.zeros((1, 6)))))[0]
    np.testing.assert_allclose(mean, X.mean(axis=0), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        array(likelihood.mean(tensor(U))),
        likelihood.length * probabilities(likelihood, U),
        rtol=1e-4,
    )


def test_samples_are_texts_of_that_length():
    likelihood = Multinomial(50)
    drawn = likelihood.sample(U, np.random.default_rng(0))
    assert drawn.dtype == np.float32
    assert (drawn.sum(axis=1) == 50).all()
    many = likelihood.sample(np.repeat(U[:1], 20_000, axis=0), np.random.default_rng(0))
    np.testing.assert_allclose(
        many.mean(axis=0), 50 * probabilities(likelihood, U[:1])[0], atol=0.15
    )


def test_inputs_do_not_depend_on_the_length_of_the_text():
    likelihood, x = Multinomial(), np.concatenate([X, np.zeros((1, 6), "float32")])
    layer = likelihood.normalization()
    np.testing.assert_allclose(array(layer(tensor(3 * x))), likelihood.standardized(x), atol=2e-4)
    np.testing.assert_allclose(
        array(likelihood.standardized(tensor(x))), likelihood.standardized(x), atol=2e-4
    )
    assert np.isfinite(likelihood.standardized(x)).all()
    roots = likelihood.standardized(X)
    np.testing.assert_allclose(likelihood.standardized(likelihood.raw(roots)), roots, atol=1e-6)
    np.testing.assert_allclose(array(likelihood.raw(tensor(roots))), roots**2, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"length": 0}, "length"),
        ({"shares": 0.0}, "shares is"),
        ({"shares": [[1.0]]}, "shares is"),
        ({"shares": [1.0, np.nan]}, "shares is"),
        ({"shares": [1.0, 2.0], "names": ["a"]}, "1 names for shares of shape"),
    ],
)
def test_wrong_settings_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        Multinomial(**options)


def test_counts_without_words_and_images_are_refused():
    with pytest.raises(ValueError, match="All counts are 0"):
        Multinomial.adapted(np.zeros((3, 4), "float32"))
    with pytest.raises(ValueError, match="for rows of counts"):
        zoo.VAE((4, 4, 1), 2, likelihood="multinomial")
    with pytest.raises(ValueError, match="give one share for each word"):
        zoo.VAE((5,), 2, likelihood=Multinomial.adapted(X))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["VAE", "Autoencoder", "BinaryAutoencoder", "AAE"])
def test_models_of_words_learn_are_saved_and_exported(name, tmp_path):
    from zoo import export

    words = [f"word{i}" for i in range(6)]
    keras.utils.set_random_seed(0)
    model = getattr(zoo, name)(
        (6,), 3, hidden_units=(16,), likelihood=Multinomial.adapted(X, words), seed=0
    )
    model.compile(keras.optimizers.Adam(0.01) if name != "AAE" else "adam")
    before = model.evaluate(X, verbose=0, return_dict=True)
    model.fit(X, epochs=12, batch_size=8, verbose=0)
    after = model.evaluate(X, verbose=0, return_dict=True)
    assert after["reconstruction"] < before["reconstruction"]
    zoo.save(model, tmp_path / "words")
    again = zoo.load(tmp_path / "words")
    assert again.likelihood.names == tuple(words)
    np.testing.assert_allclose(again.reconstruct(X), model.reconstruct(X), rtol=1e-5)
    if name == "BinaryAutoencoder" and keras.backend.backend() == "tensorflow":
        export.export_model(model, tmp_path / "out", formats=("onnx",))  # proves equality
        z = export.load(tmp_path / "out" / "encoder")(x=X)["z"]
        np.testing.assert_array_equal(z, model.encode(X))


def test_fractions_and_negative_counts_are_refused():
    model = zoo.VAE((6,), 2, hidden_units=(8,), likelihood=Multinomial.adapted(X))
    model.compile("adam")
    for wrong in (X + 0.5, X - 1):
        with pytest.raises(ValueError, match="whole numbers of at least 0"):
            model.fit(wrong, verbose=0)
