"""The contract, for every model class in the settings that differ."""

import keras
import pytest
from contract import CHECKS, Case
from keras import layers

import zoo
from zoo.models import CLASSES

SHAPE = (8, 8, 1)


def small(cls, **options):
    return lambda **more: cls(SHAPE, 3, **{"hidden": (16,), **options, **more})


def own_networks(dtype=None):
    """A VAE whose networks a user made, with batch normalisation in the encoder."""
    x = keras.Input(SHAPE)
    features = layers.Flatten()(x)
    features = layers.BatchNormalization(dtype=dtype)(
        layers.Dense(16, activation="tanh", dtype=dtype)(features)
    )
    heads = {
        name: layers.Dense(3, name=name, dtype="float32")(features)
        for name in ("z_mean", "z_log_var")
    }
    z = keras.Input((3,))
    logits = layers.Dense(64, dtype="float32")(layers.Dense(16, activation="tanh", dtype=dtype)(z))
    return zoo.VAE(
        encoder=keras.Model(x, heads),
        decoder=keras.Model(z, layers.Reshape(SHAPE)(logits)),
        dtype=dtype,
    )


SETTINGS = {
    "Autoencoder": small(zoo.Autoencoder),
    "Autoencoder, squared error": small(zoo.Autoencoder, likelihood="squared_error", hidden=()),
    "VAE": small(zoo.VAE),
    "VAE, convolutional": small(zoo.VAE, filters=(4, 8)),
    "VAE, Gaussian, wide prior": small(
        zoo.VAE, likelihood="gaussian", prior=zoo.Normal(3, scale=2.0), beta=2.0
    ),
    "VAE, networks of one's own": own_networks,
    "CVAE": small(zoo.CVAE, num_classes=10),
    "CVAE, convolutional": small(zoo.CVAE, num_classes=10, filters=(4,)),
    "AAE": small(zoo.AAE, prior=zoo.Normal(3, scale=5.0)),
    "AAE, convolutional": small(zoo.AAE, filters=(4,)),
}


# The same code in another setting: checked on every backend by .ci/run, not at every turn.
SLOW = {name for name in SETTINGS if "convolutional" in name or "squared" in name or "wide" in name}


@pytest.fixture(scope="module")
def digits():
    (x, y), _ = zoo.data.load("digits")
    return x[:256], y[:256]


def test_every_class_is_covered():
    assert {type(make()).__name__ for make in SETTINGS.values()} == set(CLASSES)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    "setting",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in SETTINGS],
)
def test_contract(setting, check, digits):
    check(Case(SETTINGS[setting], *digits))
