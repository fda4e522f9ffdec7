"""What `fit` does around the steps: settings of variants, streams, weights, licences."""

from typing import ClassVar

import keras
import numpy as np
import pytest
from keras import ops
from support.tiny import BACKEND, X

import zoo
from zoo.checks.data import Data
from zoo.models.base import Losses

Y = np.arange(len(X)) % 3


def vae(cls=zoo.VAE, **options):
    return cls((4, 4, 1), 2, hidden_units=(5,), **options)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="a data set of TensorFlow's")
def test_a_preset_that_is_trained_on_a_stream_of_unknown_length_loses_its_licence():
    import tensorflow as tf

    model = zoo.load("vae_digits")
    x = np.zeros((8, 8, 8, 1), "float32")
    assert model.licence
    model.fit(tf.data.Dataset.from_tensor_slices(x).filter(lambda _: True).batch(4), verbose=0)
    assert model.licence is None


@pytest.mark.slow
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_of_a_stream_are_shuffled_as_asked(shuffle):
    class Batches(keras.utils.PyDataset):
        seen: list = []  # noqa: RUF012

        def __len__(self):
            return 30

        def __getitem__(self, index):
            self.seen.append(index)
            return (X[:2],)

    batches, model = Batches(), vae()
    model.compile()
    model.fit(batches, shuffle=shuffle, verbose=0)
    last_pass = batches.seen[-30:]  # the first batches are looked at before it
    assert (last_pass == [*range(30)]) is not shuffle


def test_labels_are_checked_before_weights_are_looked_up_by_class():
    model = vae(zoo.CVAE, num_classes=3)
    model.compile()
    with pytest.raises(ValueError, match="looks one-hot"):
        model.fit(X, np.eye(3)[Y], class_weight={1: 2.0}, verbose=0)
    with pytest.raises(ValueError, match="y is missing"):
        model.fit(X, class_weight={1: 2.0}, verbose=0)


def test_another_share_of_labels_makes_another_step():
    """The share of labeled images is a constant of the step."""
    model, few = vae(zoo.M2, num_classes=3), np.where(np.arange(len(X)) < 6, Y, -1)
    model.data_of_batches(Data(model, X, few))
    assert model.labeled.per_unlabeled == 1.0
    model.train_function = step = object()
    model.data_of_batches(Data(model, X, few))
    assert model.train_function is step
    more = np.concatenate([X, X[6:]]), np.concatenate([few, few[6:]])
    model.data_of_batches(Data(model, *more))
    assert model.labeled.per_unlabeled == 0.5
    assert model.train_function is None


def test_the_labeled_images_are_a_copy_and_the_data_stay_whole():
    model, few = vae(zoo.M2, num_classes=3), np.where(np.arange(len(X)) < 6, Y, -1)
    data = Data(model, X, few)
    others = model.data_of_batches(data)
    np.testing.assert_array_equal(others.x, X[few < 0])
    np.testing.assert_array_equal(model.labeled.arrays[0], X[few >= 0])
    np.testing.assert_array_equal(data.x, X)
    np.testing.assert_array_equal(data.columns[1], few)


def test_a_variant_that_says_conditional_takes_labels_in_both_networks():
    class Told(zoo.VAE):
        conditional = True

        def __init__(self, *args, num_classes, **kwargs):
            self.num_classes = num_classes
            super().__init__(*args, **kwargs)

    model = vae(Told, num_classes=3)
    assert Told.learns_labels
    model.compile()
    model.fit(X, Y, verbose=0)
    assert model.reconstruct(X, Y).shape == X.shape


def test_an_own_setting_may_have_an_old_name():
    class Own(zoo.VAE):
        def __init__(self, *args, draws=3, **kwargs):
            super().__init__(*args, **kwargs)
            self.draws = draws

    assert Own.from_config(vae(Own, draws=5).get_config()).draws == 5


def test_a_setting_without_an_attribute_is_refused():
    class Forgetful(zoo.VAE):
        def __init__(self, *args, width=3, **kwargs):
            super().__init__(*args, **kwargs)

    with pytest.raises(TypeError, match=r"Forgetful takes width=, .*self\.width = width"):
        vae(Forgetful).get_config()


def test_a_loss_that_is_a_scalar_trains():
    class Scalar(zoo.Autoencoder):
        def losses(self, batch, training):
            error = ops.mean(ops.square(self.call(batch.x, training) - batch.x))
            return Losses(error, reconstruction=error)

    model = vae(Scalar)
    model.compile()
    logs = model.fit(X, verbose=0).history
    assert logs["loss"] == logs["reconstruction"]


def test_the_error_for_the_prior_of_m2_names_learned_priors():
    with pytest.raises(ValueError, match='give a zoo.Normal, "learned" or a network'):
        vae(zoo.M2, num_classes=3, prior="normal")


def test_own_networks_keep_the_widths_of_the_discriminator():
    encoder = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2)])
    decoder = keras.Sequential([keras.layers.Dense(16), keras.layers.Reshape((4, 4, 1))])
    options = {"input_shape": (4, 4, 1), "latent_dim": 2, "encoder": encoder, "decoder": decoder}
    model = zoo.AAE(**options, hidden_units=(7,))
    copy = zoo.AAE.from_config(model.get_config())
    shapes = [tuple(w.shape) for w in copy.discriminator.weights]
    assert shapes == [tuple(w.shape) for w in model.discriminator.weights]


@pytest.mark.slow
@pytest.mark.backend
@pytest.mark.compiled
@pytest.mark.parametrize("first", [True, False])
def test_steps_may_be_switched_between_eager_and_compiled(first):
    model = vae()
    model.compile(run_eagerly=first)
    for eager in (first, not first, first):
        model.run_eagerly = eager
        model.fit(X, batch_size=5, verbose=0)
        assert np.isfinite(model.evaluate(X, batch_size=5, verbose=0)[0])


@pytest.mark.parametrize("cls", [zoo.M2, zoo.SemiSupervisedAAE])
def test_a_refused_training_keeps_the_licence(cls):
    model = vae(cls, num_classes=3)
    model.licence, model.licence_is_the_presets = "Apache-2.0", True
    model.compile()
    with pytest.raises(ValueError, match="No training image of class 0, 1 has a label"):
        model.fit(X, np.where(Y == 2, Y, -1), verbose=0)
    assert model.licence == "Apache-2.0"


def test_a_licence_that_was_set_stays_after_training():
    """Also if it is the text that the preset had, and if it was set before the first training."""
    model = zoo.load("vae_digits")
    model.licence = str(model.licence)
    model.fit(np.zeros((8, 8, 8, 1), "float32"), verbose=0)
    assert model.licence == zoo.card("vae_digits")["licence"]


def test_updates_without_losses_of_their_own_are_evaluated_by_the_loss():
    class TwoUpdates(zoo.VAE):
        updates: ClassVar = {"encoder": ("encoder",), "decoder": ("decoder",)}

        def train_step(self, data):
            batch = self.unpack(data)
            for update in self.updates:
                metrics = self.minimize(lambda: self.losses(batch, True), batch, update)
            return self.track(metrics)

    model = vae(TwoUpdates)
    model.compile("adam")
    history = model.fit(X, validation_data=(X, None), verbose=0).history
    assert history["val_loss"][0] == pytest.approx(model.evaluate(X, verbose=0)[0], rel=0.1)


def test_updates_that_are_no_dict_are_refused_where_the_class_is_written():
    with pytest.raises(TypeError, match=r"Wrong.updates is a tuple; give a dict"):

        class Wrong(zoo.VAE):
            updates = ("encoder", "decoder")


def test_an_argument_with_the_name_of_a_method_is_refused():
    class Named(zoo.VAE):
        def __init__(self, *args, prepared=1, **kwargs):
            super().__init__(*args, **kwargs)
            self.prepared = prepared

        def prepared(self):
            return None

    with pytest.raises(AttributeError, match=r"prepared\(\) is a method of Named"):
        Named((4, 4, 1), 2)
