"""The binary autoencoder: its loss by its formula, its bits, and stacks of Boltzmann machines."""

import keras
import numpy as np
import pytest
from keras import ops
from support.each_class import longer
from support.tiny import array

import zoo
from zoo.models.binary import bits

pytestmark = pytest.mark.backend
X = np.random.default_rng(0).random((64, 8, 8, 1)).astype("float32")


def made(**options):
    options = {"balance": 0.0, **options}
    return zoo.BinaryAutoencoder((8, 8, 1), 6, hidden_units=(16,), seed=1, **options)


def bernoulli(x, logits):
    return (np.logaddexp(0, logits) - x * logits).reshape(len(x), -1).sum(axis=1)


def test_codes_are_the_signs_of_the_logits():
    model = made()
    logits = array(model.encoder(ops.convert_to_tensor(X)))
    np.testing.assert_array_equal(model.encode(X), (logits > 0).astype("float32"))
    np.testing.assert_allclose(model.bit_probabilities(X), 1 / (1 + np.exp(-logits)), rtol=1e-5)
    assert model.has_bits
    assert not zoo.Autoencoder((8, 8, 1), 2).has_bits


def test_evaluation_uses_the_bits():
    model = made()
    model.compile("adam")
    decoded = array(model.decoder(ops.convert_to_tensor(model.encode(X))))
    expected = bernoulli(X.astype("float64"), decoded.astype("float64")).mean()
    np.testing.assert_allclose(model.evaluate(X, verbose=0), expected, rtol=1e-5)


def test_training_sees_noise_before_the_sigmoid():
    model = made(binarization="noise", noise=3.0)
    logits = ops.convert_to_tensor(np.full((4000, 6), 1.5, "float32"))
    z = array(model.binarized(logits)).astype("float64")
    a = np.log(z / (1 - z))
    inside = np.abs(a) < 14  # float32 rounds further sigmoids to 0 or 1
    assert inside.mean() > 0.99
    np.testing.assert_allclose([a[inside].mean(), a[inside].std()], [1.5, 3.0], rtol=0.05)


def test_rounding_gives_bits_whose_gradient_is_that_of_the_sigmoid():
    model = made(binarization="rounding")
    logits = np.array([[-2.0, -0.1, 0.0, 0.1, 2.0, 5.0]], "float32")
    z = array(model.binarized(ops.convert_to_tensor(logits)))
    np.testing.assert_allclose(z, [[0, 0, 0, 1, 1, 1]], atol=1e-6)
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    variable = tf.Variable(logits)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(model.binarized(variable))
    sigmoid = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(tape.gradient(total, variable), sigmoid * (1 - sigmoid), rtol=1e-5)


def test_the_penalty_is_the_divergence_of_each_bit_from_a_fair_coin():
    model = made(balance=3.0)
    model.compile("adam")
    logs = model.evaluate(X, batch_size=len(X), verbose=0, return_dict=True)
    m = model.bit_probabilities(X).astype("float64").mean(axis=0)
    expected = (0.5 * np.log(0.5 / m) + 0.5 * np.log(0.5 / (1 - m))).sum()
    np.testing.assert_allclose(logs["imbalance"], expected, rtol=1e-4)
    np.testing.assert_allclose(logs["loss"], logs["reconstruction"] + 3 * expected, rtol=1e-5)


def test_a_corruption_is_for_training_alone():
    model = made(corruption={"masking": 0.5})
    seen = array(model.seen(ops.convert_to_tensor(X)))
    assert 0.4 < (seen == 0).mean() < 0.6
    np.testing.assert_array_equal(model.encode(X), array(bits(model.encoder(X))))
    model.compile("adam")
    with pytest.raises(ValueError, match="corruption=None"):
        model.fit(X, X[::-1], verbose=0)


@longer
@pytest.mark.parametrize("binarization", ["noise", "rounding"])
def test_bits_learn_to_reconstruct(binarization):
    (x, _), (x_test, _) = zoo.data.load("digits")
    model = zoo.BinaryAutoencoder(
        (8, 8, 1), 24, hidden_units=(64,), noise=1.0, binarization=binarization, seed=1
    )
    model.compile(keras.optimizers.Adam(3e-3))
    model.fit(x, epochs=20, verbose=0)
    codes = model.encode(x_test)
    mean = zoo.metrics.squared_error(np.broadcast_to(x.mean(axis=0), x_test.shape), x_test)
    assert zoo.metrics.reconstruction_error(model, x_test) < 0.6 * mean
    assert ((codes == codes[:1]).all(axis=0)).sum() <= 2


def test_boltzmann_machines_start_it():
    model = zoo.BinaryAutoencoder((8, 8, 1), 6, hidden_units=(16,), activation="sigmoid", seed=1)
    layers = zoo.pretrain(model, X, zoo.RBM, epochs=1, verbose=0)
    assert [type(layer) for layer in layers] == [zoo.RBM, zoo.RBM]
    assert layers[1].code_activation == "sigmoid"
    last = layers[1].encoder.get_layer("z").get_weights()
    for one, other in zip(last, model.encoder.get_layer("z").get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_counts_are_standardized_for_boltzmann_machines():
    counts = np.random.default_rng(0).poisson(1.0, (40, 12)).astype("float32")
    model = zoo.BinaryAutoencoder(
        (12,),
        4,
        hidden_units=(8,),
        activation="sigmoid",
        seed=1,
        likelihood=zoo.Multinomial.adapted(counts),
    )
    first, _ = zoo.pretrain(model, counts, zoo.RBM, epochs=1, verbose=0)
    inside = keras.Model(model.encoder.input, model.encoder.layers[2].output)
    np.testing.assert_allclose(
        array(inside(ops.convert_to_tensor(counts))),
        first.encode(np.asarray(model.likelihood.standardized(counts), "float32")),
        atol=1e-3,
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"binarization": "sign"}, "choose 'rounding' or 'noise'"),
        ({"noise": -1.0}, "noise"),
        ({"corruption": {"masking": 2.0}}, ""),
    ],
)
def test_wrong_settings_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        made(**options)


def test_an_encoder_that_gives_no_logits_is_refused():
    layers = keras.layers
    decoder = keras.Sequential([layers.Dense(64), layers.Reshape((8, 8, 1))])
    for activation, right in (("sigmoid", False), ("relu", False), (None, True)):
        encoder = keras.Sequential([layers.Flatten(), layers.Dense(6, activation)])
        options = {"input_shape": (8, 8, 1), "encoder": encoder, "decoder": decoder}
        if right:
            assert zoo.BinaryAutoencoder(**options).latent_dim == 6
            continue
        with pytest.raises(ValueError, match="must give the logits of bits"):
            zoo.BinaryAutoencoder(**options)
