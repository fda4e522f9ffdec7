"""Deep autoencoders from stacks of shallow ones, and classifiers from encoders."""

import itertools

import keras
import numpy as np
import pytest
from support.each_class import LONGER, longer
from support.tiny import BACKEND, X

import zoo
from zoo.models import CLASSES

pytestmark = pytest.mark.backend


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layer", "options"),
    [
        (zoo.RBM, {}),
        pytest.param(
            zoo.DenoisingAutoencoder, {"corruption": {"masking": 0.2}}, marks=pytest.mark.slow
        ),
        pytest.param(zoo.ContractiveAutoencoder, {"weight": 0.01}, marks=pytest.mark.slow),
    ],
)
def test_a_stack_unrolls_into_what_its_layers_compute(layer, options):
    x = zoo.data.load("digits")[0][0][:256]
    model = zoo.Autoencoder(
        (8, 8, 1), 8, hidden_units=(24, 16), activation="sigmoid", code_activation="sigmoid"
    )
    layers = zoo.pretrain(model, x, layer, epochs=2, verbose=0, **options)
    codes = x
    for one in layers:
        codes = one.encode(codes)
    np.testing.assert_allclose(model.encode(x), codes, atol=1e-5)
    for one in layers[::-1]:
        codes = one.decode(codes)
    np.testing.assert_allclose(model.reconstruct(x), codes, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("VaDE", {"num_classes": 3, "pretraining_epochs": 0}),
        pytest.param("VAE", {}, marks=LONGER),
        pytest.param("IWAE", {"samples": 2}, marks=LONGER),
        pytest.param("AAE", {}, marks=LONGER),
        pytest.param("SparseAutoencoder", {}, marks=LONGER),
        pytest.param("BEGAN", {}, marks=LONGER),
    ],
)
def test_a_stack_of_unbounded_codes_unrolls_into_other_models(name, others):
    model = CLASSES[name]((4, 4, 1), 2, hidden_units=(6, 5), **others)
    options = {"likelihood": "gaussian", "corruption": {"masking": 0.2}}
    layers = zoo.pretrain(model, X, zoo.DenoisingAutoencoder, epochs=1, verbose=0, **options)
    codes = X
    for one in layers:
        codes = one.encode(codes)
    np.testing.assert_allclose(model.encode(X), codes, rtol=1e-4, atol=1e-5)
    weights = [one.decoder.get_layer("pixels").get_weights() for one in layers[::-1]]
    dense = [layer for layer in model.decoder.layers if isinstance(layer, keras.layers.Dense)]
    for layer, (kernel, bias) in zip(dense, weights, strict=True):
        np.testing.assert_array_equal(layer.get_weights()[0], kernel)
        np.testing.assert_array_equal(layer.get_weights()[1], bias)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("CVAE", {"num_classes": 3}, "CVAE: .* encodes images alone"),
        ("VAE", {"network": "dense_resnet"}, "VAE: it must be a dense model"),
        ("CorrespondenceAutoencoder", {"second_shape": (5,)}, "an encoder for each of two views"),
        ("VAE", {"likelihood": zoo.LearnedGaussian()}, r"the decoder gives \(4, 4, 2\)"),
    ],
)
def test_models_whose_layers_are_no_stack_are_refused(name, options, message):
    model = CLASSES[name]((4, 4, 1), 2, hidden_units=(6,), **options)
    with pytest.raises(ValueError, match=message):
        zoo.pretrain(model, X, zoo.DenoisingAutoencoder)


def test_an_encoder_that_also_sees_which_values_are_missing_is_refused_before_training():
    columns = zoo.GaussianColumns(np.zeros(5), np.ones(5), missing="learn")
    model = zoo.VAE((5,), 2, hidden_units=(6,), likelihood=columns)
    with pytest.raises(ValueError, match=r"GaussianColumns its networks take or give other"):
        zoo.pretrain(model, np.zeros((4, 5), "float32"), zoo.Autoencoder, epochs=1)


def test_recurrent_layers_are_refused_before_training():
    model = zoo.SequenceVAE((4, 4), 2, encoder_units=6, decoder_units=8)
    with pytest.raises(ValueError, match="SequenceVAE: it must be a dense model"):
        zoo.pretrain(model, X[..., 0], zoo.Autoencoder)


def test_stacks_that_do_not_fit_are_refused():
    model = zoo.Autoencoder((4, 4, 1), 3, hidden_units=(6,), activation="sigmoid")
    wrong = [
        zoo.Autoencoder((4, 4, 1), 6, hidden_units=()),
        zoo.Autoencoder((5,), 3, hidden_units=()),
    ]
    with pytest.raises(ValueError, match=r"they take \[\(4, 4, 1\), \(5,\)\]"):
        zoo.pretrain(model, X, wrong)
    deep = [
        zoo.Autoencoder((4, 4, 1), 6, hidden_units=(4,)),
        zoo.Autoencoder((6,), 3, hidden_units=()),
    ]
    with pytest.raises(ValueError, match="more than one layer"):
        zoo.pretrain(model, X, deep)
    with pytest.raises(ValueError, match="with hidden_units="):
        zoo.pretrain(zoo.Autoencoder((4, 4, 1), 3, filters=(2,)), X, zoo.RBM)
    message = r"activation='relu'.*they take over: code_activation is 'relu'"
    with pytest.raises(ValueError, match=message):
        zoo.pretrain(zoo.Autoencoder((4, 4, 1), 3, hidden_units=(6,)), X, zoo.RBM)
    with pytest.raises(ValueError, match="code_activation is 'tanh'; leave it out"):
        zoo.pretrain(model, X, zoo.Autoencoder, code_activation="tanh")


@pytest.mark.slow
def test_a_classifier_learns_on_a_copy_of_the_encoder():
    (x, y), (x_test, y_test) = zoo.data.load("digits")
    model = zoo.VAE((8, 8, 1), 16, hidden_units=(64,))
    before = model.encode(x_test)
    classifier = zoo.classifier(model, 10, optimizer=keras.optimizers.Adam(5e-3))
    classifier.fit(x, y, epochs=20, verbose=0)
    assert classifier.evaluate(x_test, y_test, verbose=0)[1] > 0.88
    np.testing.assert_array_equal(model.encode(x_test), before)
    with pytest.raises(ValueError, match="takes labels and cannot predict"):
        zoo.classifier(zoo.CVAE((4, 4, 1), 2, num_classes=3), 3)


def test_a_classifier_sees_thresholded_pixels_where_its_encoder_did():
    made = zoo.classifier(zoo.VAE((4, 4, 1), 3, hidden_units=(5,), binarize="threshold"), 4)
    hard = (X > 0.5).astype("float32")
    np.testing.assert_array_equal(made.predict(X, verbose=0), made.predict(hard, verbose=0))


@pytest.mark.slow
@pytest.mark.skipif(BACKEND != "tensorflow", reason="export reads TensorFlow's graphs")
def test_a_classifier_is_loaded_from_a_file_and_exported(tmp_path):
    import export

    made = zoo.classifier(zoo.VAE((4, 4, 1), 3, hidden_units=(5,)), 4)
    made.save(tmp_path / "classifier.keras")
    read = keras.models.load_model(tmp_path / "classifier.keras")
    np.testing.assert_allclose(read.predict(X, verbose=0), made.predict(X, verbose=0), atol=1e-6)
    export.export_model(read, tmp_path / "out")
    session = export.load(tmp_path / "out" / "classifier")
    expected = made.predict(X, verbose=0)
    np.testing.assert_allclose(session(x=X)["label_probability"], expected, atol=1e-6)
    with pytest.raises(ValueError, match=r"in \[0, 1\]: got values from"):
        session(x=X + 1)


@longer
def test_draws_have_the_frequencies_of_all_states_of_the_units():
    (x, _), (x_test, _) = zoo.data.load("digits")
    deep = zoo.Autoencoder(
        (8, 8, 1), 3, hidden_units=(4,), activation="sigmoid", code_activation="sigmoid"
    )
    layers = zoo.pretrain(deep, x[:200], zoo.RBM, epochs=3, verbose=0, seed=0)
    low, high = layers
    draws = zoo.top_down_samples(layers, x_test[:1], 20_000, seed=0)
    assert draws.shape == (1, 20_000, 8, 8, 1)
    # The mean over all 2^3 states of the code and 2^4 of the hidden units.
    (code,) = high.encode(low.encode(x_test[:1]))
    codes, states = (np.array([*itertools.product((0.0, 1.0), repeat=n)]) for n in (3, 4))
    of_codes = np.prod(np.where(codes == 1, code, 1 - code), axis=1)  # [8]
    hidden = high.decode(codes)  # [8, 4]
    of_states = of_codes @ np.prod(
        np.where(states == 1, hidden[:, None], 1 - hidden[:, None]), axis=2
    )  # [16]
    images = low.decode(states).reshape(16, -1)
    mean = of_states @ images
    variance = of_states @ (images - mean) ** 2
    found = draws.reshape(20_000, -1)
    np.testing.assert_allclose(found.mean(0), mean, atol=5 * np.sqrt(variance.max() / 20_000))
    np.testing.assert_allclose(found.var(0).sum(), variance.sum(), rtol=0.05)


@pytest.mark.slow
@pytest.mark.compiled
def test_draws_depend_on_the_seed_and_are_of_their_image():
    (x, _), (x_test, _) = zoo.data.load("digits")
    layer = zoo.RBM((8, 8, 1), 32, code_activation="sigmoid", seed=0)
    layer.compile(keras.optimizers.Adam(0.01))
    layer.fit(x, epochs=40, verbose=0)
    first, again, other = (
        zoo.top_down_samples([layer], x_test[:3], 2, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    means = zoo.top_down_samples([layer], x_test[:3], 100, seed=0).mean(1)
    distances = np.square(means[:, None] - x_test[None, :3]).sum((2, 3, 4))
    assert distances.argmin(1).tolist() == [0, 1, 2]


def one_layer(shape, latent_dim, **options):
    options = {"code_activation": "sigmoid", **options}
    return zoo.Autoencoder(shape, latent_dim, hidden_units=(), **options)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "There are no layers"),
        ([one_layer((8, 8, 1), 5), one_layer((4,), 3)], "does not take the 5 values"),
        ([one_layer((8, 8, 1), 5, code_activation="relu")], "code_activation='relu'"),
        ([one_layer((8, 8, 1), 5, likelihood="gaussian")], "likelihood Gaussian"),
    ],
)
def test_layers_that_cannot_be_sampled_are_refused(layers, message):
    (x, _), _ = zoo.data.load("digits")
    with pytest.raises(ValueError, match=message):
        zoo.top_down_samples(layers, x[:2])


@pytest.mark.parametrize("wrong", [one_layer((8, 8, 1), 5), [keras.layers.Dense(3)]])
def test_draws_refuse_what_is_no_list_of_models(wrong):
    with pytest.raises(TypeError, match="a list of one-layer models"):
        zoo.top_down_samples(wrong, X)


def test_draws_refuse_images_of_another_range_and_numbers_below_one():
    (x, _), _ = zoo.data.load("digits")
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        zoo.top_down_samples([one_layer((8, 8, 1), 5)], x[:2] * 255)
    with pytest.raises(ValueError, match="n is 0"):
        zoo.top_down_samples([one_layer((8, 8, 1), 5)], x[:2], 0)


@pytest.mark.parametrize("layer", [zoo.VAE, zoo.IWAE])
def test_a_layer_without_one_code_is_refused_in_words(layer):
    model = zoo.Autoencoder((4, 4, 1), 3, hidden_units=(6,))
    message = f"{layer.__name__} cannot be used for the layers.*takes no code_activation"
    with pytest.raises(ValueError, match=message):
        zoo.pretrain(model, X, layer)
