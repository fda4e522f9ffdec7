"""A training on one device or on several, run by `test_devices.py`.

    python tests/support/distributed.py MODEL WAY OUT [--optimizer NAME] [--epochs N] [--rows N]
        [--backup FOLDER]

WAY is alone, mirrored, workers (with TF_CONFIG in the environment), data_parallel, or processes.
The last one is data_parallel in one of two JAX processes: the environment variable PROCESS is its
number, and COORDINATOR the address of process 0.
"""

import argparse
import os

import numpy as np

ROWS, BATCH = 51, 20  # a last batch of 11 rows, which do not split evenly
GENERATOR = np.random.default_rng(0)
X = GENERATOR.random((ROWS, 4, 4, 1), np.float32)
LABELS = np.where(np.arange(ROWS) < 12, np.arange(ROWS) % 3, -1)
WEIGHTS = GENERATOR.random(ROWS).astype("float32")
SHAPE = (4, 4, 1)


def two_devices(way):
    """Tell the backend, which has not started yet, of two devices."""
    if way == "data_parallel":
        os.environ["XLA_FLAGS"] = (
            "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"
        )
    if way == "processes":
        import jax

        place, number = os.environ["COORDINATOR"], int(os.environ["PROCESS"])
        jax.distributed.initialize(place, num_processes=2, process_id=number)
        assert (jax.device_count(), jax.local_device_count()) == (2, 1)
    if way == "mirrored":
        import tensorflow as tf

        cpus = tf.config.list_physical_devices("CPU")
        two = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpus[0], two)


def arguments_of(name):
    """Return a model's class, its arguments, and what it learns from."""
    import zoo

    small = {"hidden_units": (8,)}
    return {
        "autoencoder": (zoo.Autoencoder, {**small, "l2": 1e-2}, {"sample_weight": WEIGHTS}),
        "sparse": (zoo.SparseAutoencoder, {"hidden_units": ()}, {}),
        "vae": (zoo.VAE, {**small, "free_bits": 0.5, "samples": 2}, {}),
        "aae": (zoo.AAE, {**small, "generator_steps": 2, "posterior": "gaussian"}, {}),
        "m2": (zoo.M2, {**small, "num_classes": 3, "labeled_batch_size": 5}, {"y": LABELS}),
    }[name]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument(
        "way", choices=("alone", "mirrored", "workers", "data_parallel", "processes")
    )
    parser.add_argument("out")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--backup")
    parser.add_argument("--optimizer", default="SGD")
    parser.add_argument("--rows", type=int, default=ROWS)
    arguments = parser.parse_args()
    x = X[: arguments.rows]
    two_devices(arguments.way)
    import keras

    import zoo
    from zoo.training.callbacks import Backup

    named = {"alone": None, "processes": "data_parallel"}
    with zoo.strategy(named.get(arguments.way, arguments.way)):
        model_class, options, given = arguments_of(arguments.name)
        keras.utils.set_random_seed(1)
        model = model_class(SHAPE, 3, **options)
        optimizer = getattr(keras.optimizers, arguments.optimizer)(0.02)
        model.compile(optimizer, jit_compile=keras.backend.backend() == "jax")
        settings = {"batch_size": BATCH, "verbose": 0}
        given = {key: value[: arguments.rows] for key, value in given.items()}
        held_out = (x[:33], given["y"][:33]) if "y" in given else x[:33]
        if arguments.backup:
            settings["callbacks"] = [Backup(arguments.backup, double_checkpoint=True)]
        history = model.fit(
            x, **given, validation_data=held_out, epochs=arguments.epochs, **settings
        ).history
        settings.pop("callbacks", None)
        logs = model.evaluate(x, **given, return_dict=True, **settings)
    figures = {f"fit {key}": values for key, values in history.items()}
    figures |= {f"evaluate {key}": value for key, value in logs.items()}
    weights = {f"weight {i}": weight for i, weight in enumerate(model.get_weights())}
    np.savez(
        arguments.out,
        steps=keras.ops.convert_to_numpy(model.optimizer.iterations),
        **figures,
        **weights,
    )


if __name__ == "__main__":
    main()
