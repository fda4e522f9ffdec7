"""Tiny images and models that tests compute by hand."""

import keras
import numpy as np
from keras import ops

from zoo.models.base import Batch

BACKEND = keras.backend.backend()
X = np.random.default_rng(0).random((12, 4, 4, 1)).astype("float32")


def array(tensor):
    return ops.convert_to_numpy(ops.stop_gradient(tensor))


def tensor(values):
    return ops.convert_to_tensor(np.asarray(values, "float32"))


def gradient(function, values):
    """Return the gradient of a scalar function of one tensor, at values."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        variable = tf.Variable(values, dtype="float32")
        with tf.GradientTape() as tape:
            value = function(variable)
        return tape.gradient(value, variable).numpy()
    if BACKEND == "jax":
        import jax

        return np.asarray(jax.grad(function)(tensor(values)))
    variable = tensor(values).requires_grad_()
    function(variable).backward()
    return array(variable.grad)


def terms(model, x, training=False):
    found = model.losses(Batch(ops.convert_to_tensor(x)), training).metrics
    return {name: array(metric) for name, metric in found.items()}


def randomized(model, scale=0.5):
    """Move every weight away from where it starts: fresh biases are zero."""
    model.set_weights(
        [
            (w + scale * np.random.default_rng(1).standard_normal(w.shape)).astype(w.dtype)
            if w.dtype.kind == "f"
            else w
            for w in model.get_weights()
        ]
    )
    return model


def features_of_images(shape):
    """Return a network of images to the features of two layers; the same at every call."""
    x = keras.Input(shape, name="x")
    seeded = [keras.initializers.GlorotUniform(seed=i) for i in range(2)]
    low = keras.layers.Conv2D(3, 3, activation="relu", kernel_initializer=seeded[0])(x)
    high = keras.layers.Dense(5, activation="tanh", kernel_initializer=seeded[1])(
        keras.layers.Flatten()(low)
    )
    return keras.Model(x, [low, high], name="features")
