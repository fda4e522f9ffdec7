"""The classical family against finite differences, NumPy, SciPy and scikit-learn."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy import stats
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA
from support.each_class import longer
from support.tiny import BACKEND, X, array, randomized, terms

import zoo
from zoo.nn import corruption, jacobians, network_properties
from zoo.nn.distributions import likelihoods

pytestmark = pytest.mark.backend

generator = np.random.default_rng(0)


def jacobian_norms(model, x, step=1e-2):
    """Squared Frobenius norms of the encoder's Jacobian by central differences, [n]."""
    columns = []
    for i in range(x[0].size):
        e = np.zeros(x[0].size, "float32")
        e[i] = step
        e = e.reshape(x.shape[1:])
        moved = np.clip(x, 0.1, 0.9)
        columns.append((model.encode(moved + e) - model.encode(moved - e)) / (2 * step))
    return np.sum(np.square(columns, dtype="float64"), axis=(0, 2))


# Contractive


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", None])
def test_all_ways_to_the_jacobian_of_one_layer_agree_with_finite_differences(activation):
    model = randomized(
        zoo.ContractiveAutoencoder((4, 4, 1), 5, code_activation=activation, jacobian="closed")
    )
    x = np.clip(X, 0.1, 0.9)
    expected = jacobian_norms(model, x)
    closed = terms(model, x)["contraction"]
    np.testing.assert_allclose(closed, expected, rtol=1e-3)

    def code(images):
        return model.encoder(images)

    exact = array(jacobians.exact(code, ops.convert_to_tensor(x), 5))
    np.testing.assert_allclose(exact, closed, rtol=1e-4)
    many = ops.convert_to_tensor(np.repeat(x[:2], 4000, axis=0))
    estimates = array(jacobians.hutchinson(code, many, 5, keras.random.SeedGenerator(0)))
    for estimate, truth in zip(estimates.reshape(2, 4000), closed[:2], strict=True):
        assert abs(estimate.mean() - truth) < 5 * estimate.std() / np.sqrt(4000) + 1e-5 * truth


def test_the_jacobian_of_a_deep_convolutional_encoder_is_exact():
    model = randomized(
        zoo.ContractiveAutoencoder((4, 4, 1), 3, filters=(2,), hidden_units=(6,), jacobian="exact"),
        0.3,
    )
    x = np.clip(X, 0.1, 0.9)
    np.testing.assert_allclose(terms(model, x)["contraction"], jacobian_norms(model, x), rtol=5e-3)


def test_a_corruption_of_the_stochastic_penalty_is_divided_by_its_size():
    x = np.repeat(np.clip(X[:1], 0.1, 0.9), 4000, axis=0)
    found = {}
    for noise in (0.03, zoo.GaussianNoise(0.03), zoo.Masking(0.3), {"masking": 0.3}):
        settings = {"jacobian": "stochastic", "noise": noise, "seed": 1}
        model = zoo.ContractiveAutoencoder((4, 4, 1), 5, **settings)
        found[str(noise)] = terms(randomized(model, 1.0), x)["contraction"].mean()
    gaussian, same, masking, described = found.values()
    assert same == pytest.approx(gaussian, rel=0.1)
    assert described == pytest.approx(masking, rel=0.1)
    generator = np.random.default_rng(0)
    moved = x * (generator.random(x.shape) >= 0.3)
    moves = np.square(model.encode(moved) - model.encode(x)).sum(axis=1)
    size = np.square(moved - x).mean(axis=(1, 2, 3))
    assert masking == pytest.approx((moves / size)[size > 0].mean(), rel=0.1)


def test_the_stochastic_penalty_approaches_the_jacobian_for_small_noise():
    x = np.clip(X[:1], 0.1, 0.9)
    distances = []
    for noise in (1.0, 0.3, 0.03):
        model = randomized(
            zoo.ContractiveAutoencoder((4, 4, 1), 5, jacobian="stochastic", noise=noise), 1.0
        )
        got = terms(model, np.repeat(x, 40_000, axis=0))["contraction"]
        distances.append(abs(got.mean() - jacobian_norms(model, x)[0]))
    assert distances[2] < 5 * got.std() / np.sqrt(len(got))
    assert distances[0] > 3 * distances[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    "jacobian",
    [
        "closed",
        "hutchinson",
        *(pytest.param(j, marks=pytest.mark.slow) for j in ("exact", "stochastic")),
    ],
)
def test_training_with_the_penalty_makes_the_code_contract(jacobian):
    def norm(weight):
        keras.utils.set_random_seed(0)
        model = zoo.ContractiveAutoencoder((4, 4, 1), 5, weight=weight, jacobian=jacobian)
        model.compile(keras.optimizers.Adam(1e-2), jit_compile=BACKEND == "jax")
        model.fit(np.repeat(X, 8, 0), epochs=5, batch_size=32, verbose=0)
        return jacobian_norms(model, X).mean()

    assert norm(10.0) < 0.5 * norm(0.0)


def test_smooth_activations_are_differentiable_everywhere():
    """One-sided slopes agree wherever Keras's piecewise activations have their joints."""
    joints = np.array([-6, -3, -2.5, -1, -0.5, 0, 0.5, 1, 2.5, 3, 6], "float64")
    step = 1e-2
    for name in network_properties.SMOOTH - {"softmax"}:
        activation = keras.activations.get(name)

        def f(x, activation=activation):
            return array(activation(ops.convert_to_tensor(x, "float32"))).astype("float64")

        right, left = (f(joints + step) - f(joints)) / step, (f(joints) - f(joints - step)) / step
        scale = np.maximum(1.0, np.abs(f(joints)))
        assert (np.abs(right - left) / scale < 0.03).all(), name


@pytest.mark.parametrize("kinked", ["leaky_relu", "hard_sigmoid", "sparse_sigmoid", "hard_tanh"])
def test_every_kind_of_kink_is_refused(kinked):
    with pytest.raises(ValueError, match="is not differentiable everywhere"):
        zoo.ContractiveAutoencoder((4, 4, 1), 3, hidden_units=(5,), activation=kinked)


def test_a_kinked_activation_is_refused():
    with pytest.raises(ValueError, match="'relu', which is not differentiable everywhere"):
        zoo.ContractiveAutoencoder((4, 4, 1), 3, hidden_units=(5,), activation="relu")
    with pytest.raises(ValueError, match="needs an encoder of one dense layer"):
        zoo.ContractiveAutoencoder((4, 4, 1), 3, hidden_units=(5,), jacobian="closed")
    with pytest.raises(ValueError, match="choose 'auto'"):
        zoo.ContractiveAutoencoder((4, 4, 1), 3, jacobian="forward")
    with pytest.raises(ValueError, match="weight is -1"):
        zoo.ContractiveAutoencoder((4, 4, 1), 3, weight=-1)


# Sparse


def test_the_kl_divergence_between_bernoulli_distributions_is_scipys():
    q = np.array([0.001, 0.05, 0.3, 0.99], "float32")
    expected = [stats.entropy([0.05, 0.95], [v, 1 - v]) for v in q.astype("float64")]
    got = array(likelihoods.bernoulli_kl(0.05, ops.convert_to_tensor(q)))
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-7)


def test_the_sparse_penalties_are_those_of_the_codes():
    model = randomized(zoo.SparseAutoencoder((4, 4, 1), 6, rho=0.2, weight=3.0))
    mean = model.encode(X).mean(0, dtype="float64")
    expected = sum(stats.entropy([0.2, 0.8], [m, 1 - m]) for m in mean)
    np.testing.assert_allclose(terms(model, X)["sparsity"], expected, rtol=1e-4)
    model = randomized(zoo.SparseAutoencoder((4, 4, 1), 6, penalty="l1"))
    np.testing.assert_allclose(
        terms(model, X)["sparsity"], np.abs(model.encode(X)).sum(1), rtol=1e-5
    )


@pytest.mark.compiled
@pytest.mark.slow
def test_units_reach_the_target_activity():
    (x, _), _ = zoo.data.load("digits")
    model = zoo.SparseAutoencoder((8, 8, 1), 32, rho=0.1, weight=10.0)
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(x, epochs=30, verbose=0)
    assert abs(model.encode(x).mean() - 0.1) < 0.01


def test_sparse_arguments_are_checked():
    for options, message in (
        ({"rho": 0.0}, "rho is 0.0"),
        ({"penalty": "l2"}, "choose 'kl' or 'l1'"),
        ({"code_activation": "relu"}, r"needs activities in \(0, 1\)"),
    ):
        with pytest.raises(ValueError, match=message):
            zoo.SparseAutoencoder((4, 4, 1), 3, **options)


# Denoising


def test_corruptions_change_the_stated_number_of_pixels():
    x = np.full((200, 28, 28, 1), 0.4, "float32")
    n = x.size
    masked = zoo.Masking(0.25).sample(x, seed=0)
    assert set(np.unique(masked)) == {np.float32(0), np.float32(0.4)}
    assert abs((masked == 0).mean() - 0.25) < 5 * np.sqrt(0.25 * 0.75 / n)
    spoiled = zoo.SaltAndPepper(0.1).sample(x, seed=0)
    for value in (0, 1):
        assert abs((spoiled == value).mean() - 0.05) < 5 * np.sqrt(0.05 * 0.95 / n)
    noise = zoo.GaussianNoise(0.5).sample(x, seed=0) - x
    assert stats.kstest(noise.ravel()[:5000] / 0.5, "norm").pvalue > 1e-3
    both = zoo.Composition([zoo.Masking(0.5), zoo.SaltAndPepper(0.2)]).sample(x, seed=0)
    assert abs((both == 0).mean() - (0.5 * 0.8 + 0.1)) < 0.01
    assert abs((both == 1).mean() - 0.1) < 0.01


def test_a_composition_may_hold_another_one():
    x = np.full((50, 4, 4, 1), 0.5, "float32")
    inner = zoo.Composition([zoo.GaussianNoise(0.1), zoo.Masking(0.5)])
    both = zoo.Composition([inner, zoo.GaussianNoise(0.1)])
    noisy = both.sample(x, seed=0)
    np.testing.assert_array_equal(noisy, both.sample(x, seed=0))
    assert not np.array_equal(noisy, both.sample(x, seed=1))
    assert 0.2 < np.mean(np.abs(noisy - 0.5) > 0.25) < 0.6


def test_a_translation_moves_the_whole_image_as_far_as_it_says():
    x = np.random.default_rng(0).random((400, 5, 7, 2)).astype("float32")
    moved = zoo.Translation(2).sample(x, seed=0)
    padded = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    found = np.zeros((5, 5), int)
    for image, candidates in zip(moved, padded, strict=True):
        places = [
            (top, left)
            for top in range(5)
            for left in range(5)
            if np.array_equal(candidates[top : top + 5, left : left + 7], image)
        ]
        assert len(places) == 1
        found[places[0]] += 1
    assert stats.chisquare(found.ravel()).pvalue > 1e-3
    np.testing.assert_array_equal(zoo.Translation(0).sample(x, seed=0), x)


def seeds():
    return keras.random.SeedGenerator(5)


def test_corruptions_in_a_step_are_seeded_and_like_those_of_arrays():
    x = ops.convert_to_tensor(np.full((100, 28, 28, 1), 0.4, "float32"))
    drawn, again = (array(zoo.Masking(0.25).draw(x, seeds())) for _ in range(2))
    np.testing.assert_array_equal(drawn, again)
    assert abs((drawn == 0).mean() - 0.25) < 0.01
    blank = array(zoo.Composition([zoo.SaltAndPepper(1.0), zoo.Masking(1.0)]).draw(x, seeds()))
    assert (blank == 0).all()
    spoiled = array(zoo.Composition([zoo.Masking(1.0), zoo.SaltAndPepper(1.0)]).draw(x, seeds()))
    assert set(np.unique(spoiled)) == {0, 1}
    moved = array(zoo.Translation(1).draw(x, seeds()))
    (still,) = np.unique(moved[:, 1:-1, 1:-1])
    assert still == np.float32(0.4)
    for edge in (moved[:, 0], moved[:, -1], moved[:, :, 0], moved[:, :, -1]):
        came_in = (edge == 0).all(axis=(1, 2)).mean()
        assert abs(came_in - 1 / 3) < 0.15  # of 100 images, 0.047 is a standard deviation
    array_draw = zoo.Masking(0.25).sample(array(x), seed=5)
    np.testing.assert_array_equal(array_draw, zoo.Masking(0.25).sample(array(x), seed=5))


def test_nothing_is_corrupted_outside_of_training():
    model = zoo.DenoisingAutoencoder((4, 4, 1), 3, hidden_units=(8,), corruption={"masking": 1.0})
    plain = -array(
        model.likelihood.log_prob(ops.convert_to_tensor(X), model.decoder(model.encoder(X)))
    )
    np.testing.assert_allclose(terms(model, X)["reconstruction"], plain, rtol=1e-5)
    blank = model.decoder(model.encoder(np.zeros_like(X)))
    blank = -array(model.likelihood.log_prob(ops.convert_to_tensor(X), blank))
    np.testing.assert_allclose(terms(model, X, True)["reconstruction"], blank, rtol=1e-5)


def test_the_loss_is_the_mean_over_the_samples():
    options = {"hidden_units": (8,), "corruption": zoo.Masking(0.5), "seed": 0}
    single, averaged = (
        zoo.DenoisingAutoencoder((4, 4, 1), 3, num_corruptions=n, **options) for n in (1, 400)
    )
    one = terms(single, np.tile(X, (400, 1, 1, 1)), True)["reconstruction"].reshape(400, -1)
    many = terms(averaged, X, True)["reconstruction"]
    spread = np.std(one, axis=0) * np.sqrt(2 / 400)
    assert (abs(many - np.mean(one, axis=0)) < 5 * spread + 1e-4).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: zoo.Masking(1.5), "from 0 to 1"),
        (lambda: zoo.SaltAndPepper(-0.1), "from 0 to 1"),
        (lambda: zoo.GaussianNoise(-1.0), "at least 0"),
        (lambda: zoo.Composition([]), "at least one"),
        (lambda: zoo.Translation(0.5), r"Translation\(0.5\): give a whole number"),
        (lambda: zoo.Translation(-1), "0 or more"),
        (lambda: zoo.Translation("far"), r"Translation\('far'\): give a whole number"),
        (lambda: zoo.Translation(float("nan")), r"Translation\(nan\): give a whole number"),
        (lambda: zoo.Masking("much"), r"Masking\('much'\): the level"),
        (lambda: zoo.GaussianNoise(None), "stddev is None; Gaussian"),
        (lambda: zoo.Translation(1).sample(np.zeros((3, 4))), r"these have the shape \(3, 4\)"),
        (lambda: corruption.get({"mask": 0.1}), r"'mask'; did you mean 'masking'\? There are"),
        (lambda: zoo.DenoisingAutoencoder((4, 4, 1), 3, num_corruptions=0), "num_corruptions is 0"),
    ],
)
def test_impossible_corruptions_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_something_else_than_a_corruption_is_refused():
    with pytest.raises(TypeError, match="zoo.Masking"):
        zoo.DenoisingAutoencoder((4, 4, 1), 3, corruption=0.25)


# Linear, tied, penalized


@longer
@pytest.mark.compiled
def test_a_linear_autoencoder_finds_the_subspace_of_pca():
    (x, _), (x_test, _) = zoo.data.load("digits")
    pca = PCA(4).fit(x.reshape(len(x), -1))
    model = zoo.Autoencoder((8, 8, 1), 4, hidden_units=(), likelihood="squared_error")
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-2, 4520)))
    model.fit(np.tile(x, (10, 1, 1, 1)), batch_size=128, epochs=40, verbose=0)
    decoder = array(model.decoder.get_layer("pixels").kernel)
    assert np.max(subspace_angles(decoder.T, pca.components_.T)) < 0.1
    flat = x_test.reshape(len(x_test), -1)
    best = np.sum((flat - pca.inverse_transform(pca.transform(flat))) ** 2) / len(flat)
    got = np.sum((x_test - model.reconstruct(x_test)) ** 2) / len(x_test)
    assert got < 1.01 * best


def test_tied_kernels_are_one_variable_and_its_transpose():
    model = randomized(
        zoo.Autoencoder((4, 4, 1), 3, hidden_units=(6,), tie_weights=True, code_activation="tanh"),
        0.3,
    )
    assert sum(v.name == "kernel" for v in model.trainable_variables) == 2
    weight = {
        layer.name: array(layer.kernel)
        for layer in model.encoder.layers
        if hasattr(layer, "kernel")
    }
    bias = {
        layer.name: array(layer.bias) for layer in model.decoder.layers if hasattr(layer, "bias")
    }
    z = generator.standard_normal((5, 3)).astype("float32")
    hidden = np.maximum(z @ weight["z"].T + bias["dense_0"], 0)
    logits = hidden @ weight["dense_0"].T + bias["pixels"]
    expected = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(model.decode(z).reshape(5, 16), expected, rtol=1e-4, atol=1e-6)


def test_tied_weights_are_refused_if_they_do_not_fit():
    for make in (
        lambda: zoo.Autoencoder((4, 4, 1), 3, filters=(2,), tie_weights=True),
        lambda: zoo.VAE((4, 4, 1), 3, tie_weights=True),
        lambda: zoo.CVAE((4, 4, 1), 3, num_classes=2, tie_weights=True),
    ):
        with pytest.raises((TypeError, ValueError), match="tie_weights"):
            make()


def test_penalties_are_norms_of_the_kernels_and_of_no_bias():
    model = randomized(
        zoo.Autoencoder((4, 4, 1), 3, hidden_units=(6,), tie_weights=True, l1=0.5, l2=0.25)
    )
    kernels = [array(v) for v in model.trainable_variables if v.name == "kernel"]
    assert len(kernels) == 2
    got = terms(model, X)
    np.testing.assert_allclose(got["l1"], sum(np.abs(k).sum() for k in kernels), rtol=1e-5)
    np.testing.assert_allclose(got["l2"], sum((k**2).sum() for k in kernels), rtol=1e-5)
    model.compile(jit_compile=BACKEND == "jax")
    logs = model.evaluate(X, verbose=0, return_dict=True)
    expected = logs["reconstruction"] + 0.5 * logs["l1"] + 0.25 * logs["l2"]
    np.testing.assert_allclose(logs["loss"], expected, rtol=1e-5)
    with pytest.raises(ValueError, match="l2 is -1"):
        zoo.Autoencoder((4, 4, 1), 3, l2=-1)
