"""The same values give the same results in every container, at every entry, or are refused."""

from pathlib import Path

import keras
import numpy as np
import pytest
from support import containers
from support.containers import EQUAL, REFUSED
from support.tiny import BACKEND

import zoo
from zoo.checks.arrays import as_array, check_images
from zoo.checks.data import check_labels

pytestmark = pytest.mark.backend

N = 8
rng = np.random.default_rng(0)
# Few bits, so that float16 and bfloat16 hold the same values.
X = (rng.integers(0, 16, (N, 3)) / 16).astype("float32")
Y = np.array([0, 1, 2, 0, 1, 2, 1, 0], "int32")
WEIGHT = (rng.integers(1, 8, N) / 4).astype("float32")
Z = (rng.integers(-8, 8, (N, 2)) / 4).astype("float32")
PAIRS = (rng.integers(0, 16, (N, 2)) / 16).astype("float32")

# All entries convert by one function, so that these tell whether one does without it.
OFTEN = {
    *(containers.byte_swapped, containers.nullable_pandas),
    *(containers.masked, containers.not_a_number_in_pandas),
}
if BACKEND == "jax":  # which compiles each entry
    OFTEN = {containers.byte_swapped, containers.masked}


def every(kinds):
    """Parametrize by containers; at every turn by a few of them, as each is put to all entries."""
    marks = {True: [], False: [pytest.mark.slow]}
    given = [pytest.param(f, marks=marks[f in OFTEN], id=f.__name__) for f in kinds]
    return pytest.mark.parametrize("container", given)


def compiled(model):
    model.compile(keras.optimizers.SGD(0.1), jit_compile=BACKEND == "jax")
    model.first = model.get_weights(), keras.ops.convert_to_numpy(model.seed_generator.state)
    return model


@pytest.fixture(scope="module")
def vae():
    return compiled(zoo.VAE((3,), 2, hidden_units=(4,), seed=0))


@pytest.fixture(scope="module")
def cvae():
    return compiled(zoo.CVAE((3,), 2, hidden_units=(4,), num_classes=3, seed=0))


@pytest.fixture(scope="module")
def of_pairs():
    return compiled(zoo.CVAE((3,), 2, hidden_units=(4,), label_shape=(2,), seed=0))


@pytest.fixture(scope="module")
def detector():
    model = zoo.Autoencoder((3,), 2, hidden_units=(4,), seed=0)
    return zoo.anomaly.Detector(model, contamination=0.25).fit(X, train=False)


def again(model):
    """Return a model as it was first, with its weights and the state of its noise."""
    model.set_weights(model.first[0])
    model.seed_generator.state.assign(model.first[1])
    return model


def trained(model, *data, **options):
    again(model).fit(*data, batch_size=N, shuffle=False, verbose=0, **options)
    return np.concatenate([np.ravel(w) for w in model.get_weights()])


def evaluated(model, *data, **options):
    return again(model).evaluate(*data, verbose=0, **options)


def one_batch(model, *data):
    return again(model).train_on_batch(*data)


def generator(*columns):
    yield columns


class Batches(keras.utils.PyDataset):
    def __init__(self, *columns):
        super().__init__()
        self.columns = columns

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.columns


# Of every path of a conversion one entry, by what is in the container.
DATA = {
    "fit": lambda m, x: trained(m, x),
    "fit, itself as targets": lambda m, x: trained(m, x, x),
    "fit, targets": lambda m, x: trained(m, X, x),
    "fit, validation": lambda m, x: (
        again(m).fit(X, validation_data=(x,), shuffle=False, verbose=0).history["val_loss"]
    ),
    "fit, generator": lambda m, x: trained(m, generator(x)),
    "fit, PyDataset": lambda m, x: trained(m, Batches(x)),
    "evaluate": lambda m, x: evaluated(m, x),
    "train_on_batch": lambda m, x: one_batch(m, x),
    "test_on_batch": lambda m, x: again(m).test_on_batch(x),
    "encode": lambda m, x: again(m).encode(x),
    "encode, generator": lambda m, x: again(m).encode(generator(x)),
    "encode, samples": lambda m, x: again(m).encode(x, sample=True, seed=0),
    "reconstruct": lambda m, x: again(m).reconstruct(x),
    "predict": lambda m, x: again(m).predict(x, verbose=0),
    "predict, generator": lambda m, x: again(m).predict(generator(x), verbose=0),
    "reconstruction_error": lambda m, x: again(m).reconstruction_error(x),
    "log_likelihood": lambda m, x: again(m).log_likelihood(x, samples=2).value,
    "negative ELBO": lambda m, x: zoo.metrics.negative_elbo(again(m), x),
    "squared error": lambda m, x: zoo.metrics.squared_error(X[::-1], x),
}
LABELS = {
    "fit": lambda m, y, _: trained(m, X, y),
    "fit, validation": lambda m, y, good: (
        again(m).fit(X, good, validation_data=(X, y), shuffle=False, verbose=0).history["val_loss"]
    ),
    "fit, generator": lambda m, y, _: trained(m, generator(X, y)),
    "evaluate": lambda m, y, _: evaluated(m, X, y),
    "evaluate, PyDataset": lambda m, y, _: evaluated(m, Batches(X, y)),
    "train_on_batch": lambda m, y, _: one_batch(m, X, y),
    "encode": lambda m, y, _: again(m).encode(X, y),
    "decode": lambda m, y, _: again(m).decode(Z, y),
    "generate": lambda m, y, _: again(m).generate(labels=y, seed=0),
    "predict": lambda m, y, _: again(m).predict({"x": X, "label": y}, verbose=0),
}
WEIGHTS = {
    "fit": lambda m, w: trained(m, X, sample_weight=w),
    "fit, generator": lambda m, w: trained(m, generator(X, X, w)),
    "evaluate": lambda m, w: evaluated(m, X, sample_weight=w),
    "train_on_batch": lambda m, w: one_batch(m, X, None, w),
}
OTHERS = {
    "codes": (Z, lambda m, z: again(m).decode(z)),
    "samples": (X, lambda m, x: zoo.metrics.sliced_wasserstein(X[::-1], x, directions=3)),
}
DETECTOR = {
    "scores": lambda d, x: d.scores(x),
    "predict": lambda d, x: d.predict(x),
    "explain": lambda d, x: d.explain(x),
    "reconstruct": lambda d, x: d.reconstruct(x),
    "fit": lambda d, x: d.fit(x, train=False).threshold,
    "fit, standardized": lambda d, x: (
        zoo.anomaly.Detector(
            zoo.VAE((3,), 2, hidden_units=(4,), likelihood="gaussian", seed=0), standardize=True
        )
        .fit(x, train=False)
        .scores(x)
    ),
}


FOUND = {}  # what each entry gives of the array itself


def some(entries, container):
    """Return all entries for a few containers, and a third of them, by turns, for each other."""
    if container in OFTEN:
        return entries
    turn = sum(map(ord, container.__name__)) % 3
    return dict([*entries.items()][turn::3]) or entries


def the_same(entries, model, array, container):
    given = container(array)
    for name, entry in some(entries, container).items():
        good = [array] if entries is LABELS else []
        key = id(model), id(entry)
        if key not in FOUND:
            FOUND[key] = entry(model, array, *good)
        expected, found = FOUND[key], entry(model, given, *good)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7, err_msg=name)


def refused(entries, model, array, container):
    given = container(array)
    for name, entry in some(entries, container).items():
        good = [array] if entries is LABELS else []
        with pytest.raises((TypeError, ValueError)) as caught:
            entry(model, given, *good)
        said = str(caught.value)
        words = (
            "give",
            "Give",
            "Leave",
            "expected",
            "take",
            "fill",
            "Fill",
            "remove",
            "known",
            "one of",
            "make it",
        )
        assert any(word in said for word in words), (name, said)


@pytest.mark.parametrize("container", EQUAL, ids=lambda f: f.__name__)
def test_every_container_becomes_the_same_array(container):
    for array in (X, Y, WEIGHT):
        found = as_array(container(array))
        assert found.dtype.isnative
        np.testing.assert_array_equal(found, array)
    if container not in containers.TABLES:
        images = X.reshape(2, 4, 3)
        np.testing.assert_array_equal(as_array(container(images)), images)


@pytest.mark.parametrize("container", REFUSED, ids=lambda f: f.__name__)
def test_every_other_container_is_refused(container):
    likelihood = zoo.nn.distributions.likelihood_names.get("gaussian")
    with pytest.raises((TypeError, ValueError), match="^rows "):
        check_images(container(X), (3,), likelihood, "rows")
    with pytest.raises((TypeError, ValueError), match="^labels "):
        check_labels(container(Y), N, 3, "labels")


def test_native_arrays_are_not_copied():
    assert as_array(X) is X
    assert np.shares_memory(as_array(X.T), X)


@pytest.mark.slow
@every(EQUAL)
def test_data_in_every_container_give_the_same(container, vae):
    the_same(DATA, vae, X, container)


@pytest.mark.slow
@every(EQUAL)
def test_labels_in_every_container_give_the_same(container, cvae):
    the_same(LABELS, cvae, Y, container)


@pytest.mark.slow
@every(EQUAL)
def test_arrays_as_labels_in_every_container_give_the_same(container, of_pairs):
    the_same(LABELS, of_pairs, PAIRS, container)


@pytest.mark.slow
@every(EQUAL)
def test_weights_and_codes_in_every_container_give_the_same(container, vae):
    the_same(WEIGHTS, vae, WEIGHT, container)
    for array, entry in OTHERS.values():
        the_same({"": entry}, vae, array, container)


@every(EQUAL)
def test_a_detector_takes_every_container(container, detector):
    the_same(DETECTOR, detector, X, container)


@every(REFUSED)
def test_what_cannot_be_data_is_refused_in_words_everywhere(container, vae):
    entries = {name: entry for name, entry in DATA.items() if name != "squared error"}
    refused(entries, vae, X, container)


@every(REFUSED)
def test_what_cannot_be_labels_is_refused_in_words_everywhere(container, cvae):
    if container in (containers.sparse, containers.not_a_number_in_pandas):
        return  # as data, above
    refused(LABELS, cvae, Y, container)


@every(REFUSED)
def test_what_cannot_be_weights_or_codes_is_refused_in_words(container, vae, detector):
    if container is not containers.truth_values:  # which are weights of 0 and 1
        refused(WEIGHTS, vae, WEIGHT, container)
    refused({"codes": OTHERS["codes"][1]}, vae, Z, container)
    refused(DETECTOR, detector, X, container)


def test_a_range_is_labels(cvae):
    np.testing.assert_array_equal(as_array(range(3)), np.arange(3))
    made = again(cvae).generate(labels=range(3), seed=0)
    np.testing.assert_array_equal(made, again(cvae).generate(labels=np.arange(3), seed=0))


@pytest.mark.parametrize("path", ["photographs", Path("rows.csv")])
def test_a_path_is_answered_with_the_functions_that_read_it(path):
    with pytest.raises(TypeError, match=r"from_folder\('\w+.*from_table\('"):
        as_array(path)
