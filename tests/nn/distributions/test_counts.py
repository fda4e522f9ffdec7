"""The likelihoods of counts, Poisson and negative binomial, against SciPy."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy import stats
from scipy.special import gammaln
from support.each_class import longer
from support.tiny import array

import zoo
from zoo.cli.main import main
from zoo.nn.distributions import counts

SIZES = np.array([0, 1, 2, 3, 7, 8, 9, 50, 1000, 30_000, 2**20, 2**24], "float64")
NAMES = {"poisson": zoo.Poisson, "negative_binomial": zoo.NegativeBinomial}
every_name = pytest.mark.parametrize("name", NAMES)
X = np.random.default_rng(0).negative_binomial(2, 0.05, (64, 6)).astype("float32")
pytestmark = pytest.mark.backend


def tensor(values):
    return ops.convert_to_tensor(np.asarray(values, "float32"))


def close(found, expected):
    """float32 holds the logarithm of a mean of 2^24 to a millionth, which x is multiplied by."""
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)


def test_the_remainder_of_stirling_is_that_of_scipy():
    a = np.geomspace(1e-3, 2**24, 400).astype("float32").astype("float64")
    expected = gammaln(a + 1) - (a + 0.5) * np.log(a) + a - 0.5 * np.log(2 * np.pi)
    expected[a > 1e3] = 1 / (12 * a[a > 1e3])  # where SciPy loses digits itself
    np.testing.assert_allclose(array(counts.stirling_remainder(tensor(a))), expected, atol=3e-6)


@pytest.mark.parametrize("ratio", [1e-3, 0.3, 1.0, 1.5, 1e3])
def test_poisson_is_that_of_scipy(ratio):
    log_mean = np.log(np.maximum(SIZES, 0.5) * ratio).astype("float32")
    found = array(counts.log_poisson(tensor(SIZES), tensor(log_mean)))
    mean = np.exp(log_mean.astype("float64"))
    np.testing.assert_allclose(found, stats.poisson.logpmf(SIZES, mean), rtol=2e-5, atol=0.002)


@pytest.mark.parametrize("r", [1e-3, 0.1, 1.0, 5.0, 1e3, 1e6])
@pytest.mark.parametrize("ratio", [0.01, 0.7, 1.0, 30.0])
def test_negative_binomial_is_that_of_scipy(r, ratio):
    x = SIZES[:10]
    log_mean = np.log(np.maximum(x, 0.5) * ratio).astype("float32")
    log_r = np.full(len(x), np.log(r), "float32")
    found = array(counts.log_negative_binomial(tensor(x), tensor(log_mean), tensor(log_r)))
    mean, size = np.exp(log_mean.astype("float64")), np.exp(log_r.astype("float64"))
    expected = stats.nbinom.logpmf(x, size, size / (size + mean))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=0.005)


def test_probabilities_sum_to_one_and_a_large_dispersion_is_poisson():
    x = tensor(np.arange(400))
    for log_r in (-1.0, 1.0, 4.0):
        log_p = counts.log_negative_binomial(x, tensor(np.log(9.0)), tensor(log_r))
        assert abs(np.exp(array(log_p)).sum() - 1) < 1e-4
    x = tensor(np.arange(30))
    poisson = array(counts.log_poisson(x, tensor(np.log(9.0))))
    close(poisson, stats.poisson.logpmf(np.arange(30), 9.0))
    binomial = counts.log_negative_binomial(x, tensor(np.log(9.0)), tensor(np.log(1e6)))
    np.testing.assert_allclose(array(binomial), poisson, atol=1e-3)


@every_name
def test_a_likelihood_sums_the_log_probabilities_of_its_columns(name):
    likelihood = NAMES[name]([1.0, 20.0, 300.0])
    generator = np.random.default_rng(0)
    x = generator.poisson([1, 20, 300], (5, 3)).astype("float32")
    u = generator.normal(size=(5, 3 * likelihood.values)).astype("float32")
    mean = np.array([1.0, 20.0, 300.0]) * np.exp(u[:, :3].astype("float64"))
    np.testing.assert_allclose(array(likelihood.mean(tensor(u))), mean, rtol=1e-3)  # bounded
    if name == "poisson":
        expected = stats.poisson.logpmf(x, mean)
    else:
        r = np.exp(u[:, 3:].astype("float64"))
        expected = stats.nbinom.logpmf(x, r, r / (r + mean))
    found = array(likelihood.log_prob(tensor(x), tensor(u)))
    np.testing.assert_allclose(found, expected.sum(1), rtol=0.002)


@every_name
def test_extreme_outputs_give_finite_values_and_gradients(name):
    """Through a variable, as every backend differentiates them."""
    likelihood = NAMES[name]()
    model = zoo.Autoencoder((3,), 1, hidden_units=(), likelihood=likelihood)
    model.compile(keras.optimizers.SGD(1e-12), run_eagerly=True)
    x = np.array([[0, 1, 2**24], [2**24, 5, 0]], "float32")
    for size in (1e4, -1e4):
        for weight in model.decoder.weights:
            weight.assign(np.full(weight.shape, size))
        model.fit(x, epochs=2, verbose=0)
        assert all(np.isfinite(weight).all() for weight in model.get_weights())
        assert np.isfinite(model.reconstruct(x)).all()


@every_name
def test_samples_have_the_mean_and_the_variance_of_the_distribution(name):
    likelihood = NAMES[name](5.0)
    u = np.repeat(np.array([[0.0, 1.0, 0.5, 1.0][: 2 * likelihood.values]], "float32"), 40_000, 0)
    drawn = likelihood.sample(u, np.random.default_rng(0))
    assert drawn.dtype == "float32"
    assert (drawn == np.floor(drawn)).all()
    mean = 5 * np.exp([0.0, 1.0])
    variance = mean if name == "poisson" else mean + mean**2 / np.exp([0.5, 1.0])
    np.testing.assert_allclose(drawn.mean(0), mean, rtol=0.03)
    np.testing.assert_allclose(drawn.var(0), variance, rtol=0.05)
    np.testing.assert_array_equal(drawn, likelihood.sample(u, np.random.default_rng(0)))


@longer
@every_name
def test_a_model_of_counts_is_trained_saved_and_scored(name, tmp_path):
    likelihood = NAMES[name].adapted(X, [f"gene {i}" for i in range(6)])
    np.testing.assert_allclose(likelihood.means, X.mean(0), rtol=1e-5)
    model = zoo.VAE((6,), 2, hidden_units=(8,), likelihood=likelihood, seed=0)
    model.compile("adam", run_eagerly=True)
    before = model.evaluate(X, verbose=0, return_dict=True)["loss"]
    model.fit(X, epochs=20, verbose=0)
    assert model.evaluate(X, verbose=0, return_dict=True)["loss"] < before
    zoo.save(model, tmp_path / "counts")
    again = zoo.load(tmp_path / "counts")
    assert again.likelihood.names == likelihood.names
    np.testing.assert_array_equal(again.reconstruct(X), model.reconstruct(X))
    scores = zoo.anomaly.Detector(model, score="reconstruction").fit(X).scores(X)
    expected = ((np.log1p(X) - np.log1p(model.reconstruct(X))) ** 2).sum(1)
    np.testing.assert_allclose(scores, expected, rtol=1e-3)
    scores = zoo.anomaly.Detector(model).fit(X).scores(X)
    kl, log_prob = model.kl_and_log_prob(X, model.encode(X))
    np.testing.assert_allclose(scores, kl - log_prob, rtol=1e-4)


def test_inputs_of_the_networks_are_logarithms():
    model = zoo.VAE((6,), 2, hidden_units=(8,), likelihood="poisson")
    found = array(model.encoder.get_layer("log_of_counts")(tensor(X)))
    np.testing.assert_allclose(found, np.log1p(X), rtol=1e-6)
    units = model.likelihood
    np.testing.assert_allclose(units.raw(units.standardized(X)), X, rtol=1e-4)
    np.testing.assert_allclose(array(units.raw(units.standardized(tensor(X)))), X, rtol=1e-4)


# Data


@every_name
def test_what_is_not_counted_is_refused(name):
    model = zoo.VAE((6,), 2, hidden_units=(8,), likelihood=name)
    model.compile("adam", run_eagerly=True)
    kind = NAMES[name].__name__
    for x, says in (
        (X - 1, f"go down to -1; a {kind} likelihood needs whole numbers of at least 0"),
        (X + 0.5, "holds fractions, such as .*whole numbers of at least 0.*gaussian"),
        (X + 2.0**25, "reach 3.*at most 16777216"),
        (np.full((4, 6), np.nan, "float32"), "NaN"),
    ):
        for call in (model.fit, model.evaluate):
            with pytest.raises(ValueError, match=says):
                call(x, verbose=0)
        with pytest.raises(ValueError, match=says):
            model.encode(x)
        with pytest.raises(ValueError, match=says):
            model.fit(((part,) for part in (X, x)), verbose=0)
    with pytest.raises(TypeError, match="not numeric"):
        model.encode(np.full((4, 6), "many"))


def test_integers_are_counts():
    model = zoo.VAE((6,), 2, hidden_units=(8,), likelihood="poisson")
    model.compile("adam", run_eagerly=True)
    whole = X.astype("int64")
    np.testing.assert_array_equal(model.encode(whole), model.encode(X))
    model.fit(whole, validation_data=(whole,), verbose=0)
    model.fit((part for part in (whole[:8], whole[8:])), verbose=0)


def test_a_later_batch_of_a_data_set_is_checked():
    tf = pytest.importorskip("tensorflow")
    model = zoo.VAE((6,), 2, hidden_units=(8,), likelihood="poisson")
    model.compile("adam", run_eagerly=True)
    late = np.concatenate([X[:32], X[32:] + 0.5])
    with pytest.raises(ValueError, match="fractions"):
        model.fit(tf.data.Dataset.from_tensor_slices(late).batch(16), verbose=0)
    model.fit(tf.data.Dataset.from_tensor_slices(X).batch(16), verbose=0)


@pytest.mark.parametrize("means", [0.0, [1.0, -1.0], np.inf, "many", [[1.0]], []])
def test_impossible_means_are_refused(means):
    with pytest.raises(ValueError, match=r"means is .*adapted\(x\)"):
        zoo.Poisson(means)


def test_means_and_names_of_other_columns_are_refused():
    with pytest.raises(ValueError, match=r"has 2 means, and input_shape is \(6,\)"):
        zoo.VAE((6,), 2, likelihood=zoo.Poisson([1.0, 2.0]))
    with pytest.raises(ValueError, match="3 names for means"):
        zoo.NegativeBinomial([1.0, 2.0], names=("a", "b", "c"))
    with pytest.raises(ValueError, match="is for counts"):
        zoo.M1M2(zoo.M1((6,), 2, num_classes=2), 2, num_classes=2, likelihood="poisson")
    with pytest.raises(ValueError, match="is for tables"):
        zoo.GAN((4, 4, 1), 2, likelihood="poisson")


@pytest.mark.slow
def test_a_table_of_counts_is_trained_by_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [",".join(map(str, row.astype(int))) for row in X]
    (tmp_path / "counts.csv").write_text("\n".join(["a,b,c,d,e,f", *lines]) + "\n", "utf-8")
    asked = "train VAE --data counts.csv --likelihood negative_binomial --latent-dim 2 --epochs 1"
    main([*asked.split(), "--out", "out"])
    likelihood = zoo.load("./out").likelihood
    assert isinstance(likelihood, zoo.NegativeBinomial)
    assert likelihood.names == ("a", "b", "c", "d", "e", "f")
