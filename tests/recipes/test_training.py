"""From a recipe to a preset; an interrupted training goes on."""

import dataclasses
import errno
import json
import os
import types

import keras
import numpy as np
import pytest
from support.presets import SMALL_RECIPE

import zoo
from zoo import data, recipes
from zoo.backend import backend
from zoo.checks.names import UnknownNameError
from zoo.files import atomic_writes
from zoo.presets import saving
from zoo.recipes import training


@pytest.fixture
def recipe():
    return recipes.Recipe.parse("small", SMALL_RECIPE)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Compile without XLA, which takes longer than these trainings."""
    choice = {"jit_compile": False, "steps_per_execution": 1}
    monkeypatch.setattr(backend, "fastest", lambda *_: choice)


def train(recipe, out, **options):
    return training.train(recipe, out, verbose=0, **options)


def test_the_error_for_an_unknown_class_or_data_set_has_the_nearest(recipe, tmp_path):
    with pytest.raises(UnknownNameError, match="no class 'Autoencode'; did you mean 'Autoencoder'"):
        train(dataclasses.replace(recipe, class_name="Autoencode"), tmp_path / "out")
    with pytest.raises(UnknownNameError, match="no data set 'digit'; did you mean 'digits'"):
        train(dataclasses.replace(recipe, data="digit"), tmp_path / "out")
    assert os.listdir(tmp_path) == []


@pytest.mark.lowest
def test_training_writes_a_preset_that_loads(recipe, tmp_path):
    card = train(recipe, tmp_path / "out")
    assert os.listdir(tmp_path) == ["out"]
    assert zoo.card(tmp_path / "out") == card
    assert card["name"] == "small"
    assert card["description"] == "A small one."
    assert card["recipe"]["epochs"] == 2
    assert card["recipe"]["model"] == {
        "input_shape": [8, 8, 1],
        "latent_dim": 2,
        "hidden_units": [8],
    }
    assert card["data"]["licence"] == "CC BY 4.0"
    assert "preview.png" in card["files"]
    model = zoo.load(tmp_path / "out")
    assert float(model.optimizer.learning_rate) == pytest.approx(training.FINE_TUNING_RATE)
    _, (x, _) = data.load("digits")
    untrained = training.make_model(recipe)
    untrained.compile()
    losses = [m.evaluate(x, verbose=0, return_dict=True)["loss"] for m in (model, untrained)]
    assert losses[0] < 0.95 * losses[1]


def test_the_preview_shows_classes_of_models_that_learn_without_labels(
    recipe, tmp_path, monkeypatch
):
    shown = []
    preview = training.plots.preview
    monkeypatch.setattr(
        training.plots, "preview", lambda *args: shown.append(args) or preview(*args)
    )
    train(recipe, tmp_path / "out", epochs=1)
    _, images, labels = shown[0]
    (x, y), _ = data.load("digits")
    np.testing.assert_array_equal(images, x[-237:])
    np.testing.assert_array_equal(labels, y[-237:])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["VAE", "CVAE", "AAE"])
def test_every_class_can_be_trained_from_a_recipe(name, recipe, tmp_path):
    more = {"num_classes": 10} if name == "CVAE" else {}
    optimizer = {"learning_rate": 1e-2}
    if name == "AAE":
        optimizer["generator"] = {"learning_rate": 1e-3, "beta_1": 0.5}
    recipe = dataclasses.replace(
        recipe, class_name=name, epochs=1, model={**recipe.model, **more}, optimizer=optimizer
    )
    train(recipe, tmp_path / "out")
    assert type(zoo.load(tmp_path / "out")).__name__ == name


@pytest.mark.slow
def test_a_seed_gives_the_same_preset_again(recipe, tmp_path):
    for name in ("a", "b"):
        train(recipe, tmp_path / name)
    other = dataclasses.replace(recipe, seed=5)
    train(other, tmp_path / "c")
    a, b, c = (zoo.load(tmp_path / name).get_weights() for name in "abc")
    for first, again in zip(a, b, strict=True):
        np.testing.assert_allclose(first, again, atol=1e-3)  # threads add up in any order
    assert not np.allclose(a[0], c[0], atol=1e-3)


def test_a_seeded_training_sees_the_images_in_a_new_order_every_epoch():
    first_rows = []

    class Watching(zoo.Autoencoder):
        def unpack(self, data):
            batch = super().unpack(data)
            first_rows.append(keras.ops.convert_to_numpy(batch.x)[0, 0])
            return batch

    keras.utils.set_random_seed(1)
    model = Watching((2,), 1, hidden_units=())
    model.compile(run_eagerly=True)
    x = np.repeat(np.linspace(0, 1, 50, dtype="float32")[:, None], 2, axis=1)
    model.fit(x, batch_size=50, epochs=5, verbose=0)
    assert len(set(map(float, first_rows))) > 1


def test_an_existing_folder_is_refused_before_training(recipe, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "card.json").write_text("mine")
    monkeypatch.setattr(training, "make_model", lambda *_: pytest.fail("training started"))
    with pytest.raises(FileExistsError, match="exists already"):
        train(recipe, tmp_path / "out")
    with pytest.raises(FileExistsError, match="no list of its files"):
        train(recipe, tmp_path / "out", overwrite=True)


@pytest.mark.slow
def test_an_existing_preset_is_replaced_when_asked(recipe, tmp_path):
    train(recipe, tmp_path / "out", epochs=2)
    train(recipe, tmp_path / "out", epochs=1, overwrite=True)
    assert zoo.card(tmp_path / "out")["recipe"]["epochs"] == 1


@pytest.mark.parametrize("epochs", [0, -2])
def test_less_than_one_epoch_is_refused(epochs, recipe, tmp_path):
    with pytest.raises(ValueError, match=f"epochs is {epochs}"):
        train(recipe, tmp_path / "out", epochs=epochs)


@pytest.mark.slow
def test_a_recipe_may_keep_the_best_epoch(recipe, tmp_path, capsys):
    class Worse(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_loss"] = [2.0, 1.0, 3.0][epoch]

    class Growing(zoo.Autoencoder):
        def fit(self, *args, callbacks=(), **kwargs):
            return super().fit(*args, callbacks=[Worse(), *callbacks], **kwargs)

    best = dataclasses.replace(recipe, keep="best")
    card = training.train(best, tmp_path / "out", epochs=3, model_class=Growing)
    assert (card["recipe"]["epochs"], card["recipe"]["best_epoch"]) == (3, 2)
    assert "kept: the weights of epoch 2, whose val_loss 1 is lowest" in capsys.readouterr().out
    with pytest.raises(ValueError, match="keep is 'first'; choose 'last' or 'best'"):
        train(dataclasses.replace(recipe, keep="first"), tmp_path / "other")
    with pytest.raises(ValueError, match="validation is 0; give at least 1 image"):
        train(dataclasses.replace(recipe, validation=0), tmp_path / "other")
    assert os.listdir(tmp_path) == ["out"]


# Interrupted


class Stopped(zoo.Autoencoder):
    """An autoencoder whose training is interrupted, once, after some epochs."""

    stop_after = None
    seen: list = []  # noqa: RUF012

    def fit(self, *args, callbacks=(), **kwargs):
        def note(epoch, logs):
            self.seen.append((epoch, int(self.optimizer.iterations)))
            if epoch + 1 == type(self).stop_after:
                type(self).stop_after = None
                raise KeyboardInterrupt

        noting = keras.callbacks.LambdaCallback(on_epoch_end=note)
        return super().fit(*args, callbacks=[*callbacks, noting], **kwargs)


def held_out_loss(folder):
    _, (x, _) = data.load("digits")
    model = zoo.load(folder, custom_objects={"Stopped": Stopped})
    return model.evaluate(x, verbose=0, return_dict=True)["loss"]


@pytest.mark.slow
def test_an_interrupted_training_goes_on_at_the_last_whole_epoch(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(Stopped, "seen", [])
    monkeypatch.setattr(Stopped, "stop_after", 2)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "out", epochs=4, model_class=Stopped)
    assert not (tmp_path / "out").exists()
    assert [name.endswith(".progress") for name in os.listdir(tmp_path)] == [True]
    train(recipe, tmp_path / "out", epochs=4, model_class=Stopped)
    # 1,200 images make 6 steps an epoch; the optimizer counts on where it stopped.
    assert Stopped.seen == [(0, 6), (1, 12), (2, 18), (3, 24)]
    assert os.listdir(tmp_path) == ["out"]

    Stopped.seen.clear()
    train(recipe, tmp_path / "whole", epochs=4, model_class=Stopped)
    assert Stopped.seen == [(0, 6), (1, 12), (2, 18), (3, 24)]
    resumed, whole = held_out_loss(tmp_path / "out"), held_out_loss(tmp_path / "whole")
    assert resumed == pytest.approx(whole, rel=1e-6)


@pytest.mark.slow
def test_layers_are_pretrained_before_a_training_and_not_again_when_it_goes_on(
    recipe, tmp_path, monkeypatch
):
    recipe.model["activation"] = "sigmoid"
    pretraining = {"class": "DenoisingAutoencoder", "epochs": 1, "corruption": {"masking": 0.1}}
    recipe = dataclasses.replace(recipe, pretraining=pretraining)
    stacks = []
    monkeypatch.setattr(
        training,
        "pretrain",
        lambda *args, **options: stacks.append(zoo.pretrain(*args, **options)),
    )
    monkeypatch.setattr(Stopped, "seen", [])
    monkeypatch.setattr(Stopped, "stop_after", 2)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "out", epochs=4, model_class=Stopped)
    assert [type(layer).__name__ for layer in stacks[0]] == ["DenoisingAutoencoder"] * 2
    assert [layer.corruption.level for layer in stacks[0]] == [0.1, 0.1]
    card = train(recipe, tmp_path / "out", epochs=4, model_class=Stopped)
    assert len(stacks) == 1
    assert card["recipe"]["pretraining"] == pretraining


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pretraining", "until_stop", "after"),
    [
        # 6 steps an epoch: the optimizer counts on, with its falling rate
        ({"epochs": 3, "final": 0.1}, [(0, 6), (1, 12)], [(2, 18)]),
        # the first of two layers is complete, and is not trained again
        (
            {"epochs": 2, "class": "Stopped", "likelihood": "gaussian"},
            [(0, 6), (1, 12)],
            [(0, 6), (1, 12)],
        ),
    ],
)
def test_an_interrupted_pretraining_goes_on(
    recipe, tmp_path, monkeypatch, pretraining, until_stop, after
):
    monkeypatch.setitem(training.CLASSES, "Stopped", Stopped)
    monkeypatch.setattr(Stopped, "seen", [])
    monkeypatch.setattr(Stopped, "stop_after", 2)
    recipe = dataclasses.replace(recipe, pretraining=pretraining)
    with pytest.raises(KeyboardInterrupt) as stop:
        train(recipe, tmp_path / "out", epochs=1, model_class=Stopped)
    assert "the same command continues" in stop.value.__notes__[0]
    assert Stopped.seen == until_stop
    train(recipe, tmp_path / "out", epochs=1, model_class=Stopped)
    assert Stopped.seen == [*until_stop, *after, (0, 6)]
    assert os.listdir(tmp_path) == ["out"]
    train(recipe, tmp_path / "whole", epochs=1, model_class=Stopped)
    resumed, whole = held_out_loss(tmp_path / "out"), held_out_loss(tmp_path / "whole")
    assert resumed == pytest.approx(whole, rel=1e-4)


@pytest.mark.parametrize("final", [None, 0.1])
def test_the_rate_of_a_pretraining_is_constant_or_falls(recipe, monkeypatch, final):
    rates = []

    def fit(self, *args, **options):
        rates.append(self.optimizer._learning_rate)

    monkeypatch.setattr(Stopped, "fit", fit)
    pretraining = {"epochs": 3, "learning_rate": 0.01, **({"final": final} if final else {})}
    recipe = dataclasses.replace(recipe, pretraining=pretraining)
    (x, _), _ = data.load("digits")
    training.start(training.make_model(recipe, Stopped), recipe, (x, None), verbose=0)
    steps = 3 * -(-len(x) // recipe.batch_size)
    assert [float(rates[0](step)) for step in (0, steps)] == pytest.approx(
        [0.01, 0.01 * (final or 1.0)]
    )


def test_a_model_starts_at_the_mean_once_and_before_its_pretraining(recipe, tmp_path, monkeypatch):
    seen = []

    def start_at_mean(model, x):
        zoo.start_at_mean(model, x)
        seen.append((model, keras.ops.convert_to_numpy(model.decoder.get_layer("pixels").bias)))

    monkeypatch.setattr(training, "start_at_mean", start_at_mean)
    monkeypatch.setattr(Stopped, "seen", [])
    monkeypatch.setattr(Stopped, "stop_after", 2)
    recipe = dataclasses.replace(recipe, start="mean", pretraining={"epochs": 1})
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "out", epochs=3, model_class=Stopped)
    assert len(seen) == 2  # the model, and the one that pre-trains it
    assert seen[0][0] is not seen[1][0]
    np.testing.assert_allclose(seen[0][1], seen[1][1])
    (x, _), _ = data.load("digits")
    p = x[: -recipe.validation].mean(axis=0).ravel().clip(0.001, 0.999)
    np.testing.assert_allclose(seen[0][1], np.log(p / (1 - p)), rtol=1e-4, atol=1e-5)
    card = train(recipe, tmp_path / "out", epochs=3, model_class=Stopped)
    assert len(seen) == 2  # not when it goes on
    assert card["recipe"]["start"] == "mean"


def test_layers_can_be_of_the_class_of_the_whole(recipe, tmp_path, monkeypatch):
    stacks = []
    monkeypatch.setattr(training, "pretrain", lambda *args, **options: stacks.append(args[2]))
    pretraining = {"class": "Autoencoder", "epochs": 1}
    train(dataclasses.replace(recipe, pretraining=pretraining), tmp_path / "out", epochs=1)
    assert stacks == [zoo.Autoencoder]


@pytest.mark.slow
def test_without_a_class_the_whole_model_starts_with_other_arguments(recipe):
    pretraining = {"epochs": 1, "samples": 2, "learning_rate": 1e-2}
    model_arguments = {**recipe.model, "samples": 5}
    recipe = dataclasses.replace(
        recipe, class_name="IWAE", model=model_arguments, pretraining=pretraining
    )
    (x, _), (x_test, _) = data.load("digits")
    model = training.make_model(recipe)
    model.compile()
    before = model.evaluate(x_test, verbose=0, return_dict=True)["loss"]
    training.start(model, recipe, (x, None), verbose=0)
    after = model.evaluate(x_test, verbose=0, return_dict=True)["loss"]
    assert after < before - 1  # an evaluation's draws move it by some hundredths
    assert model.samples == 5


@pytest.mark.slow
def test_a_recipe_can_take_labels_away(recipe, tmp_path, monkeypatch):
    seen = []
    fit = zoo.M1.fit
    monkeypatch.setattr(
        zoo.M1, "fit", lambda self, x, y, **rest: seen.append(y) or fit(self, x, y, **rest)
    )
    model_arguments = {**recipe.model, "num_classes": 10, "classifier_epochs": 1}
    recipe = dataclasses.replace(recipe, class_name="M1", model=model_arguments, labels=30)
    card = train(recipe, tmp_path / "out", epochs=1)
    assert card["recipe"]["labels"] == 30
    assert np.bincount(seen[0] + 1, minlength=11).tolist() == [1200 - 30] + [3] * 10


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Autoencoder", "VAE", "AAE"])
def test_in_a_fixed_order_a_resumed_training_ends_where_the_whole_one_does(name, tmp_path):
    (x, _), _ = data.load("digits")

    def fit(folder, *callbacks):
        keras.utils.set_random_seed(3)
        model = getattr(zoo, name)((8, 8, 1), 2, hidden_units=(8,))
        model.compile(keras.optimizers.Adam(1e-2))
        backup = keras.callbacks.BackupAndRestore(tmp_path / folder)
        callbacks = [backup, *callbacks]
        model.fit(x[:200], epochs=4, shuffle=False, verbose=0, callbacks=callbacks)
        return model.get_weights()

    def stop(epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit("stopped", keras.callbacks.LambdaCallback(on_epoch_end=stop))
    for resumed, whole in zip(fit("stopped"), fit("whole"), strict=True):
        np.testing.assert_allclose(resumed, whole, atol=1e-5)  # float32, added up in any order


@pytest.mark.slow
def test_another_training_does_not_continue_from_it(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(Stopped, "seen", [])
    monkeypatch.setattr(Stopped, "stop_after", 1)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "out", epochs=2, model_class=Stopped)
    train(dataclasses.replace(recipe, seed=9), tmp_path / "out", model_class=Stopped)
    assert [epoch for epoch, _ in Stopped.seen] == [0, 0, 1]


@pytest.mark.slow
def test_a_training_whose_preset_could_not_be_written_need_not_be_repeated(
    recipe, tmp_path, monkeypatch
):
    monkeypatch.setattr(Stopped, "seen", [])
    save = saving.save

    def full(*args, **options):
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(saving, "save", full)
    with pytest.raises(OSError, match="no space left"):
        train(recipe, tmp_path / "out", model_class=Stopped)
    monkeypatch.setattr(saving, "save", save)
    train(recipe, tmp_path / "out", model_class=Stopped)
    assert [epoch for epoch, _ in Stopped.seen] == [0, 1]
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.slow
def test_a_full_disk_ends_a_training_with_an_explanation_and_it_can_be_resumed(
    recipe, tmp_path, monkeypatch
):
    monkeypatch.setattr(Stopped, "seen", [])
    monkeypatch.setattr(Stopped, "stop_after", None)
    free = iter([10**9, 1000])

    def usage(folder):
        return types.SimpleNamespace(free=next(free, 10**9))

    monkeypatch.setattr(atomic_writes.shutil, "disk_usage", usage)
    with pytest.raises(OSError, match=r"No space left: 0\.\d MB are needed, and 0\.0 MB are free"):
        train(recipe, tmp_path / "out", epochs=3, model_class=Stopped)
    assert not (tmp_path / "out").exists()
    train(recipe, tmp_path / "out", epochs=3, model_class=Stopped)
    assert [epoch for epoch, _ in Stopped.seen] == [0, 1, 2]  # the failing epoch was not noted


@pytest.mark.slow
def test_a_state_that_was_half_written_does_not_stop_the_next_try(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(Stopped, "seen", [])
    monkeypatch.setattr(Stopped, "stop_after", 3)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "out", epochs=4, model_class=Stopped)
    (progress,) = tmp_path.iterdir()
    latest = progress / "latest.weights.h5"
    latest.write_bytes(latest.read_bytes()[:100])
    train(recipe, tmp_path / "out", epochs=4, model_class=Stopped)
    assert [epoch for epoch, _ in Stopped.seen] == [0, 1, 2, 2, 3]


def test_a_recipe_can_be_written_as_json(recipe):
    """The fingerprint that tells trainings apart relies on it."""
    assert json.loads(json.dumps(dataclasses.asdict(recipe)))["name"] == "small"
    assert training._fingerprint(recipe, 2) != training._fingerprint(recipe, 3)
