"""The correspondence autoencoder: its three losses by their formulas, and pairs that are found."""

import keras
import numpy as np
import pytest
from keras import ops
from support.each_class import longer
from support.tiny import array

import zoo

pytestmark = pytest.mark.backend
RNG = np.random.default_rng(0)
X = RNG.random((40, 4, 4, 1)).astype("float32")
Y = np.round(RNG.random((40, 5))).astype("float32")


def made(**options):
    settings = {"second_shape": (5,), "hidden_units": (8,), "seed": 1, **options}
    return zoo.CorrespondenceAutoencoder((4, 4, 1), 3, **settings)


def bernoulli(x, logits):
    return (np.logaddexp(0, logits) - x * logits).reshape(len(x), -1).sum(axis=1)


@pytest.mark.parametrize("variant", ["own", "cross", "full"])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_the_loss_is_that_of_the_paper(variant, alpha):
    model = made(variant=variant, alpha=alpha)
    model.compile("adam")
    logs = model.evaluate(X, Y, verbose=0, return_dict=True)
    f, g = model.encode(X), model.encode_second(Y)
    x, y = X.astype("float64"), Y.astype("float64")

    def errors(z, w):
        parameters = [
            array(net(ops.convert_to_tensor(c))).astype("float64")
            for net, c in ((model.decoder, z), (model.second_decoder, w))
        ]
        return bernoulli(x, parameters[0]) + bernoulli(y, parameters[1])

    of = {"own": errors(f, g), "cross": errors(g, f)}
    of["full"] = of["own"] + of["cross"]
    distance = ((f - g) ** 2).sum(axis=1)
    expected = ((1 - alpha) * of[variant] + alpha * distance).mean()
    np.testing.assert_allclose(logs["loss"], expected, rtol=1e-5)
    np.testing.assert_allclose(logs["code_distance"], distance.mean(), rtol=1e-5)
    assert ("cross_reconstruction" in logs) == (variant == "full")


@longer
def test_halves_of_digits_find_each_other_better_than_chance():
    (x, _), (x_test, y_test) = zoo.data.load("digits")
    model = zoo.CorrespondenceAutoencoder(
        (4, 8, 1), 8, second_shape=(4, 8, 1), variant="full", alpha=0.9, hidden_units=(64,), seed=1
    )
    model.compile(keras.optimizers.Adam(3e-3))
    model.fit(x[:, :4], x[:, 4:], epochs=30, verbose=0)
    codes, others = model.encode(x_test[:, :4]), model.encode_second(x_test[:, 4:])
    found = zoo.metrics.retrieval(codes, y_test, others, y_test)
    assert found.precision_at_k > 0.4  # by chance 0.1


def test_both_views_may_have_networks_and_likelihoods_of_their_own(tmp_path):
    layers = keras.layers
    encoder = keras.Sequential([layers.Dense(7, "relu"), layers.Dense(3, "tanh")])
    decoder = keras.Sequential([layers.Dense(7, "relu"), layers.Dense(5)])
    model = made(second_encoder=encoder, second_decoder=decoder, second_likelihood="squared_error")
    model.compile("adam", run_eagerly=True)
    model.fit(X, Y - 3, epochs=1, verbose=0)  # any values
    np.testing.assert_allclose(
        model.encode_second(Y - 3), array(encoder(ops.convert_to_tensor(Y - 3))), atol=1e-5
    )
    zoo.save(model, tmp_path / "pairs")
    again = zoo.load(tmp_path / "pairs")
    np.testing.assert_allclose(again.encode_second(Y), model.encode_second(Y), atol=1e-6)
    np.testing.assert_allclose(again.encode(X), model.encode(X), atol=1e-6)


def test_words_are_a_second_view():
    counts = RNG.poisson(1.0, (40, 6)).astype("float32")
    model = made(second_shape=(6,), second_likelihood=zoo.Multinomial.adapted(counts))
    model.compile("adam", run_eagerly=True)
    model.fit(X, counts, epochs=1, verbose=0)
    assert model.decode_second(model.encode(X)).shape == (40, 6)
    with pytest.raises(ValueError, match="whole numbers"):
        model.fit(X, counts + 0.5, verbose=0)


def test_four_parts_are_exported(tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("exports are tested on TensorFlow")
    from zoo import export

    model = made()
    export.export_model(model, tmp_path / "out", formats=("onnx",))  # proves equality
    z = export.load(tmp_path / "out" / "second_encoder")(y=Y)["z"]
    np.testing.assert_allclose(z, model.encode_second(Y), atol=1e-5)
    found = export.load(tmp_path / "out" / "second_decoder")(z=model.encode(X))["y"]
    np.testing.assert_allclose(found, model.decode_second(model.encode(X)), atol=1e-5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"variant": "both"}, "choose 'own', 'cross', 'full'"),
        ({"alpha": 1.5}, "alpha"),
        ({"alpha": -0.1}, "alpha"),
        ({"second_encoder": keras.layers.Dense(3)}, "Give both second_encoder="),
    ],
)
def test_wrong_settings_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        made(**options)


def test_second_views_have_the_shape_of_first_ones_by_default():
    model = made(second_shape=None)
    assert model.second_shape == model.get_config()["second_shape"] == (4, 4, 1)


def test_second_views_are_checked():
    model = made()
    model.compile("adam")
    for y, said in ((Y[:, :3], "shape"), (Y + 2, "range|reach"), (Y * np.nan, "NaN"), (None, "y")):
        with pytest.raises((ValueError, TypeError), match=said):
            model.fit(X, y, verbose=0)
    with pytest.raises(ValueError, match="shape"):
        model.encode_second(Y[:, :3])
    with pytest.raises(ValueError, match=r"\(n, 3\)"):
        model.decode_second(np.zeros((2, 4), "float32"))
    model.alpha = 0.5
    with pytest.raises(ValueError, match="alpha"):
        model.alpha = 2.0
