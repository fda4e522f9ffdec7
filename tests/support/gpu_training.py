"""A training that tests compare between a GPU and a CPU.

    python tests/support/gpu_training.py OUT

Says on which device it ran, and leaves the weights in OUT: of models without noise, of which every
device draws its own, after three epochs in full precision of float32.
"""

import sys

import keras
import numpy as np

import zoo
from zoo.backend import backend

X = np.random.default_rng(0).random((200, 8, 8, 1), np.float32)
MODELS = {
    "autoencoder": lambda: zoo.Autoencoder((8, 8, 1), 4, hidden_units=(32,), l2=1e-3),
    "convolutional": lambda: zoo.Autoencoder((8, 8, 1), 4, filters=(8, 16), hidden_units=(32,)),
    "contractive": lambda: zoo.ContractiveAutoencoder((8, 8, 1), 4, hidden_units=()),
    "target propagation": lambda: zoo.TargetPropAutoencoder((8, 8, 1), 4, hidden_units=(16,)),
}


def switch_tf32_off() -> None:
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
    elif keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_default_matmul_precision", "highest")
    else:
        import torch

        torch.backends.cudnn.allow_tf32 = False


def main(out):
    switch_tf32_off()
    print(backend.device(), flush=True)
    weights = {}
    for name, make in MODELS.items():
        keras.utils.set_random_seed(3)
        model = make()
        start = [np.array(weight) for weight in model.get_weights()]
        generator = np.random.default_rng(1)  # the same on every device
        model.set_weights(
            [
                0.2 * generator.standard_normal(weight.shape).astype(weight.dtype)
                if weight.dtype.kind == "f"
                else weight
                for weight in start
            ]
        )
        model.compile(keras.optimizers.SGD(1e-3))
        model.fit(X, batch_size=32, epochs=3, shuffle=False, verbose=0)
        for i, weight in enumerate(model.get_weights()):
            if weight.dtype.kind == "f":
                weights[f"{name} {i}"] = weight
    np.savez(out, **weights)


if __name__ == "__main__":
    main(*sys.argv[1:])
