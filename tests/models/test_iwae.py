"""The importance-weighted autoencoder's two estimators of the gradient."""

import keras
import numpy as np
import pytest
from keras import ops
from support.tiny import X, randomized

import zoo
from zoo.models.base import Batch

pytestmark = pytest.mark.backend
REPEATED = 400  # draws of the codes of every image, in one batch


def gradients(model, x):
    """Return the gradients of the mean loss by all weights, as one array."""
    kept = [ops.convert_to_numpy(v) for v in model.trainable_variables]
    model.compile(keras.optimizers.SGD(1.0))
    model.train_on_batch(x)
    found = [
        a - ops.convert_to_numpy(v) for a, v in zip(kept, model.trainable_variables, strict=True)
    ]
    for variable, value in zip(model.trainable_variables, kept, strict=True):
        variable.assign(value)
    return np.concatenate([f.ravel() for f in found])


def both(samples=5, **options):
    """Return two equal models with different estimators of the gradient."""
    models = [
        randomized(
            zoo.IWAE(
                (4, 4, 1), 2, samples=samples, hidden_units=(5,), estimator=name, seed=1, **options
            )
        )
        for name in ("reparameterized", "doubly_reparameterized")
    ]
    return models


@pytest.mark.slow
def test_both_estimators_have_the_same_mean_and_the_second_less_noise():
    """Over 40 gradients of 400 draws each; of the encoder's weights and of the decoder's."""
    x = np.repeat(X[:1].round(), REPEATED, axis=0)
    found = [np.stack([gradients(model, x) for _ in range(40)]) for model in both(samples=8)]
    means = [f.mean(axis=0) for f in found]
    errors = np.sqrt(sum(f.var(axis=0, ddof=1) / len(f) for f in found))
    assert (np.abs(means[0] - means[1]) < 5 * errors + 1e-6).all()
    model = both()[0]
    sizes = [int(np.prod(v.shape)) for v in model.encoder.trainable_variables]
    encoder = slice(0, sum(sizes))  # its variables come first
    first = [id(v) for v in model.trainable_variables[: len(sizes)]]
    assert first == [id(v) for v in model.encoder.trainable_variables]
    noise = [f[:, encoder].var(axis=0).sum() for f in found]
    assert noise[1] < 0.7 * noise[0]


def test_a_doubly_reparameterized_loss_has_the_bounds_value():
    models = both()
    losses = []
    for model in models:
        keras.utils.set_random_seed(0)
        model.seed_generator.state.assign(keras.random.SeedGenerator(5).state)
        losses.append(ops.convert_to_numpy(model.losses(Batch(X), training=True).terms[0]))
    np.testing.assert_allclose(*losses, rtol=1e-5)


@pytest.mark.parametrize("samples", [1, 4])
def test_the_second_has_no_noise_where_q_is_the_posterior(samples):
    """Weights of 0 make q and the prior equal, and images independent of codes: ln w is constant.

    So the encoder's gradient is exactly 0, while the plain estimator has the noise of the score.
    """
    x = X[:3].round()
    found = []
    for model in both(samples=samples):
        model.set_weights(
            [np.zeros_like(w) if w.dtype.kind == "f" else w for w in model.get_weights()]
        )
        size = sum(int(np.prod(v.shape)) for v in model.encoder.trainable_variables)
        found.append(gradients(model, x)[:size])
    assert np.abs(found[0]).max() > 0.01
    np.testing.assert_allclose(found[1], 0, atol=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="reads the program of JAX")
def test_jax_decodes_once_for_both_gradients():
    """Both estimators need as many products of matrices."""
    import jax

    def compiled(model):
        variables = model.trainable_variables

        def loss(values):
            with keras.StatelessScope(zip(variables, values, strict=True)):
                return ops.mean(model.losses(Batch(X), training=True).terms[0])

        values = [variable.value for variable in variables]
        return jax.jit(jax.grad(loss)).lower(values).compile().as_text()

    first, second = (compiled(model).count(" dot(") for model in both())
    assert first == second > 5


def test_an_unknown_estimator_is_refused():
    with pytest.raises(ValueError, match="choose 'reparameterized' or 'doubly_reparameterized'"):
        zoo.IWAE((4, 4, 1), 2, estimator="double")
