"""Deep autoencoders from stacks of shallow ones, and classifiers from encoders."""

import keras
import numpy as np
import pytest
from support.tiny import BACKEND, X

import zoo

pytestmark = pytest.mark.backend


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
    with pytest.raises(ValueError, match=r"in \[0, 1\]: values from"):
        session(x=X + 1)
