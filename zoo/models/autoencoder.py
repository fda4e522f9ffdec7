"""The plain autoencoder."""

import keras

from zoo.models.base import BaseAutoencoder


@keras.saving.register_keras_serializable(package="zoo")
class Autoencoder(BaseAutoencoder):
    """A code narrow enough that an image must be understood to pass through it.

    Minimizes -log p(x | z) with z = encoder(x), for encoder and decoder together: the squared
    error with `likelihood="squared_error"`, the cross-entropy with "bernoulli". There is no prior
    over the codes, so it reconstructs and does not generate.

    Use it for compression, for features, and as the baseline of everything else.

    Args: see `zoo.models.base.BaseAutoencoder`.

    Source: Rumelhart, Hinton and Williams 1986; Hinton and Salakhutdinov 2006
    (doi 10.1126/science.1127647).
    """

    def loss_terms(self, batch, training):
        z = self.encoder(batch.x, training=training)
        parameters = self.decoder(z, training=training)
        return {"reconstruction": -self.likelihood.log_prob(batch.x, parameters)}
