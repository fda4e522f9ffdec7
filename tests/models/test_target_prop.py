"""Energies of latent variables, and target propagation, against closed forms."""

import keras
import numpy as np
import pytest
from keras import ops
from support.each_class import longer
from support.tiny import BACKEND, array, randomized

import zoo

pytestmark = pytest.mark.backend

generator = np.random.default_rng(0)


def test_a_soft_minimum_lies_between_the_mean_and_the_minimum():
    from zoo.nn import energies

    values = generator.random((3, 50))
    hard, mean = values.min(1), values.mean(1)
    np.testing.assert_array_equal(energies.free_energy(values), hard)
    np.testing.assert_allclose(energies.free_energy(values, 1e5), hard, atol=1e-3)
    np.testing.assert_allclose(energies.free_energy(values, 1e-6), mean, atol=1e-6)
    beta = 7.0
    expected = -np.log(np.mean(np.exp(-beta * values), axis=1)) / beta
    np.testing.assert_allclose(energies.free_energy(values, beta), expected, rtol=1e-10)
    with pytest.raises(ValueError, match="beta is 0"):
        energies.free_energy(values, 0)


def test_the_ellipses_free_energy_is_the_squared_distance_to_it():
    from scipy.optimize import minimize_scalar

    from zoo.nn import energies

    y = np.array([1.3, 0.4])
    best = min(
        minimize_scalar(
            lambda z: np.sum((y - energies.ellipse(z, 2.0, 1.0)) ** 2),
            bounds=(start, start + 1.6),
            method="bounded",
        ).fun
        for start in np.arange(0, 2 * np.pi, 0.8)
    )
    got = energies.free_energy(energies.ellipse_energies(y, 2.0, 1.0, codes=20000))
    np.testing.assert_allclose(got, best, rtol=1e-5)


def test_a_target_is_where_gradient_descent_by_hand_ends():
    """A linear decoder and the squared error: the descent has a closed recursion."""
    model = randomized(
        zoo.TargetPropAutoencoder(
            (5,),
            2,
            hidden_units=(),
            likelihood="squared_error",
            iterations=7,
            rate=0.03,
            proximity=0.5,
            regularizer=0.1,
        )
    )
    x = generator.random((4, 5)).astype("float32")
    start = model.encode(x)
    layer = model.decoder.get_layer("pixels")
    kernel, bias = array(layer.kernel), array(layer.bias)
    z = start.astype("float64")
    for _ in range(7):
        gradient = 2 * (z @ kernel + bias - x) @ kernel.T + 2 * 0.1 * z + 2 * 0.5 * (z - start)
        z = z - 0.03 * gradient
    got = array(model.descend(ops.convert_to_tensor(x), ops.convert_to_tensor(start)))
    np.testing.assert_allclose(got, z, rtol=1e-4, atol=1e-5)


def test_draws_at_a_temperature_have_the_moments_of_langevin_dynamics():
    """A linear decoder and the squared error: the noisy descent is a linear recursion, too."""
    beta, rate, steps, n = 3.0, 0.02, 12, 4000
    model = randomized(
        zoo.TargetPropAutoencoder(
            (5,),
            2,
            hidden_units=(),
            likelihood="squared_error",
            iterations=steps,
            rate=rate,
            regularizer=0.1,
            beta=beta,
        )
    )
    x, start = generator.random(5), np.array([0.3, -0.2])
    layer = model.decoder.get_layer("pixels")
    kernel, bias = (array(v).astype("float64") for v in (layer.kernel, layer.bias))
    hessian = 2 * (kernel @ kernel.T + 0.1 * np.eye(2))
    lowest = np.linalg.solve(hessian, 2 * kernel @ (x - bias))
    kept = np.eye(2) - rate * hessian
    mean, covariance = start, np.zeros((2, 2))
    for _ in range(steps):
        mean = lowest + kept @ (mean - lowest)
        covariance = kept @ covariance @ kept + 2 * rate / beta * np.eye(2)
    copies = (np.tile(a, (n, 1)).astype("float32") for a in (x, start))
    z = array(model.descend(*map(ops.convert_to_tensor, copies), proximity=0.0, beta=beta))
    np.testing.assert_allclose(z.mean(0), mean, atol=5 * np.sqrt(covariance.max() / n))
    np.testing.assert_allclose(np.cov(z.T), covariance, atol=0.1 * covariance.max())


def test_evaluation_adds_no_noise():
    model = zoo.TargetPropAutoencoder((5,), 2, hidden_units=(), beta=0.1)
    model.compile("adam")
    x = generator.random((8, 5)).astype("float32")
    assert model.evaluate(x, verbose=0) == model.evaluate(x, verbose=0)
    np.testing.assert_array_equal(model.refine(x), model.refine(x))


def test_each_update_of_target_propagation_changes_its_own_network():
    x = generator.random((32, 4, 4, 1)).astype("float32")
    for frozen, learning in (("encoder", "decoder"), ("decoder", "encoder")):
        model = zoo.TargetPropAutoencoder((4, 4, 1), 2, hidden_units=(8,))
        still, free = (keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.01))
        model.compile(
            {
                "reconstruction": still if frozen == "decoder" else free,
                "prediction": still if frozen == "encoder" else free,
            },
            jit_compile=BACKEND == "jax",
        )
        before = {name: getattr(model, name).get_weights() for name in (frozen, learning)}
        model.fit(x, verbose=0)
        for old, new in zip(before[frozen], getattr(model, frozen).get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
        assert not np.array_equal(before[learning][0], getattr(model, learning).get_weights()[0])


@longer
def test_refining_a_code_lowers_its_energy():
    (x, _), _ = zoo.data.load("digits")
    model = zoo.TargetPropAutoencoder((8, 8, 1), 4, hidden_units=(32,))
    model.compile(jit_compile=BACKEND == "jax")
    model.fit(x[:512], epochs=5, verbose=0)
    some = ops.convert_to_tensor(x[:50])
    at_the_encoders_code = array(model.energy(some, ops.convert_to_tensor(model.encode(x[:50]))))
    once, often = (model.free_energy(x[:50], rounds=rounds) for rounds in (1, 5))
    assert (once <= at_the_encoders_code + 1e-4).all()
    assert often.mean() < once.mean() < at_the_encoders_code.mean()
    with pytest.raises(ValueError, match="iterations is 0"):
        zoo.TargetPropAutoencoder((8, 8, 1), 4, iterations=0)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="export reads TF graphs")
def test_an_exported_energy_is_that_of_the_formula(tmp_path):
    import export

    model = zoo.TargetPropAutoencoder((4, 4, 1), 3, hidden_units=(8,), regularizer=0.3)
    export.export_model(model, tmp_path / "out", formats=("onnx",), parts=("energy", "decoder"))
    generator = np.random.default_rng(0)
    x = generator.random((5, 4, 4, 1), np.float32)
    z = generator.normal(size=(5, 3)).astype(np.float32)
    p = export.load(tmp_path / "out" / "decoder")(z=z)["x"].astype(float)
    cost = -np.sum(x * np.log(p) + (1 - x) * np.log(1 - p), axis=(1, 2, 3))
    expected = cost + 0.3 * np.sum(z**2, axis=1)
    got = export.load(tmp_path / "out" / "energy")(x=x, z=z)["energy"]
    np.testing.assert_allclose(got, expected, rtol=1e-4)
