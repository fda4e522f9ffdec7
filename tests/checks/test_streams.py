"""Every batch of a data set, a loader or a generator is checked before it is learned from."""

import keras
import numpy as np
import pytest
from support.each_class import LONGER, longer
from support.tiny import BACKEND

import zoo

X = np.random.default_rng(0).random((24, 4, 4, 1)).astype("float32")
Y = np.arange(24) % 10
SIZE = 8


class Batches(keras.utils.PyDataset):
    def __init__(self, *columns, **options):
        super().__init__(**options)
        self.columns, self.epochs = columns, 0

    def __len__(self):
        return len(self.columns[0]) // SIZE

    def __getitem__(self, index):
        return tuple(column[index * SIZE : (index + 1) * SIZE] for column in self.columns)

    def on_epoch_end(self):
        self.epochs += 1


def generator(*columns):
    yield from map(Batches(*columns).__getitem__, range(len(columns[0]) // SIZE))


def dataset(*columns):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices(columns).batch(SIZE)


def dataset_of_unknown_length(*columns):
    return dataset(*columns).filter(lambda *batch: True)


def dataset_of_a_generator(*columns):
    tf = pytest.importorskip("tensorflow")
    specs = tuple(tf.TensorSpec((None, *c.shape[1:]), c.dtype) for c in columns)
    return tf.data.Dataset.from_generator(lambda: generator(*columns), output_signature=specs)


def loader(*columns):
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(*map(torch.from_numpy, columns))
    return torch.utils.data.DataLoader(data, SIZE)


KINDS = [Batches, generator, dataset, dataset_of_unknown_length, dataset_of_a_generator, loader]
# One of Keras's, one of Python's; the others are other sources of the same batches.
OFTEN = [Batches, generator]
every_kind = pytest.mark.parametrize(
    "make",
    [pytest.param(kind, marks=() if kind in OFTEN else LONGER, id=kind.__name__) for kind in KINDS],
)
pytestmark = pytest.mark.backend


def vae(likelihood="bernoulli"):
    model = zoo.VAE((4, 4, 1), 2, hidden_units=(4,), likelihood=likelihood)
    model.compile(keras.optimizers.SGD(0.1), jit_compile=BACKEND == "jax")
    return model


def aae():
    model = zoo.AAE((4, 4, 1), 2, hidden_units=(4,))
    model.compile(keras.optimizers.SGD(0.1), jit_compile=BACKEND == "jax")
    return model


def cvae():
    model = zoo.CVAE((4, 4, 1), 2, hidden_units=(4,), num_classes=10)
    model.compile(keras.optimizers.SGD(0.1), jit_compile=BACKEND == "jax")
    return model


def spoiled(values, changed):
    """Return the values with those of the last batch changed."""
    values = values.copy()
    values[-SIZE:] = changed(values[-SIZE:])
    return values


LATE = {
    "bytes": (lambda x: x * 255, "reach 2.*divide by 255"),
    "NaN": (lambda x: np.where(x > 0.9, np.nan, x), "NaN or infinite"),
    "infinite": (lambda x: np.where(x > 0.9, -np.inf, x), "NaN or infinite"),
    "below zero": (lambda x: x - 1, "go down to -"),
}


@every_kind
@pytest.mark.parametrize("kind", [*LATE][:2])
def test_a_later_batch_that_does_not_fit_is_refused(make, kind):
    changed, says = LATE[kind]
    for method in ("fit", "evaluate"):
        with pytest.raises(ValueError, match=says):
            getattr(vae(), method)(make(spoiled(X, changed)), verbose=0)


@pytest.mark.parametrize("kind", [*LATE][2:])
def test_a_batch_is_checked_for_every_kind_of_wrong_value(kind):
    changed, says = LATE[kind]
    with pytest.raises(ValueError, match=says):
        vae().evaluate(Batches(spoiled(X, changed)), verbose=0)


@every_kind
def test_a_later_batch_of_bytes_is_refused_without_a_range(make):
    with pytest.raises(ValueError, match=r"reach 255\.0"):
        vae("squared_error").fit(make(spoiled(X, lambda x: np.round(x / x.max() * 255))), verbose=0)
    with pytest.raises(ValueError, match="NaN or infinite"):
        vae("squared_error").fit(make(spoiled(X, LATE["NaN"][0])), verbose=0)


@every_kind
def test_later_labels_that_the_model_does_not_have_are_refused(make):
    for labels, says in ((spoiled(Y, lambda y: y + 50), "to 5"), (spoiled(Y, lambda y: -1), "-1")):
        with pytest.raises(ValueError, match=f"y goes from .*{says}"):
            cvae().fit(make(X, labels), verbose=0)


@every_kind
def test_validation_batches_are_checked(make):
    with pytest.raises(ValueError, match=r"of validation_x reach 2.*divide by 255"):
        vae().fit(X, validation_data=make(spoiled(X, LATE["bytes"][0])), verbose=0)


@every_kind
def test_steps_get_only_valid_batches(make):
    model, same = vae(), vae()
    same.set_weights(model.get_weights())
    with pytest.raises(ValueError, match="NaN"):
        model.fit(make(spoiled(X, LATE["NaN"][0])), verbose=0)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@every_kind
def test_all_valid_batches_are_used(make):
    model, other = vae(), vae()
    other.set_weights(model.get_weights())
    expected = other.evaluate(X, batch_size=SIZE, verbose=0)
    np.testing.assert_allclose(model.evaluate(make(X), verbose=0), expected, rtol=1e-5)
    model.fit(make(X), verbose=0)
    assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == 3
    cvae().fit(make(X, Y), verbose=0)


def test_a_data_set_gets_the_end_of_an_epoch_and_keeps_its_workers():
    batches = Batches(X, workers=2)
    vae().fit(batches, epochs=2, verbose=0)
    assert batches.epochs >= 2


# Targets


@every_kind
def test_targets_may_be_the_images(make):
    model, other = vae(), vae()
    other.set_weights(model.get_weights())
    first = model.evaluate(make(X, X), verbose=0)
    np.testing.assert_allclose(first, other.evaluate(make(X), verbose=0), rtol=1e-5)
    model.fit(make(X, X), verbose=0)


@longer
def test_targets_may_be_the_images_in_arrays():
    model, other = vae(), vae()
    other.set_weights(model.get_weights())
    for y in (X, X.copy(), X.tolist()):
        model.fit(X, y, validation_data=(X, y), epochs=1, verbose=0)
        other.fit(X, validation_data=(X,), epochs=1, verbose=0)
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.evaluate(X, X, verbose=0)
    model.train_on_batch(X, X)
    model.test_on_batch(X, X)


ADVICE = {
    Batches: r"let __getitem__ return \(x,\)",
    generator: r"let it yield \(x,\)",
    dataset: "dataset.map",
    loader: "let its data set give images only",
}


@pytest.mark.slow
@pytest.mark.parametrize("make", ADVICE, ids=lambda make: make.__name__)
def test_other_targets_are_refused_with_advice_for_the_kind_of_data(make):
    with pytest.raises(ValueError, match=f"images only.*{ADVICE[make]}"):
        vae().fit(make(X, Y), verbose=0)
    with pytest.raises(ValueError, match=f"images only.*{ADVICE[make]}.*DenoisingAutoencoder"):
        aae().fit(make(X, spoiled(X, lambda x: 1 - x)), verbose=0)
    with pytest.raises(ValueError, match=r"labels: batches \(x, y\)"):
        cvae().fit(make(X), verbose=0)


def test_other_targets_in_arrays_are_refused():
    with pytest.raises(ValueError, match=r"images only.*fit\(x\)"):
        aae().fit(X, 1 - X, verbose=0)


# Using


@every_kind
def test_streams_are_encoded_decoded_and_reconstructed(make):
    model, conditional = vae(), cvae()
    z = model.encode(X)
    np.testing.assert_allclose(model.encode(make(X)), z, atol=1e-6)
    np.testing.assert_allclose(model.encode(make(X, Y)), z, atol=1e-6)
    np.testing.assert_allclose(model.decode(make(z)), model.decode(z), atol=1e-6)
    np.testing.assert_allclose(model.reconstruct(make(X)), model.reconstruct(X), atol=1e-6)
    expected = conditional.reconstruct(X, Y)
    np.testing.assert_allclose(conditional.reconstruct(make(X, Y)), expected, atol=1e-6)
    drawn = model.encode(make(X), sample=True, seed=3)
    np.testing.assert_array_equal(drawn, model.encode(make(X), sample=True, seed=3))
    assert len(np.unique(drawn - z, axis=0)) == len(X)  # other noise for every batch


@every_kind
def test_invalid_streams_are_not_encoded(make):
    with pytest.raises(ValueError, match="divide by 255"):
        vae().encode(make(spoiled(X, LATE["bytes"][0])))
    with pytest.raises(ValueError, match="labels of a stream in its batches"):
        cvae().encode(make(X), Y)
    with pytest.raises(ValueError, match="labels is missing"):
        cvae().encode(make(X))


def test_an_endless_data_set_is_not_encoded():
    with pytest.raises(ValueError, match="endless stream"):
        vae().encode(dataset(X).repeat())
