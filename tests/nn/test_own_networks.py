"""Networks of a user's own: sequential, subclassed, with codes of any shape."""

import inspect

import keras
import numpy as np
import pytest
from keras import layers, ops
from support.each_class import longer
from support.own_networks import (
    SHAPE,
    Decoder,
    Encoder,
    dense_decoder,
    dense_encoder,
    fitted,
)
from support.tiny import BACKEND, X, array, randomized

import zoo
from zoo.nn import network_properties

pytestmark = pytest.mark.backend


def called(network, *shape):
    network(np.zeros((5, *shape), "float32"))
    return network


def with_lists(network):
    return keras.Model(network.inputs, network.outputs)


GIVEN = {
    "sequential with inputs": (
        lambda: (dense_encoder(keras.Input(SHAPE)), dense_decoder(keras.Input((3,)))),
        {},
    ),
    "sequential, built": (
        lambda: (called(dense_encoder(), *SHAPE), called(dense_decoder(), 3)),
        {},
    ),
    "sequential, not built": (
        lambda: (dense_encoder(), dense_decoder()),
        {"input_shape": SHAPE},
    ),
    "sequential, not built, all sizes given": (
        lambda: (dense_encoder(), dense_decoder()),
        {"input_shape": SHAPE, "latent_dim": 3},
    ),
    "lists of one": (
        lambda: (
            with_lists(dense_encoder(keras.Input(SHAPE))),
            with_lists(dense_decoder(keras.Input((3,)))),
        ),
        {},
    ),
    "subclassed": (
        lambda: (Encoder(), Decoder()),
        {"input_shape": SHAPE, "latent_dim": 3},
    ),
    "subclassed, called": (
        lambda: (called(Encoder(), *SHAPE), called(Decoder(), 3)),
        {"input_shape": SHAPE, "latent_dim": 3},
    ),
    "layers": (
        lambda: (
            keras.Sequential([layers.Flatten(), layers.Dense(3)]),
            layers.EinsumDense("bz,zhwc->bhwc", SHAPE),
        ),
        {"input_shape": SHAPE},
    ),
    "a code of three axes": (
        lambda: (
            keras.Sequential([keras.Input(SHAPE), layers.Conv2D(2, 3, 2, "same")]),
            keras.Sequential([keras.Input((2, 2, 2)), layers.Conv2DTranspose(1, 3, 2, "same")]),
        ),
        {},
    ),
}
CODES = {"a code of three axes": (2, 2, 2)}


def made(kind, cls=zoo.Autoencoder, **options):
    make, sizes = GIVEN[kind]
    encoder, decoder = make()
    return cls(encoder=encoder, decoder=decoder, **sizes, **options), encoder, decoder


@longer
@pytest.mark.parametrize("kind", GIVEN)
def test_networks_of_every_kind_are_trained_and_share_their_weights(kind):
    model, encoder, decoder = made(kind)
    before = [array(w) for w in encoder.weights]
    z = fitted(model).encode(X)
    assert z.shape == (12, *CODES.get(kind, (3,)))
    assert model.decode(z).shape == X.shape
    np.testing.assert_allclose(z, array(encoder(X)), atol=1e-6)
    np.testing.assert_allclose(model.decode(z), array(ops.sigmoid(decoder(z))), atol=1e-6)
    moved = [np.abs(old - array(w)).max() for old, w in zip(before, encoder.weights, strict=True)]
    assert min(moved) > 0


@pytest.mark.parametrize("kind", GIVEN)
def test_own_networks_are_loaded_from_files(kind, tmp_path):
    model = randomized(made(kind)[0])
    model.save(tmp_path / "model.keras")
    zoo.save(model, tmp_path / "preset")
    for loaded in (
        keras.saving.load_model(tmp_path / "model.keras"),
        zoo.load(tmp_path / "preset", custom_objects={"Encoder": Encoder, "Decoder": Decoder}),
        zoo.load(
            tmp_path / "preset",
            custom_objects={"tests>Encoder": Encoder, "tests>Decoder": Decoder},
        ),
    ):
        assert loaded.code_shape == model.code_shape
        np.testing.assert_allclose(loaded.encode(X), model.encode(X), atol=1e-6)
        np.testing.assert_allclose(loaded.reconstruct(X), model.reconstruct(X), atol=1e-6)


def test_a_preset_of_subclassed_networks_asks_for_their_classes(tmp_path):
    zoo.save(made("subclassed")[0], tmp_path / "preset")
    with pytest.raises(ValueError, match="If it is your own class, pass custom_objects="):
        zoo.load(tmp_path / "preset")


@pytest.mark.skipif(BACKEND != "tensorflow", reason="exports are traced by TensorFlow")
@pytest.mark.parametrize("kind", ["sequential, not built", "subclassed", "a code of three axes"])
def test_own_networks_are_exported(kind, tmp_path):
    import export

    model = randomized(made(kind)[0])
    report = export.export_model(model, tmp_path / "out", formats=("onnx",))
    assert all(part["passed"] for part in report.values())
    z = export.load(tmp_path / "out" / "encoder")(x=X)["z"]
    np.testing.assert_allclose(z, model.encode(X), atol=1e-5)
    images = export.load(tmp_path / "out" / "decoder")(z=z)["x"]
    np.testing.assert_allclose(images, model.decode(z), atol=1e-5)


# Codes of any shape


def convolutional_vae(cls=zoo.VAE, **options):
    x, z = keras.Input(SHAPE), keras.Input((2, 2, 2))
    heads = {n: layers.Conv2D(2, 3, 2, "same")(x) for n in ("z_mean", "z_log_var")}
    decoded = layers.Conv2DTranspose(1, 3, 2, "same")(z)
    return cls(encoder=keras.Model(x, heads), decoder=keras.Model(z, decoded), **options)


def test_a_variational_model_samples_codes_of_the_networks_shape():
    model = fitted(convolutional_vae(seed=1))
    assert (model.latent_dim, model.code_shape) == (8, (2, 2, 2))
    drawn = model.encode(X, sample=True, seed=0)
    assert drawn.shape == (12, 2, 2, 2)
    np.testing.assert_array_equal(model.decode(drawn), model.decode(drawn.reshape(12, 8)))
    assert model.generate(3, seed=0).shape == (3, *SHAPE)
    assert [part.shape for part in model.kl_and_log_prob(X, drawn)] == [(12,), (12,)]
    assert [w.shape for w in type(model).from_config(model.get_config()).weights] == [
        w.shape for w in model.weights
    ]


@pytest.mark.skipif(BACKEND != "tensorflow", reason="exports are traced by TensorFlow")
def test_exported_codes_have_the_networks_shape(tmp_path):
    import export

    model = convolutional_vae(seed=1)
    export.export_model(randomized(model), tmp_path / "out", formats=("onnx",))
    decoder = export.load(tmp_path / "out" / "decoder")
    z = np.random.default_rng(0).standard_normal((3, 2, 2, 2), np.float32)
    np.testing.assert_allclose(decoder(z=z)["x"], model.decode(z), atol=1e-5)


def test_an_adversarial_model_takes_codes_of_any_shape():
    encoder, decoder = GIVEN["a code of three axes"][0]()
    discriminator = keras.Sequential([layers.Dense(4, "relu"), layers.Dense(1)])
    model = zoo.AAE(encoder=encoder, decoder=decoder, discriminator=discriminator)
    assert fitted(model).encode(X).shape == (12, 2, 2, 2)
    z = ops.convert_to_tensor(model.encode(X))
    logit = model.parts()["discriminator"].function({"z": z})["logit"]
    np.testing.assert_allclose(
        array(logit), array(discriminator(ops.reshape(z, (12, 8)))), atol=1e-5
    )


def test_codes_of_other_shapes_than_the_networks_are_refused():
    model = made("a code of three axes")[0]
    with pytest.raises(ValueError, match=r"shape \(12, 2, 4\); codes have shape \(n, 2, 2, 2\)"):
        model.decode(np.zeros((12, 2, 4)))


def test_a_prior_of_vectors_is_refused_for_other_codes():
    mixture = zoo.GaussianMixture(np.eye(8)[:2])
    with pytest.raises(
        ValueError, match=r"gives vectors, but the codes have the shape \(2, 2, 2\)"
    ):
        convolutional_vae(prior=mixture)


def test_described_networks_have_codes_of_one_length():
    with pytest.raises(TypeError, match=r"latent_dim is \(4, 4, 4\); networks built from settings"):
        zoo.VAE((28, 28, 1), (4, 4, 4))


# What cannot be taken


@pytest.mark.parametrize(
    ("encoder", "decoder", "error", "says"),
    [
        (
            lambda x: x,
            dense_decoder(),
            TypeError,
            r"give a Keras model or layer.*x = keras.Input\(\(4, 4, 1\), name=\"x\"\)\n"
            r"    encoder = keras.Model\(x, encoder\(x\)\)",
        ),
        (
            dense_encoder(),
            "decoder",
            TypeError,
            r"decoder= is 'decoder'.*z = keras.Input\(\(3,\), name=\"z\"\)\n"
            r"    decoder = keras.Model\(z, decoder\(z\)\)",
        ),
        (
            dense_encoder(),
            keras.Sequential([layers.Reshape((5, 5))]),
            ValueError,
            r"The decoder, a Sequential, cannot be called on z of shape \(None, 3\)",
        ),
    ],
)
def test_the_error_for_other_networks_has_the_code_to_wrap_them(encoder, decoder, error, says):
    with pytest.raises(error, match=f"(?s){says}"):
        zoo.Autoencoder(input_shape=SHAPE, encoder=encoder, decoder=decoder)


def test_codes_that_do_not_fit_the_decoder_are_refused_as_the_networks_have_them():
    encoder, decoder = GIVEN["a code of three axes"][0]()
    with pytest.raises(ValueError, match=r"must have one shape; .* \(2, 2, 2\) and \(3,\)"):
        zoo.Autoencoder(encoder=encoder, decoder=dense_decoder(keras.Input((3,))))
    with pytest.raises(ValueError, match=r"must have one shape; .* \(2, 2, 2\) and \(3,\)"):
        zoo.Autoencoder(encoder=dense_encoder(keras.Input(SHAPE)), decoder=decoder)


def test_the_error_for_unknown_sizes_asks_for_them():
    with pytest.raises(
        ValueError, match="does not state the shape of its input. Give input_shape="
    ):
        zoo.Autoencoder(encoder=Encoder(), decoder=Decoder())
    sizes = {"input_shape": (None, None, 1)}
    with pytest.raises((TypeError, ValueError), match=r"input_shape\[0\] is None"):
        zoo.Autoencoder(encoder=Encoder(), decoder=Decoder(), **sizes)


def test_an_encoder_of_images_of_any_size_takes_the_one_that_is_given():
    x = keras.Input((None, None, 1))
    encoder = keras.Model(x, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))
    model = zoo.Autoencoder(input_shape=SHAPE, encoder=encoder, decoder=dense_decoder())
    assert model.encode(X).shape == (12, 3)


class Moments(keras.Model):
    """An encoder as in many tutorials, which gives a list of moments and a draw."""

    def __init__(self):
        super().__init__()
        self.flat, self.mean, self.log_var = layers.Flatten(), layers.Dense(3), layers.Dense(3)

    def call(self, x):
        x = self.flat(x)
        return [self.mean(x), self.log_var(x), self.mean(x)]


def by_the_lines(error, **names):
    """Run the two lines of code in an error, and return what they make of the encoder."""
    lines = str(error.value).split("\n\n")[1]
    names["keras"] = keras
    exec(inspect.cleandoc(lines), names)
    return names["encoder"]


@pytest.mark.parametrize("kind", ["functional", "subclassed"])
def test_the_error_for_a_list_of_outputs_has_the_code_to_choose_one(kind):
    encoder, decoder, x = Moments(), dense_decoder(keras.Input((3,))), keras.Input(SHAPE)
    if kind == "functional":
        encoder = keras.Model(x, encoder(x))
    for cls, heads in ((zoo.VAE, 2), (zoo.Autoencoder, 1)):
        with pytest.raises(ValueError, match="come first in a list|To use the first one") as e:
            cls(input_shape=SHAPE, encoder=encoder, decoder=decoder)
        model = cls(encoder=by_the_lines(e, encoder=encoder), decoder=decoder)
        assert (len(model.encoder_outputs), model.latent_dim) == (heads, 3)


def test_a_single_convolution_is_found_under_a_removed_sigmoid():
    decoder = keras.Sequential(
        [keras.Input((2, 2, 2)), layers.Conv2DTranspose(1, 3, 2, "same", activation="sigmoid")]
    )
    encoder = GIVEN["a code of three axes"][0]()[0]
    model = zoo.Autoencoder(encoder=encoder, decoder=decoder)
    assert network_properties.is_convolutional(model.decoder)


def test_the_error_for_a_sequential_decoder_of_a_conditional_model_has_the_code_to_wrap_it():
    lines = (
        r"z, label = .*\n    decoder = keras.Model\(\{\"z\": z, \"label\": label\}, decoder\(keras"
    )
    with pytest.raises(ValueError, match=f"with label in a dict(?s:.*){lines}"):
        zoo.SupervisedAAE(
            num_classes=3,
            encoder=dense_encoder(keras.Input(SHAPE)),
            decoder=dense_decoder(keras.Input((3,))),
        )


# Weights of a model's own


class Bright(zoo.Autoencoder):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.gain = self.add_weight((), "ones", name="gain")

    def image(self, z, label=None, training=False):
        return super().image(z, label, training) ** self.gain


def test_a_models_own_weights_are_weights_of_the_model(tmp_path):
    model = Bright(SHAPE, 3, hidden_units=(8,))
    model.gain.assign(0.3)
    decoder = model.parts()["decoder"]
    assert any(w is model.gain for network in decoder.networks for w in network.variables)
    zoo.save(model, tmp_path / "preset")
    loaded = zoo.load(tmp_path / "preset", custom_objects={"Bright": Bright})
    np.testing.assert_allclose(array(loaded.gain), 0.3, atol=1e-6)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="exports are traced by TensorFlow")
def test_a_models_own_weights_are_exported(tmp_path):
    import export

    model = randomized(Bright(SHAPE, 3, hidden_units=(8,)))
    model.gain.assign(1.5)
    report = export.export_model(model, tmp_path / "out")
    assert all(part["passed"] for part in report.values())
    z = np.ones((2, 3), "float32")
    images = export.load(tmp_path / "out" / "decoder")(z=z)["x"]
    np.testing.assert_allclose(images, model.decode(z), atol=1e-5)


def test_the_state_of_training_is_not_exported():
    schedule = keras.optimizers.schedules.PolynomialDecay(0.0, 100, 1.0)
    for model in (
        zoo.VAE(SHAPE, 2, hidden_units=(8,), beta=schedule),
        zoo.RBM(SHAPE, 2, chains=3),
        zoo.M2(SHAPE, 2, hidden_units=(8,), num_classes=2, warm_up=5),
    ):
        for part in model.parts().values():
            assert all(isinstance(network, keras.Model) for network in part.networks)
