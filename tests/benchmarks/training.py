"""Training throughput of the zoo's default `compile()` beside a plain Keras loop.

    python tests/benchmarks/training.py [--rounds 5] [--images 60000]

Both sides train the same variational autoencoder, with Adam, at batch 128, with `fit` on a NumPy
array. The plain side is what Keras's own guides teach: a custom `train_step` with a gradient tape,
`keras.random.normal`, and `compile("adam")`. The sides take turns in one process; the first epoch
of each (tracing, compiling) is not counted. Needs the TensorFlow backend.
"""

import argparse
import os
import statistics
import time

import keras
import numpy as np
import tensorflow as tf
from keras import ops

import zoo

ARCHITECTURES = {
    "dense 784-512-256-2x16": {"hidden": (512, 256)},
    "convolutional 32-64": {"filters": (32, 64), "hidden": (128,)},
}


class PlainVAE(keras.Model):
    """The textbook loop, with the networks of a zoo model."""

    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.seeds = keras.random.SeedGenerator(0)
        self.loss_tracker = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.loss_tracker]

    def train_step(self, x):
        with tf.GradientTape() as tape:
            codes = self.encoder(x, training=True)
            mean, log_var = codes["z_mean"], codes["z_log_var"]
            noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
            logits = self.decoder(mean + ops.exp(0.5 * log_var) * noise, training=True)
            entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits)
            kl = 0.5 * ops.sum(ops.square(mean) + ops.exp(log_var) - log_var - 1, axis=1)
            loss = ops.mean(ops.sum(entropy, axis=(1, 2, 3)) + kl)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}


def product_bound(model, batch=128):
    """Return images/s if a step were nothing but the matrix products of its dense layers."""
    kernels = [w for w in model.trainable_weights if len(w.shape) == 2]
    pairs = [(tf.random.normal((batch, k.shape[0])), tf.constant(k.value)) for k in kernels]

    @tf.function(jit_compile=True)
    def products():
        total = 0.0
        for x, w in pairs:
            y = x @ w
            total += tf.reduce_sum(tf.matmul(y, w, transpose_b=True))
            total += tf.reduce_sum(tf.matmul(x, y, transpose_a=True))
        return total

    products()
    times = []
    for _ in range(100):
        start = time.perf_counter()
        products().numpy()
        times.append(time.perf_counter() - start)
    return batch / statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=60000)
    arguments = parser.parse_args()
    x = np.random.default_rng(0).random((arguments.images, 28, 28, 1), np.float32)
    print(
        f"{os.cpu_count()} cores, Keras {keras.__version__}, TensorFlow {tf.__version__}; images/s"
    )
    for name, description in ARCHITECTURES.items():
        ours = zoo.VAE((28, 28, 1), 16, **description)
        ours.compile()
        other = zoo.VAE((28, 28, 1), 16, **description)
        plain = PlainVAE(other.encoder, other.decoder)
        plain.compile("adam")
        speeds = {"plain": [], "zoo": []}
        for turn in range(arguments.rounds + 1):
            for side, model in (("plain", plain), ("zoo", ours)):
                start = time.perf_counter()
                model.fit(x, batch_size=128, verbose=0)
                if turn:
                    speeds[side].append(len(x) / (time.perf_counter() - start))
        plain_speed, our_speed = (statistics.median(speeds[side]) for side in ("plain", "zoo"))
        ratio = statistics.median(
            z / p for p, z in zip(speeds["plain"], speeds["zoo"], strict=True)
        )
        line = f"{name:26} plain {plain_speed:8,.0f}   zoo {our_speed:8,.0f}   ratio {ratio:.2f}"
        if "filters" not in description:
            line += f"   bound by matrix products {product_bound(ours):8,.0f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
