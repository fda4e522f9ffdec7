"""Inference with arrays: encode, decode, reconstruct, generate, predict and errors per item.

These functions are the methods of `zoo.models.autoencoder.BaseAutoencoder` under the same names.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.checks import data as checks
from zoo.checks import streams
from zoo.checks.arguments import whole
from zoo.checks.array_types import ArrayLike, Labels
from zoo.checks.arrays import as_array, with_nan
from zoo.checks.codes import check_codes
from zoo.checks.tables import as_given
from zoo.data.frames import frame_of_model
from zoo.inference.compiled import run_in_batches
from zoo.training.fitting import choose_how_to_run


@streams.by_batch
def encode(
    model: Any, x: ArrayLike, labels: Labels = None, *, batch_size: int = 1024
) -> np.ndarray:
    """Return the deterministic codes of images.

    Args:
        x: images [n, *input_shape], in the likelihood's range; or a stream of batches.
        labels: for conditional models, integers [n] or arrays [n, *label_shape].
        batch_size: how many images a network processes at once.

    Returns:
        float32 [n, *code_shape], which is [n, latent_dim] unless the networks are your own.
    """
    x, labels = model.checked_images(x, labels)
    return model.shaped(run_in_batches(model.code, x, labels, batch_size=batch_size))


@streams.by_batch
def decode(
    model: Any, z: ArrayLike, labels: Labels = None, *, batch_size: int = 1024
) -> np.ndarray:
    """Return the mean images of codes.

    Args:
        z: [n, *code_shape], or [n, latent_dim]; or a stream of batches.
        labels: for conditional models, integers [n] or arrays [n, *label_shape].

    Returns:
        float32 [n, *input_shape]; in [0, 1] for a Bernoulli likelihood.
    """
    z = check_codes(z, model.code_shape)
    return run_in_batches(
        model.image, z, model.checked_labels(labels, len(z)), batch_size=batch_size
    )


@streams.by_batch
def reconstruct(
    model: Any, x: ArrayLike, labels: Labels = None, *, batch_size: int = 1024
) -> np.ndarray:
    """Return the images decoded from the codes of `x`, [n, *input_shape].

    If x is a table with named columns, the columns of the result are in the order of x.
    """
    z = model.encode(x, labels, batch_size=batch_size)
    restored = model.decode(z, labels, batch_size=batch_size)
    return as_given(restored, x, getattr(model.likelihood, "names", None))


@streams.by_batch
def reconstruction_error(
    model: Any, x: ArrayLike, labels: Labels = None, *, batch_size: int = 1024
) -> np.ndarray:
    """Return the squared error of each image's reconstruction, summed over its values.

    The larger the error, the less the image resembles the training images; `zoo.anomaly.Detector`
    makes decisions from it.

    Args:
        x: images [n, *input_shape], in the likelihood's range; or a stream of batches.
        labels: for conditional models, integers [n] or arrays [n, *label_shape].

    Returns:
        float64 [n], at least 0, in squared units of a pixel; for tables that the likelihood
        standardizes, in squared standard deviations.

    Examples:
        >>> x = zoo.data.load("digits")[1][0]
        >>> errors = zoo.load("vae_digits").reconstruction_error(x)
        >>> most_unusual = x[errors.argsort()[::-1][:5]]
        >>> round(float(errors.mean()), 1)
        2.0
    """
    units = model.likelihood
    x = as_array(with_nan(x) if units.takes_missing else x, "x", getattr(units, "names", None))
    restored = model.reconstruct(x, labels, batch_size=batch_size)
    errors = np.asarray(units.standardized(np.asarray(x)), "float64") - units.standardized(restored)
    if units.takes_missing:
        errors = np.where(np.isnan(x), 0.0, errors)  # what was not seen has no error
    return np.sum(np.square(errors), axis=tuple(range(1, errors.ndim)))


def generate(
    model: Any,
    n: int | None = None,
    labels: Labels = None,
    *,
    seed: int | None = None,
    mean: bool | None = None,
    frame: bool = False,
) -> Any:
    """Generate images, or rows of a table, by decoding samples of the prior.

    Args:
        n: how many images; optional if labels are given.
        labels: integers [n], for conditional models.
        seed: the same seed gives the same images.
        mean: True returns the means of p(x | z). False draws from p(x | z), which needs a
            `GaussianColumns` or `MixedColumns`. None draws if the model has one of these, and else
            returns the means.
        frame: whether to return a pandas `DataFrame` with the columns of the training table:
            categories are one column each, and numbers have the range and the decimals that they
            had in training. Labels are not in it.

    Returns:
        float32 [n, *input_shape]. In each category, drawn rows hold a single 1, and means hold
        probabilities. With `frame=True` a DataFrame.

    Raises:
        ImportError: `frame=True` needs pandas. TypeError: the model has no prior. ValueError:
            `mean=False`, but the model cannot draw rows; `frame=True`, but it has no named columns.

    Examples:
        >>> rows = np.array([[1.70, 60], [1.82, 80], [1.65, 70]], "float32")
        >>> columns = zoo.GaussianColumns.adapted(rows, ("height", "weight"))
        >>> model = zoo.VAE((2,), 1, hidden_units=(4,), likelihood=columns)
        >>> model.generate(5, seed=0, frame=True).dtypes.astype(str).to_dict()
        {'height': 'float64', 'weight': 'int64'}
    """
    if not model.can_generate:
        raise TypeError(
            f"{type(model).__name__} has no prior over codes and cannot generate; use a VAE, "
            "CVAE or AAE, or decode() your own codes."
        )
    if n is None and labels is None:
        raise ValueError("Give the number of images to generate: generate(16).")
    if n is None:
        labels = as_array(labels, "labels")
    rows = n if n is not None else len(np.atleast_1d(labels)) if model.label_shape else labels.size
    rows = whole("n", rows, least=1)
    labels = model.checked_labels(labels, rows)
    z = model.prior_samples(rows, labels, seed)
    found = decode_or_sample(model, z, labels, seed, mean)
    return frame_of_model(found, model.likelihood) if frame else found


def generate_by_component(
    model: Any,
    n: int | None = None,
    labels: Labels = None,
    *,
    seed: int | None = None,
    mean: bool | None = None,
    frame: bool = False,
) -> Any:
    """Decode samples of a prior with components, or, with labels [n], samples of these components.

    Args and returns are those of `generate`.
    """
    if labels is None:
        return generate(model, n, seed=seed, mean=mean, frame=frame)
    labels = checks.check_labels(labels, np.size(labels), model.num_classes, "labels")
    if n not in (None, len(labels)):
        raise ValueError(f"n is {n}, but there are {len(labels)} labels; leave out n.")
    z = model.prior.sample(len(labels), labels, seed)
    found = decode_or_sample(model, z, None, seed, mean)
    return frame_of_model(found, model.likelihood) if frame else found


def decode_or_sample(
    model: Any, z: np.ndarray, labels: Labels, seed: int | None, mean: bool | None
) -> np.ndarray:
    """Return rows drawn from p(x | z) for codes [n, latent_dim], or mean images.

    Raises:
        ValueError: `mean=False`, but the model cannot draw rows.
    """
    rows = model.likelihood.in_own_units and len(model.image_shape) == 1  # of a table
    if mean is False and not rows:
        raise ValueError(
            f"mean=False draws rows from p(x | z), and this {type(model).__name__} with a "
            f"{type(model.likelihood).__name__} returns means only: leave mean= out. "
            "Draws are for tables: a likelihood zoo.GaussianColumns or zoo.MixedColumns."
        )
    if mean or not rows:
        return model.decode(z, labels)
    parameters = run_in_batches(model.parameters_of, z, labels, batch_size=1024)
    generator = np.random.default_rng(None if seed is None else (seed, 1))  # not the codes' seed
    return model.likelihood.sample(parameters, generator)


def shaped(model: Any, codes: Any) -> Any:
    """Return codes [n, latent_dim], an array or tensor, as [n, *code_shape]."""
    if len(model.code_shape) == 1:
        return codes
    library = np if isinstance(codes, np.ndarray) else ops
    return library.reshape(codes, (-1, *model.code_shape))


def flat(model: Any, codes: Any) -> Any:
    """Return codes [n, *code_shape] as [n, latent_dim], for tensors; the inverse of `shaped`."""
    if len(model.code_shape) == 1:
        return codes
    return ops.reshape(codes, (-1, model.latent_dim))


def checked_images(model: Any, x: ArrayLike, labels: Labels) -> tuple:
    """Check images and labels; return them as NumPy arrays, float32 and int32 or None."""
    x = checks.check_images(x, model.image_shape, model.likelihood)
    return checks.in_numpy(x), model.checked_labels(labels, len(x))


def checked_labels(model: Any, labels: Labels, n: Any) -> Any:
    """Check the labels of n images; return an array, or None if the model takes no labels."""
    if model.conditional and model.label_shape:
        return checks.check_label_arrays(labels, n, model, "labels")
    if model.conditional:
        return checks.check_labels(labels, n, model.num_classes, "labels")
    if labels is not None:
        raise ValueError(f"{type(model).__name__} is not conditional and takes no labels.")
    return None


def predict_proba(model: Any, x: ArrayLike, *, batch_size: int = 1024) -> np.ndarray:
    """Return q(y | x) of images [n, *input_shape], float32 [n, num_classes]."""
    x = checks.check_images(x, model.image_shape, model.likelihood)
    return run_in_batches(model.label_probability, checks.in_numpy(x), batch_size=batch_size)


def predict_labels(model: Any, x: ArrayLike, *, batch_size: int = 1024) -> np.ndarray:
    """Return the most probable label of images [n, *input_shape], int32 [n]."""
    return model.predict_proba(x, batch_size=batch_size).argmax(axis=1).astype("int32")


def predict(
    model: Any,
    x: ArrayLike,
    batch_size: int | None = None,
    verbose: int | str = "auto",
    steps: int | None = None,
    callbacks: Any = None,
) -> Any:
    """Reconstruct, translate or, of a generator, decode, as `keras.Model.predict`.

    Arrays are checked first.
    """
    if batch_size is not None:
        batch_size = whole("batch_size", batch_size, least=1)
    if model.conditional and checks.is_array(x):
        raise ValueError('predict() of a conditional model takes {"x": images, "label": y}.')
    checks.check_process()
    if steps:
        choose_how_to_run(model, steps, 1)
    inspection, kind = streams.Inspection(), streams.kind(x)
    if kind == "other":
        x = model.checked_inputs(x)
    elif kind != "tf.data":  # a tf.data.Dataset has tensors as batches
        x = inspection.of(x, lambda batch: (model.checked_inputs(_first(batch)),))
    with inspection.speaking():
        return keras.Model.predict(model, x, batch_size, verbose, steps, callbacks)


def _first(batch):
    return keras.utils.unpack_x_y_sample_weight(batch)[0]


def checked_inputs(model: Any, inputs: Any) -> Any:
    """Return the inputs of `model.call` as checked arrays: images, or a dict with images."""
    if not isinstance(inputs, dict):
        return checks.check_images(inputs, model.image_shape, model.likelihood)
    x = checks.check_images(inputs["x"], model.image_shape, model.likelihood)
    return {"x": x, "label": model.checked_labels(inputs["label"], len(x))}


def input_specs(model: Any) -> Any:
    """Return Keras's description of the inputs of `model.call`: images, or a dict with images."""
    x = keras.InputSpec(dtype="float32", shape=(None, *model.image_shape))
    if not model.conditional:
        return x
    label = keras.InputSpec(dtype=model.label_dtype, shape=(None, *model.label_shape))
    return {"x": x, "label": label}


def export(
    model: Any,
    filepath: Any,
    format: str = "tf_saved_model",
    verbose: bool | None = None,
    input_signature: Any = None,
    **kwargs,
) -> Any:
    """Export the whole model, from inputs of `call` to its outputs; `keras.Model.export`.

    `export.export_model` writes encoder and decoder separately, and checks that they give the same
    results as Keras.
    """
    if input_signature is None:
        input_signature = [model.input_specs()]
    return keras.Model.export(model, filepath, format, verbose, input_signature, **kwargs)
