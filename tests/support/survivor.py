"""A training that may be killed at any moment, run by `test_survival.py`.

    python tests/support/survivor.py fit|train FOLDER EPOCHS

Prints a line with every epoch, and leaves its final weights in FOLDER/final.npz: by `fit` with a
backup, or as `zoo train` does it.
"""

import sys
import time
from pathlib import Path

import keras
import numpy as np

import zoo
from zoo import recipes
from zoo.recipes import training
from zoo.training import callbacks

X = np.random.default_rng(0).random((96, 4, 4, 1), np.float32)
MODEL = {
    "latent_dim": 2,
    "posterior": "gaussian",
    "hidden_units": (8,),
    "dropout": 0.2,
    "likelihood": "bernoulli",  # stated, so that no line tells of another one for photographs
}


class Announce(keras.callbacks.Callback):
    """Say which epoch is saved, and give the killer time to strike."""

    def on_epoch_end(self, epoch, logs=None):
        print(f"epoch {epoch + 1} is saved", flush=True)
        time.sleep(0.02)


def by_fit(folder, epochs):
    keras.utils.set_random_seed(5)
    model = zoo.AAE((4, 4, 1), **MODEL)
    model.compile(jit_compile=keras.backend.backend() == "jax")
    keeping = callbacks.Backup(folder / "backup", delete_checkpoint=False)
    model.fit(X, batch_size=32, epochs=epochs, callbacks=[keeping, Announce()], verbose=0)
    return [*model.get_weights(), *map(keras.ops.convert_to_numpy, model.optimizer.variables)]


def by_train(folder, epochs):
    recipe = recipes.Recipe(
        name="small",
        description="Small.",
        paper="none",
        data="",
        class_name="AAE",
        epochs=epochs,
        model=MODEL,
        batch_size=32,
        storage="float32",
    )
    training.train(recipe, folder / "preset", images=X)
    return zoo.load(folder / "preset").get_weights()


def main(way, folder, epochs):
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    arrays = {"fit": by_fit, "train": by_train}[way](folder, int(epochs))
    np.savez(folder / "final.npz", *arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
