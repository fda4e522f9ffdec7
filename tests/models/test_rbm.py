"""Restricted Boltzmann machines against sums over all states, SciPy and scikit-learn."""

import keras
import numpy as np
import pytest
from keras import ops
from support.each_class import longer
from support.tiny import BACKEND, X, array, randomized

import zoo
from zoo.models.base import Batch

pytestmark = pytest.mark.backend

generator = np.random.default_rng(0)


def rbm(**options):
    return randomized(zoo.RBM((4, 4, 1), 3, **options), 0.7)


def states(n):
    """All vectors of n bits, [2^n, n]."""
    return ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype("float64")


def parameters(model):
    kernel = array(model.encoder.get_layer("z").kernel)
    c = array(model.encoder.get_layer("z").bias)
    return kernel, array(model.decoder.get_layer("pixels").bias), c


def test_the_free_energy_sums_over_all_hidden_states():
    model = rbm()
    kernel, b, c = parameters(model)
    v = (generator.random((5, 16)) < 0.5).astype("float32")
    h = states(3)
    energies = -(v @ b)[:, None] - (h @ c)[None] - v @ kernel @ h.T
    expected = -np.log(np.exp(-energies).sum(1))
    got = array(model.free_energy(ops.convert_to_tensor(v.reshape(5, 4, 4, 1))))
    np.testing.assert_allclose(got, expected, rtol=1e-4)


def test_the_free_energy_and_the_pseudo_likelihood_are_scikit_learns():
    from sklearn.neural_network import BernoulliRBM

    model = rbm()
    other = BernoulliRBM(3, random_state=np.random.RandomState(0))
    kernel, other.intercept_visible_, other.intercept_hidden_ = parameters(model)
    other.components_ = kernel.T
    v = (generator.random((6, 16)) < 0.5).astype("float32")
    x = ops.convert_to_tensor(v.reshape(6, 4, 4, 1))
    expected = other._free_energy(v)
    np.testing.assert_allclose(array(model.free_energy(x)), expected, rtol=1e-4)
    other.n_features_in_ = 16
    often = ops.repeat(x, 400, axis=0)
    ours = array(model.log_pseudo_likelihood(often)).reshape(6, 400).mean(axis=1)
    theirs = other.score_samples(np.repeat(v, 400, axis=0)).reshape(6, 400).mean(axis=1)
    exact = np.zeros(6)
    for i in range(16):
        flipped = v.copy()
        flipped[:, i] = 1 - flipped[:, i]
        exact += -np.log1p(np.exp(other._free_energy(v) - other._free_energy(flipped)))
    np.testing.assert_allclose(ours, exact, rtol=0.15)
    np.testing.assert_allclose(theirs, exact, rtol=0.15)


def test_free_energies_of_gaussian_units_are_integrals():
    grid = np.linspace(-40, 40, 40001)
    hidden_gaussian = randomized(zoo.RBM((2,), 1, code_activation="linear"), 0.7)
    kernel, b, c = parameters(hidden_gaussian)
    v = np.array([[0.0, 1.0], [1.0, 1.0]], "float32")
    energies = -(v @ b)[:, None] + 0.5 * grid**2 - grid * c[0] - (v @ kernel) * grid
    expected = -np.log(np.trapezoid(np.exp(-energies), grid, axis=1) / np.sqrt(2 * np.pi))
    got = array(hidden_gaussian.free_energy(ops.convert_to_tensor(v)))
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    visible_gaussian = randomized(zoo.RBM((2,), 2, likelihood="gaussian"), 0.7)
    kernel, b, c = parameters(visible_gaussian)
    h = states(2)
    energies = 0.5 * ((v - b) ** 2).sum(1)[:, None] - (h @ c)[None] - v @ kernel @ h.T
    expected = -np.log(np.exp(-energies).sum(1))
    got = array(visible_gaussian.free_energy(ops.convert_to_tensor(v)))
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_gibbs_sampling_reaches_the_models_distribution():
    """Against the probabilities of all states of a tiny machine."""
    model = randomized(zoo.RBM((3,), 2), 0.8)
    v = states(3).astype("float32")
    energies = array(model.free_energy(ops.convert_to_tensor(v))).astype("float64")
    expected = np.exp(-energies) / np.exp(-energies).sum()
    samples = ops.convert_to_tensor(np.repeat(v, 2500, 0))
    for _ in range(30):
        samples = model.draw_visible(model.image(model.draw_hidden(samples)))
    index = (array(samples) @ (2 ** np.arange(3))).astype(int)
    got = np.bincount(index, minlength=8) / len(index)
    assert (abs(got - expected) < 5 * np.sqrt(expected * (1 - expected) / len(index))).all()


@longer
@pytest.mark.compiled
@pytest.mark.parametrize("chains", [0, 50])
def test_training_raises_the_likelihood_as_much_as_scikit_learns_does(chains):
    """Exact log-likelihoods of a machine with 9 visible units, summed over all 512 images."""
    from sklearn.neural_network import BernoulliRBM

    bars = np.zeros((6, 3, 3), "float32")
    for i in range(3):
        bars[i, i], bars[3 + i, :, i] = 1, 1
    x = np.repeat(bars.reshape(6, 9), 400, 0)
    everything = states(9).astype("float32")

    def log_likelihood(free_energy):
        log_z = np.log(np.exp(-free_energy(everything).astype("float64")).sum())
        return float(np.mean(-free_energy(x[::400]) - log_z))

    keras.utils.set_random_seed(0)
    model = zoo.RBM((9,), 8, k=2, chains=chains)
    model.compile(keras.optimizers.SGD(0.1), jit_compile=BACKEND == "jax")

    def ours(v):
        return array(model.free_energy(ops.convert_to_tensor(v)))

    before = log_likelihood(ours)
    model.fit(x, batch_size=20, epochs=8, verbose=0)
    other = BernoulliRBM(8, learning_rate=0.1, batch_size=20, n_iter=8, random_state=0).fit(x)
    assert log_likelihood(ours) > before + 2
    assert log_likelihood(ours) > log_likelihood(other._free_energy) - 0.7


@pytest.mark.parametrize("chains", [0, 7])
def test_binary_pixels_are_drawn_anew_in_training(chains, monkeypatch):
    """Images and those of the model are samples, and the images' mean is the gray image."""
    model = rbm(binarize="dynamic", chains=chains)
    seen = []
    free_energy = zoo.RBM.free_energy
    monkeypatch.setattr(
        zoo.RBM, "free_energy", lambda self, v: seen.append(array(v)) or free_energy(self, v)
    )
    gray = generator.random((1, 4, 4, 1)).astype("float32")
    model.losses(Batch(ops.convert_to_tensor(np.repeat(gray, 4000, axis=0))), training=True)
    of_model, drawn, *_ = seen
    assert {*np.unique(drawn)} == {*np.unique(of_model)} == {0.0, 1.0}
    assert len(of_model) == (chains or 4000)
    first = drawn.copy()
    seen.clear()
    again = Batch(ops.convert_to_tensor(np.repeat(gray, 4000, axis=0)))
    model.losses(again, training=False)  # as `evaluate` does
    assert {*np.unique(seen[1])} == {0.0, 1.0}
    assert (seen[1] != first).any()
    spread = np.sqrt(gray * (1 - gray) / 4000)
    assert (abs(drawn.mean(axis=0, keepdims=True) - gray) < 5 * spread + 1e-6).all()
    plain = rbm()
    seen.clear()
    plain.losses(Batch(ops.convert_to_tensor(gray)), training=True)
    of_model, unchanged, *_ = seen
    np.testing.assert_array_equal(unchanged, gray)
    assert np.unique(of_model).size > 2
    assert zoo.RBM.from_config(model.get_config()).binarize == "dynamic"


def test_boltzmann_machines_refuse_what_they_are_not():
    for options, message in (
        ({"hidden_units": (5,)}, "RBM takes no hidden_units="),
        ({"code_activation": "relu"}, "binary"),
        ({"likelihood": "squared_error"}, "of unit variance"),
        ({"k": 0}, "k is 0"),
        ({"binarize": "threshold"}, "binarize is 'threshold'; choose 'dynamic' or None"),
        ({"binarize": "dynamic", "likelihood": "gaussian"}, "for a Bernoulli likelihood only"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            zoo.RBM((4, 4, 1), 3, **options)
    model = zoo.RBM((4, 4, 1), 3)
    model.compile()
    with pytest.raises(ValueError, match="values of x reach"):
        model.fit(X * 2, verbose=0)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="export reads TensorFlow graphs")
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_an_exported_free_energy_is_the_sum_over_hidden_states(likelihood, tmp_path):
    import export

    model = rbm(likelihood=likelihood)
    kernel, b, c = parameters(model)
    export.export_model(model, tmp_path / "out", formats=("onnx",), parts=("energy",))
    v = np.random.default_rng(0).integers(0, 2, (6, len(b))).astype("float32")
    h = states(len(c))
    visible = -v @ b if likelihood == "bernoulli" else 0.5 * np.sum((v - b) ** 2, axis=1)
    energies = visible[:, None] - (h @ c)[None] - v @ kernel @ h.T
    expected = -np.log(np.exp(-energies).sum(axis=1))
    images = v.reshape(-1, *model.image_shape)
    got = export.load(tmp_path / "out" / "energy")(x=images)["free_energy"]
    assert got.shape == (6,)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)
