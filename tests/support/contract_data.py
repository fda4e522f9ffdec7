"""What every model does with the data it is given; a part of the contract."""

import keras
import numpy as np
import pytest

from support import containers
from support.cases import BACKEND, has_noise, measured, rounds, tolerance
from zoo.models.generator import BaseGenerator


def sample_weights_weigh(case):
    model = case.compiled()
    data = case.data(model, 40)
    weight = np.repeat(np.array([1.0, 0.0], "float32"), 20)
    halved = model.evaluate(*data, sample_weight=weight, verbose=0, return_dict=True)
    whole = model.evaluate(*(d[:20] for d in data), verbose=0, return_dict=True)
    rtol = tolerance(model, 1e-4)
    name = measured(model)
    np.testing.assert_allclose(2 * halved[name], whole[name], rtol=rtol)
    model.fit(*data, sample_weight=weight, verbose=0)


def weights_in_a_column_are_weights(case):
    model = case.compiled()
    data, weight = case.data(model, 40), np.linspace(0, 2, 40, dtype="float32")
    flat, column = (
        model.evaluate(*data, batch_size=40, sample_weight=w, verbose=0, return_dict=True)
        for w in (weight, weight[:, None])
    )
    rtol = tolerance(model)
    name = measured(model)
    np.testing.assert_allclose(flat[name], column[name], rtol=rtol)
    with pytest.raises(ValueError, match="sample_weight has shape"):
        model.fit(*data, sample_weight=weight[:7], verbose=0)


def validation_sees_all_images_whatever_was_fitted_before(case):
    """Bundles of steps are chosen by the size of the data, for validation and predicting too."""
    model = case.compiled(keras.optimizers.SGD(0.0))
    small, large = case.data(model, 64), tuple(np.repeat(d, 3, 0) for d in case.data(model))
    whole = model.evaluate(*large, batch_size=8, verbose=0, return_dict=True)
    key = measured(model)
    model.fit(*small, batch_size=32, validation_data=small, verbose=0)
    history = model.fit(*large, batch_size=8, validation_data=large, verbose=0).history
    # Over the batch in training, by its past elsewhere.
    normalized = any("_norm" in v.path for v in model.variables)
    rtol = 0.15 if normalized else 0.05 if has_noise(model) else tolerance(model)
    for got in (
        history[f"val_{key}"][0],
        history[key][0],
        model.evaluate(*large, batch_size=8, verbose=0, return_dict=True)[key],
    ):
        np.testing.assert_allclose(got, whole[key], rtol=rtol)
    labels = np.repeat(case.labels(model), 3, 0)
    inputs = {"x": large[0], "label": labels} if model.conditional else large[0]
    if isinstance(model, BaseGenerator):
        inputs = model.prior_samples(len(large[0]), None, seed=0)
    assert len(model.predict(inputs, batch_size=8, verbose=0)) == len(large[0])


def limited_steps_are_kept_to(case):
    model = case.compiled()

    def endless():
        while True:
            batch = case.data(model, 8)
            yield batch if len(batch) > 1 else (batch[0],)

    model.fit(endless(), steps_per_epoch=3, epochs=2, verbose=0)
    optimizer = next(iter(getattr(model.optimizer, "members", {"": model.optimizer}).values()))
    assert int(keras.ops.convert_to_numpy(optimizer.iterations)) == 6


def keras_positional_arguments_are_taken(case):
    model = case.compiled()
    x, y = (*case.data(model, 32), None)[:2]
    assert len(model.fit(x, y, 16, 2, 0).epoch) == 2
    assert len(model.evaluate(x, y, 16, 0)) == len(model.trackers)


def streams_of_batches_are_taken(case):
    model = case.compiled()
    columns = case.data(model, 64)

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            batch = tuple(c[index * 32 : (index + 1) * 32] for c in columns)
            return batch if len(batch) > 1 else (batch[0],)

    def generator():
        for index in range(2):
            yield Batches()[index]

    model.fit(Batches(), verbose=0)
    model.fit(generator(), verbose=0)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        flat = columns if len(columns) > 1 else columns[0]
        dataset = tf.data.Dataset.from_tensor_slices(flat).shuffle(64).batch(24)
        model.fit(dataset, validation_data=dataset, verbose=0)
        model.evaluate(dataset, verbose=0)


def single_batches_can_be_trained_on(case):
    model = case.compiled()
    logs = model.train_on_batch(*case.data(model, 32), return_dict=True)
    assert set(logs) == {"loss", *model.metric_names}
    assert set(model.test_on_batch(*case.data(model, 32), return_dict=True)) == set(logs)


def data_in_every_container_give_the_same(case):
    """Each class has methods and steps of its own, which may convert data by themselves."""
    model = case.compiled()
    data = case.data(model, 16)
    x, labels = data[0], data[1:]
    beside = case.images(model, 16)[1:]

    def found(x, labels, beside):
        model = case.compiled(keras.optimizers.SGD(1e-3))
        results = [model.evaluate(x, *labels, verbose=0)]
        results.append(model.test_on_batch(x, *labels))
        if hasattr(model, "encode"):
            results += [model.encode(x, *beside), model.reconstruct(x, *beside)]
        if hasattr(model, "predict_labels"):
            results.append(model.predict_labels(x))
        model.fit(x, *labels, batch_size=16, shuffle=False, verbose=0)
        return [*results, *model.get_weights()]

    expected = found(x, labels, beside)
    rtol = 1e-3 if rounds(model) else 1e-5
    for container in containers.SOME:
        if container in containers.TABLES and x.ndim > 2:
            continue
        given = (container(x), [container(y) for y in labels], [container(y) for y in beside])
        for one, other in zip(expected, found(*given), strict=True):
            np.testing.assert_allclose(one, other, rtol, atol=1e-6, err_msg=container.__name__)
    for container in containers.SOME_REFUSED:
        with pytest.raises((TypeError, ValueError)):
            model.fit(container(x), *labels, verbose=0)
        with pytest.raises((TypeError, ValueError)):
            (model.encode if hasattr(model, "encode") else model.evaluate)(container(x), *beside)


CHECKS = [
    sample_weights_weigh,
    weights_in_a_column_are_weights,
    validation_sees_all_images_whatever_was_fitted_before,
    limited_steps_are_kept_to,
    keras_positional_arguments_are_taken,
    streams_of_batches_are_taken,
    single_batches_can_be_trained_on,
    data_in_every_container_give_the_same,
]
