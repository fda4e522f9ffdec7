"""One leg of a training that several backends take turns at, run by `test_checkpoints.py`.

    python tests/support/relay.py FROM TO

Goes on from the checkpoint in the folder FROM, or starts where it is "-"; leaves one in TO.
"""

import sys
from pathlib import Path

import keras
import numpy as np

import zoo
import zoo.models  # Keras finds the classes of a file by their import

X = np.random.default_rng(0).random((48, 4, 4, 1), np.float32)
MODELS = {
    # Without noise, of which every backend draws its own: what is learned must agree.
    "autoencoder": lambda: zoo.Autoencoder((4, 4, 1), 2, hidden_units=(8,), l2=1e-3),
    "aae": lambda: zoo.AAE((4, 4, 1), 2, hidden_units=(8,), posterior="gaussian", dropout=0.2),
}


def main(first, last):
    last = Path(last)
    last.mkdir()
    for name, make in MODELS.items():
        if first == "-":
            keras.utils.set_random_seed(3)
            model = make()
            model.compile(keras.optimizers.Adam(1e-2), jit_compile=keras.backend.backend() == "jax")
        else:
            model = keras.models.load_model(Path(first, f"{name}.keras"))
        figures = {"received": model.encode(X)}
        if name == "autoencoder" or first == "-":
            model.fit(X, batch_size=16, shuffle=False, verbose=0)
        model.save(last / f"{name}.keras")
        states = [keras.ops.convert_to_numpy(v) for v in model.optimizer.variables]
        figures |= {f"optimizer {i}": state for i, state in enumerate(states)}
        figures |= {f"weight {i}": weight for i, weight in enumerate(model.get_weights())}
        np.savez(last / f"{name}.npz", left=model.encode(X), **figures)


if __name__ == "__main__":
    main(*sys.argv[1:])
