"""A training whose values become NaN or infinite ends, and such weights are not kept."""

import h5py
import keras
import numpy as np
import pytest
from support.tiny import X

import zoo
from zoo.recipes import Recipe
from zoo.recipes.training import train

LABELS = np.where(np.arange(len(X)) < 6, np.arange(len(X)) % 3, -1)
MODELS = {
    "Autoencoder": lambda: zoo.Autoencoder(
        (4, 4, 1), 2, hidden_units=(4,), likelihood="squared_error"
    ),
    "VAE": lambda: zoo.VAE((4, 4, 1), 2, hidden_units=(4,)),
    "AAE": lambda: zoo.AAE((4, 4, 1), 2, hidden_units=(4,)),
    "M1": lambda: zoo.M1((4, 4, 1), 2, hidden_units=(4,), num_classes=3),
    "M2": lambda: zoo.M2((4, 4, 1), 2, hidden_units=(4,), num_classes=3, labeled_batch_size=3),
}


def spoiled():
    model = MODELS["Autoencoder"]()
    bias = next(w for w in model.weights if w.path.endswith("dense_0/bias"))
    bias.assign(np.full(bias.shape, np.nan))
    return model


@pytest.mark.backend
@pytest.mark.parametrize("name", MODELS)
def test_a_training_that_diverges_says_so_and_ends(name):
    model = MODELS[name]()
    model.compile(keras.optimizers.SGD(1e30))
    y = LABELS if name in ("M1", "M2") else None
    with pytest.warns(UserWarning, match=f"{name} diverged in epoch .*became NaN") as said:
        history = model.fit(X, y, epochs=9, verbose=0)
    assert len(history.epoch) < 9
    (message,) = [str(w.message) for w in said if "diverged" in str(w.message)]
    assert "weights are NaN or infinite" in message
    assert "Lower the learning rate" in message


@pytest.mark.backend
def test_weights_that_became_nan_in_the_last_step_are_reported():
    model = MODELS["Autoencoder"]()
    model.compile(keras.optimizers.SGD(np.inf))
    with pytest.warns(UserWarning, match="Autoencoder diverged in epoch 1, in its last steps"):
        history = model.fit(X, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_a_sound_training_is_not_reported(recwarn):
    model = MODELS["Autoencoder"]()
    model.compile()
    assert len(model.fit(X, epochs=2, verbose=0).epoch) == 2
    assert not [w for w in recwarn if "diverged" in str(w.message)]


def test_weights_that_are_nan_are_not_saved(tmp_path):
    with pytest.raises(ValueError, match=r"encoder.*dense_0/bias hold NaN or infinite"):
        zoo.save(spoiled(), tmp_path / "mine")
    assert not list(tmp_path.iterdir())


def test_weights_that_are_nan_are_not_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.presets.saving.check_finite", lambda model: None)
    zoo.save(spoiled(), tmp_path / "mine")
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"model.weights.h5.*dense_0/bias hold NaN"):
        zoo.load(tmp_path / "mine")
    with h5py.File(tmp_path / "mine" / "model.weights.h5") as file:
        assert file  # what is refused is the values, and not the file


def test_a_recipe_that_diverges_leaves_neither_a_preset_nor_a_state(tmp_path):
    recipe = Recipe.parse(
        "mine",
        """
        description = "Diverges."
        paper = "none"
        data = "digits"
        class = "Autoencoder"
        epochs = 2
        validation = 237

        [model]
        input_shape = [8, 8, 1]
        latent_dim = 2
        hidden_units = [4]
        likelihood = "squared_error"

        [optimizer]
        learning_rate = 1e30
        """,
    )
    with (
        pytest.warns(UserWarning, match="diverged"),
        pytest.raises(ValueError, match="hold NaN or infinite values.*Train a new model"),
    ):
        train(recipe, tmp_path / "mine", verbose=False)
    assert not list(tmp_path.iterdir())
