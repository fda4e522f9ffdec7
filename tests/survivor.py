"""A training that may be killed at any moment, run by `test_survival.py`.

    python tests/survivor.py BACKUP FINAL EPOCHS

Prints a line when its first epoch begins, and leaves the final weights in FINAL.
"""

import sys
import time

import keras
import numpy as np

import zoo


class Announce(keras.callbacks.Callback):
    """Say that the training began, and give the killer time to strike."""

    def on_train_begin(self, logs=None):
        print("training", flush=True)

    def on_epoch_end(self, epoch, logs=None):
        time.sleep(0.02)


def main(backup, final, epochs):
    x = np.random.default_rng(0).random((96, 4, 4, 1), np.float32)
    keras.utils.set_random_seed(5)
    model = zoo.AAE((4, 4, 1), 2, posterior="gaussian", hidden=(8,), dropout=0.2)
    model.compile(jit_compile=keras.backend.backend() == "jax")
    keeping = keras.callbacks.BackupAndRestore(
        backup, double_checkpoint=True, delete_checkpoint=False
    )
    callbacks = [keeping, Announce()]
    model.fit(x, batch_size=32, epochs=int(epochs), callbacks=callbacks, verbose=0)
    optimizers = [np.ravel(keras.ops.convert_to_numpy(v)) for v in model.optimizer.variables]
    np.savez(final, *model.get_weights(), optimizers=np.concatenate(optimizers))


if __name__ == "__main__":
    main(*sys.argv[1:])
