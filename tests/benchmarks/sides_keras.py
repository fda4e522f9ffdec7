"""The sides of the training benchmark that are made with Keras: the zoo's, and a plain loop."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

import zoo

SHAPE = (28, 28, 1)
LABELED = 100
LONG = 10**6  # steps, as what is measured is an epoch of a long training

MODELS = {
    "VAE, dense 784-512-256-2x16": lambda: zoo.VAE(SHAPE, 16, hidden_units=(512, 256)),
    "VAE, convolutional 32-64": lambda: zoo.VAE(SHAPE, 16, filters=(32, 64), hidden_units=(128,)),
    "AAE, 784-1000-1000-8": lambda: zoo.AAE(SHAPE, 8, hidden_units=(1000, 1000)),
    "CVAE, dense 784-512-256-2x8": lambda: zoo.CVAE(
        SHAPE, 8, num_classes=10, hidden_units=(512, 256)
    ),
    "contractive, 784-1000": lambda: zoo.ContractiveAutoencoder(SHAPE, 1000, hidden_units=()),
    "M2, 784-500-2x8, 100 labels": lambda: zoo.M2(SHAPE, 8, num_classes=10, hidden_units=(500,)),
}


def data(images, seed=0):
    """Return images like dense drawings, and labels."""
    generator = np.random.default_rng(seed)
    return generator.random((images, *SHAPE), np.float32), generator.integers(0, 10, images)


def zoo_epoch(name, images, batch):
    """Return a function that trains the zoo's model for an epoch, as users do: `fit`."""
    model = MODELS[name]()
    x, y = data(images)
    model.compile()
    model.steps_asked_for = LONG
    if name.startswith("M2"):
        y[LABELED:] = -1
        y[:LABELED] = np.arange(LABELED) % 10
    arrays = (x, y) if model.learns_labels else (x,)
    return lambda: model.fit(*arrays, batch_size=batch, verbose=0)


def plain_epoch(name, images, batch):
    """Return a function that trains the same networks for an epoch as Keras's guides teach it."""
    model = PLAIN[name.split(",")[0]](MODELS[name]())
    x, y = data(images)
    model.compile("adam")
    if isinstance(model, PlainM2):
        model.labeled = tf.constant(x[:LABELED]), tf.constant(np.arange(LABELED) % 10)
    arrays = (x, y) if model.labels else (x,)
    return lambda: model.fit(*arrays, batch_size=batch, verbose=0)


class Plain(keras.Model):
    """The textbook loop: a gradient tape, Keras's noise, a mean as metric."""

    labels = False

    def __init__(self, source):
        super().__init__()
        self.encoder, self.decoder = source.encoder, source.decoder
        self.seeds = keras.random.SeedGenerator(0)
        self.loss_tracker = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.loss_tracker]

    def train_step(self, data):
        x, y = data if self.labels else (data, None)
        with tf.GradientTape() as tape:
            loss = self.loss_of(x, y)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}

    def sampled(self, mean, log_var):
        return mean + ops.exp(0.5 * log_var) * keras.random.normal(ops.shape(mean), seed=self.seeds)


class PlainVAE(Plain):
    def loss_of(self, x, y):
        codes = self.encoder(x, training=True)
        mean, log_var = codes["z_mean"], codes["z_log_var"]
        logits = self.decoder(self.sampled(mean, log_var), training=True)
        return ops.mean(cross_entropy(x, logits) + divergence(mean, log_var))


class PlainCVAE(Plain):
    labels = True

    def loss_of(self, x, y):
        codes = self.encoder({"x": x, "label": y}, training=True)
        mean, log_var = codes["z_mean"], codes["z_log_var"]
        logits = self.decoder({"z": self.sampled(mean, log_var), "label": y}, training=True)
        return ops.mean(cross_entropy(x, logits) + divergence(mean, log_var))


class PlainContractive(Plain):
    """With the closed form of the penalty, as every lecture has it."""

    def loss_of(self, x, y):
        z = self.encoder(x, training=True)
        kernel = self.encoder.get_layer("z").kernel
        penalty = ops.sum(ops.square(z * (1 - z)) * ops.sum(ops.square(kernel), axis=0), axis=1)
        return ops.mean(cross_entropy(x, self.decoder(z, training=True)) + 0.1 * penalty)


class PlainM2(Plain):
    """One pass through all networks for each label, as the paper's equation reads."""

    labels = True

    def __init__(self, source):
        super().__init__(source)
        self.trunk, self.classifier = source.trunk, source.classifier

    def bound(self, x, y):
        codes = self.encoder({"x": x, "label": y}, training=True)
        mean, log_var = codes["z_mean"], codes["z_log_var"]
        logits = self.decoder({"z": self.sampled(mean, log_var), "label": y}, training=True)
        return cross_entropy(x, logits) + divergence(mean, log_var) + np.log(10.0)

    def loss_of(self, x, y):
        q = ops.softmax(self.classifier(self.trunk(x), training=True))
        each = [self.bound(x, ops.full(ops.shape(x)[:1], label, "int32")) for label in range(10)]
        expected = ops.sum(q * (ops.stack(each, axis=1) + ops.log(q + 1e-30)), axis=1)
        images, labels = self.labeled
        logits = self.classifier(self.trunk(images), training=True)
        errors = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        known = self.bound(images, tf.cast(labels, "int32"))
        return ops.mean(expected) + ops.mean(known) + 10.0 * ops.mean(errors)


class PlainAAE(Plain):
    """Three updates, each with its own tape and optimizer."""

    def __init__(self, source):
        super().__init__(source)
        self.discriminator = source.discriminator

    def compile(self, optimizer):
        super().compile(optimizer)
        self.others = [keras.optimizers.Adam(), keras.optimizers.Adam()]

    def update(self, loss_of, variables, optimizer):
        with tf.GradientTape() as tape:
            loss = loss_of()
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    def train_step(self, x):
        prior = keras.random.normal((ops.shape(x)[0], 8), seed=self.seeds)

        def reconstruction():
            z = self.encoder(x, training=True)
            return ops.mean(cross_entropy(x, self.decoder(z, training=True)))

        def discrimination():
            codes = ops.stop_gradient(self.encoder(x))
            logits = self.discriminator(prior, training=True), self.discriminator(codes)
            return ops.mean(ops.softplus(-logits[0]) + ops.softplus(logits[1]))

        def generation():
            return ops.mean(ops.softplus(-self.discriminator(self.encoder(x, training=True))))

        encoder = self.encoder.trainable_variables
        pair = [*encoder, *self.decoder.trainable_variables]
        loss = self.update(reconstruction, pair, self.optimizer)
        self.update(discrimination, self.discriminator.trainable_variables, self.others[0])
        self.update(generation, encoder, self.others[1])
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}


PLAIN = {
    "VAE": PlainVAE,
    "CVAE": PlainCVAE,
    "contractive": PlainContractive,
    "M2": PlainM2,
    "AAE": PlainAAE,
}


def cross_entropy(x, logits):
    """Return -log p(x | z) of pixels, [batch]."""
    terms = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits)
    return ops.sum(terms, axis=(1, 2, 3))


def divergence(mean, log_var):
    """Return KL(N(mean, exp log_var) || N(0, 1)), [batch]."""
    return 0.5 * ops.sum(ops.square(mean) + ops.exp(log_var) - log_var - 1, axis=1)
