"""Pairs of noisy and clean images: `fit(noisy, clean)`, in arrays and in every kind of stream."""

import importlib

import keras
import numpy as np
import pytest
from keras import ops
from support.each_class import longer
from support.tiny import array

import zoo
from zoo.models.base import Batch

streams = importlib.import_module("checks.test_streams")
SIZE, every_kind = streams.SIZE, streams.every_kind
CLEAN = np.random.default_rng(0).random((24, 4, 4, 1)).astype("float32")
NOISY = np.random.default_rng(1).random((24, 4, 4, 1)).astype("float32")
CLASSES = ["Autoencoder", "SparseAutoencoder", "DenoisingAutoencoder", "ContractiveAutoencoder"]
CLASSES += ["VAE", "IWAE"]
every_class = pytest.mark.parametrize("name", CLASSES)
pytestmark = pytest.mark.backend


def model(name="DenoisingAutoencoder", rate=0.1, **options):
    options = {"samples": 2, **options} if name == "IWAE" else options
    made = getattr(zoo, name)((4, 4, 1), 2, hidden_units=(4,), seed=0, **options)
    made.compile(keras.optimizers.SGD(rate), run_eagerly=True)
    return made


def mean_reconstruction(made, x, clean):
    """The negative log-likelihood of clean images given the decoded mean codes of x."""
    parameters = made.decoder(made.code(ops.convert_to_tensor(x)))
    return -array(made.likelihood.log_prob(ops.convert_to_tensor(clean), parameters)).mean()


@pytest.mark.parametrize("name", CLASSES[:4])
@pytest.mark.parametrize("training", [False, True])
def test_the_decoded_code_of_the_noisy_image_is_compared_with_the_clean_one(name, training):
    made = model(name)
    batch = Batch(ops.convert_to_tensor(NOISY), clean=ops.convert_to_tensor(CLEAN))
    found = array(made.losses(batch, training).metrics["reconstruction"]).mean()
    np.testing.assert_allclose(found, mean_reconstruction(made, NOISY, CLEAN), rtol=1e-5)


@pytest.mark.parametrize("name", CLASSES[4:])
def test_variational_models_encode_the_noisy_image_and_score_the_clean_one(name):
    made = model(name, likelihood=zoo.Gaussian(1.0))
    for weight in made.decoder.weights:  # whatever the code is, the mean image is 0
        weight.assign(np.zeros(weight.shape))
    batch = Batch(ops.convert_to_tensor(NOISY), clean=ops.convert_to_tensor(CLEAN))
    losses = made.losses(batch, training=True)
    squares = (CLEAN**2).sum((1, 2, 3)) / 2 + 8 * np.log(2 * np.pi)
    np.testing.assert_allclose(array(losses.metrics["reconstruction"]), squares, rtol=1e-4)
    if name == "VAE":
        z_mean, z_log_var = made.posterior_moments(NOISY)
        kl = 0.5 * (z_mean**2 + np.exp(z_log_var) - z_log_var - 1).sum(1)
        np.testing.assert_allclose(array(losses.metrics["kl"]), kl, rtol=1e-4, atol=1e-6)


@every_class
def test_training_with_pairs_is_not_training_on_either_half(name):
    pairs, noisy, clean = (model(name) for _ in range(3))
    pairs.fit(NOISY, CLEAN, batch_size=SIZE, verbose=0)
    noisy.fit(NOISY, batch_size=SIZE, verbose=0)
    clean.fit(CLEAN, batch_size=SIZE, verbose=0)
    for other in (noisy, clean):
        assert not np.allclose(pairs.get_weights()[0], other.get_weights()[0], atol=1e-6)


@every_kind
def test_every_stream_of_pairs_trains_as_arrays_do(make):
    made, other = model(), model()
    other.fit(NOISY, CLEAN, batch_size=SIZE, shuffle=False, verbose=0)
    history = made.fit(
        make(NOISY, CLEAN), validation_data=make(NOISY, CLEAN), shuffle=False, verbose=0
    )
    for a, b in zip(made.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    expected = mean_reconstruction(made, NOISY, CLEAN)
    np.testing.assert_allclose(history.history["val_loss"][0], expected, rtol=1e-4)
    loss = made.evaluate(make(NOISY, CLEAN), return_dict=True, verbose=0)["loss"]
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_pairs_are_validated_evaluated_and_weighted():
    made = model(rate=0.0)
    weight = np.arange(24) / 12
    history = made.fit(NOISY, CLEAN, sample_weight=weight, validation_split=0.5, verbose=0).history
    expected = mean_reconstruction(made, NOISY[12:], CLEAN[12:])
    single = [mean_reconstruction(made, NOISY[i : i + 1], CLEAN[i : i + 1]) for i in range(24)]
    np.testing.assert_allclose(np.mean((single * weight)[12:]), history["val_loss"][0], rtol=1e-4)
    np.testing.assert_allclose(np.mean((single * weight)[:12]), history["loss"][0], rtol=1e-4)
    found = made.test_on_batch(NOISY[12:], CLEAN[12:], return_dict=True)["loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    made.train_on_batch(NOISY, CLEAN)


@pytest.mark.slow
def test_a_restoration_is_learned():
    """The noisy image is the negative of the clean one, which no corruption of the zoo makes."""
    clean = np.random.default_rng(0).integers(0, 2, (2400, 2, 1, 1)).astype("float32")
    made = zoo.DenoisingAutoencoder((2, 1, 1), 2, hidden_units=(), seed=0)
    made.compile(keras.optimizers.Adam(0.1), run_eagerly=True)
    made.fit(1 - clean, clean, batch_size=40, verbose=0)  # 60 steps
    np.testing.assert_allclose(made.reconstruct(1 - clean[:40]), clean[:40], atol=0.1)


def test_pairs_on_disk_stay_there(tmp_path):
    for name, values in {"noisy": NOISY, "clean": CLEAN}.items():
        np.save(tmp_path / f"{name}.npy", values)
    noisy, clean = (zoo.data.StoredImages(tmp_path / f"{n}.npy") for n in ("noisy", "clean"))
    made, other = model(), model()
    made.fit(noisy, clean, batch_size=SIZE, verbose=0)
    other.fit(NOISY, CLEAN, batch_size=SIZE, verbose=0)
    for a, b in zip(made.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


# Images alone


@longer
@every_kind
def test_a_stream_of_images_with_themselves_is_corrupted_by_default(make):
    made, other, plain = model(), model(), model("Autoencoder")
    made.fit(make(CLEAN, CLEAN), shuffle=False, verbose=0)
    other.fit(CLEAN, batch_size=SIZE, shuffle=False, verbose=0)
    plain.fit(CLEAN, batch_size=SIZE, shuffle=False, verbose=0)
    np.testing.assert_allclose(made.get_weights()[0], other.get_weights()[0], atol=1e-6)
    assert not np.allclose(made.get_weights()[0], plain.get_weights()[0], atol=1e-4)


def test_no_corruption_is_what_the_configuration_holds():
    made = model()
    again = zoo.DenoisingAutoencoder.from_config(made.get_config())
    assert made.corruption is None
    assert again.corruption is None
    again = zoo.DenoisingAutoencoder.from_config(
        {**model(corruption={"masking": 0.5}).get_config(), "corruption": None}
    )
    assert again.corruption is None


@pytest.mark.parametrize("name", ["VAE", "IWAE"])
def test_equal_pixels_of_a_pair_are_binarized_alike(name):
    made = model(name, binarize="dynamic")
    same = ops.convert_to_tensor(CLEAN)
    noisy, clean = (array(pixels) for pixels in made.pixels_of_pairs(Batch(same, clean=same)))
    assert set(np.unique(noisy)) == {0.0, 1.0}
    np.testing.assert_array_equal(noisy, clean)
    made = model(name, binarize="threshold")
    pair = Batch(ops.convert_to_tensor(NOISY), clean=same)
    noisy, clean = (array(pixels) for pixels in made.pixels_of_pairs(pair))
    np.testing.assert_array_equal(noisy, NOISY > 0.5)
    np.testing.assert_array_equal(clean, CLEAN > 0.5)


# Refused


@every_kind
def test_clean_images_out_of_range_or_of_another_shape_are_refused(make):
    for changed, says in (
        (lambda x: x * 255, "of y reach 2"),
        (lambda x: x * np.nan, "y holds Na"),
    ):
        for method in ("fit", "evaluate"):
            with pytest.raises(ValueError, match=says):
                getattr(model(), method)(make(NOISY, streams.spoiled(CLEAN, changed)), verbose=0)
    with pytest.raises(ValueError, match=r"\(8, 4, 4, 1\) and y \(8, 3, 4, 1\)"):
        model().fit(make(NOISY, CLEAN[:, :3]), verbose=0)


@longer
@pytest.mark.parametrize("make", [streams.Batches, streams.dataset_of_a_generator])
@pytest.mark.parametrize("name", ["DenoisingAutoencoder", "VAE"])
def test_a_model_that_corrupts_takes_no_pairs_for_training(make, name):
    with pytest.raises(ValueError, match=r"Masking\(level=0\.5\) and got pairs.*corruption=None"):
        model(name, corruption={"masking": 0.5}).fit(make(NOISY, CLEAN), verbose=0)
    made = model(name, corruption={"masking": 0.5})
    made.fit(CLEAN, validation_data=make(NOISY, CLEAN), verbose=0)  # where nothing is corrupted
    made.evaluate(make(NOISY, CLEAN), verbose=0)


def test_wrong_pairs_in_arrays_are_refused():
    for y in (CLEAN[:5], CLEAN[..., 0], np.arange(24)):
        with pytest.raises(ValueError, match=r"of one shape; x has shape \(24, 4, 4, 1\) and y"):
            model().fit(NOISY, y, verbose=0)
    with pytest.raises(TypeError, match=r"y has dtype int64.*y\.astype"):
        model().fit(NOISY, np.ones((24, 4, 4, 1), "int64"), verbose=0)
    with pytest.raises(ValueError, match="the noisy images again.*corruption=None.*call fit"):
        model(corruption=zoo.Masking(0.1)).fit(NOISY, CLEAN, verbose=0)
    with pytest.raises(ValueError, match="corrupt the noisy images again"):
        model(corruption=zoo.Masking(0.1)).train_on_batch(NOISY, CLEAN)


def test_a_training_with_pairs_is_validated_with_pairs():
    for alone in ((NOISY,), streams.generator(NOISY)):
        with pytest.raises(ValueError, match=r"validation_data=\(noisy, clean\)"):
            model().fit(NOISY, CLEAN, validation_data=alone, verbose=0)


@pytest.mark.parametrize("name", ["AAE", "RBM", "TargetPropAutoencoder"])
def test_other_models_refuse_pairs(name):
    made = getattr(zoo, name)((4, 4, 1), 2)
    made.compile("sgd", run_eagerly=True)
    with pytest.raises(ValueError, match="y is something else.*pairs, fit"):
        made.fit(NOISY, CLEAN, verbose=0)


def test_a_class_with_a_loss_of_its_own_takes_no_pairs_unless_it_says_so():
    class Own(zoo.Autoencoder):
        def losses(self, batch, training):
            return super().losses(batch, training)

    class Pairs(Own):
        takes_pairs = True

    assert (Own.takes_pairs, Pairs.takes_pairs) == (False, True)
    assert not any(getattr(zoo, name).takes_pairs for name in ("VAEGAN", "DFCVAE", "M2", "RBM"))
