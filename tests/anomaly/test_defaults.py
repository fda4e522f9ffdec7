"""What a detector takes where nothing is said, and that it starts where PCA ends."""

import keras
import numpy as np
import pytest
from sklearn.decomposition import PCA
from support import each_class

import zoo
from zoo.anomaly import Detector, defaults, training
from zoo.models import CLASSES
from zoo.models.rbm import RBM

NAMES = [
    name
    for name, cls in CLASSES.items()
    if hasattr(cls, "encode") and not cls.conditional and name not in ("M1", "VAEGAN")
]


@pytest.mark.parametrize("name", each_class.every_class(NAMES))
def test_no_default_is_a_likelihood_of_binary_pixels(name):
    made = defaults.settings_of(CLASSES[name], each_class.SHAPE, {})
    if issubclass(CLASSES[name], RBM):
        assert "likelihood" not in made  # the energy is that of binary units
        return
    model = each_class.make(name, **{k: v for k, v in made.items() if k != "latent_dim"})
    assert not isinstance(model.likelihood, zoo.Bernoulli)


def test_what_is_given_wins():
    given = {"likelihood": "bernoulli", "latent_dim": 3}
    assert defaults.settings_of(zoo.VAE, (28, 28, 1), given) == given
    assert "network" not in defaults.settings_of(zoo.VAE, (28, 28, 1), {"filters": (4,)})
    assert "network" not in defaults.settings_of(zoo.VAE, (28,), {})
    made = defaults.settings_of(zoo.VAE, (28, 28, 1), {"hidden_units": (4,)})
    assert made["network"] == "dense_resnet"


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(8, 8, 1), (16, 4)])
@pytest.mark.parametrize("name", ["Autoencoder", "VAE"])
def test_training_starts_at_pca(name, shape, few_digits):
    x = few_digits[0].reshape(-1, *shape)
    detector = Detector(name, latent_dim=5, hidden_units=(8,), score="reconstruction")
    detector.fit(x, epochs=1, optimizer=keras.optimizers.SGD(0.0), trim=0, verbose=0)
    flat = x.reshape(len(x), -1)
    pca = PCA(5, svd_solver="full").fit(flat)
    expected = np.square(flat - pca.inverse_transform(pca.transform(flat))).sum(1)
    # The posterior mean of probabilistic PCA shrinks codes a little.
    error = 1e-4 if name == "Autoencoder" else 0.1
    np.testing.assert_allclose(detector.scores(x), expected, rtol=error, atol=error)


def test_fewer_items_than_values_of_a_code_are_trained_all_the_same(few_digits):
    detector = Detector("VAE", latent_dim=5, hidden_units=(8,)).fit(
        few_digits[0][:4], epochs=1, verbose=0
    )
    assert np.isfinite(detector.threshold)


@pytest.mark.slow
def test_training_goes_on_from_the_best_epoch_and_ends(few_digits, monkeypatch):
    monkeypatch.setattr(training, "STEPS", 60)
    x = few_digits[0][:100]
    uphill = keras.optimizers.Adam(-1e-3)  # every step raises the training loss
    detector = Detector("Autoencoder", latent_dim=5, hidden_units=(8,), quantile=0.9)
    losses = detector.fit(x, optimizer=uphill, validation_split=0, verbose=0).history["val_loss"]
    assert len(losses) < training.EPOCHS
    assert min(losses) < min(losses[-3:])
    order = np.random.default_rng(0).permutation(100)[:10]
    found = detector.model.evaluate(x[np.sort(order)], verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(min(losses), rel=1e-3)


NEEDED = {"VaDE": {"num_classes": 3}}
WITHOUT = ("LabelInformedAAE", "DFCVAE", "CorrespondenceAutoencoder")


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in NAMES if n not in WITHOUT])
def test_every_class_trains_by_the_loss_of_images_that_were_held_out(name, few_digits, monkeypatch):
    monkeypatch.setattr(training, "STEPS", 20)
    monkeypatch.setattr(training, "EPOCHS", 2)
    x = np.resize(few_digits[0], (120, 8, 8, 1))[:, :4, :4]
    settings = {**each_class.OTHERS.get(name, dict)(), **NEEDED.get(name, {})}
    x = each_class.data_of(name, x)
    detector = Detector(name, **settings).fit(x, trim=0, verbose=0)
    assert len(detector.history["val_loss"]) == len(detector.history["loss"]) >= 2
    assert np.isfinite(detector.threshold)


@pytest.mark.slow
def test_a_given_number_of_epochs_is_trained(few_digits):
    detector = Detector("Autoencoder", latent_dim=5, hidden_units=(8,))
    history = detector.fit(few_digits[0], epochs=3, trim=0, verbose=0).history
    assert len(history["loss"]) == 3
    assert "val_loss" not in history
