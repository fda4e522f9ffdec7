"""Networks as a user may hand over: sequential and subclassed ones."""

import keras
from keras import layers, ops

from support.tiny import BACKEND, X

SHAPE = (4, 4, 1)


def dense_encoder(*first):
    return keras.Sequential([*first, layers.Flatten(), layers.Dense(3, name="code")])


def dense_decoder(*first, activation=None):
    last = layers.Dense(16, activation=activation)
    return keras.Sequential([*first, layers.Dense(8, "relu"), last, layers.Reshape(SHAPE)])


class Noisy(layers.Layer):
    """Adds noise at each call, which no exported file can."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed = keras.random.SeedGenerator(0)

    def call(self, inputs):
        return inputs + keras.random.normal(ops.shape(inputs), seed=self.seed)


@keras.saving.register_keras_serializable(package="tests")
class Encoder(keras.Model):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units, self.flat, self.dense = units, layers.Flatten(), layers.Dense(units)

    def call(self, x):
        return self.dense(self.flat(x))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="tests")
class Decoder(keras.Model):
    def __init__(self, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.last = activation
        self.dense, self.shape = layers.Dense(16, activation=activation), layers.Reshape(SHAPE)

    def call(self, z):
        return self.shape(self.dense(z))

    def get_config(self):
        return {**super().get_config(), "activation": self.last}


def fitted(model):
    model.compile("adam", run_eagerly=BACKEND != "jax")
    model.fit(X, batch_size=6, verbose=0)
    return model
