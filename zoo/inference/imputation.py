"""Imputation: missing values are filled in by a model that was trained on incomplete rows.

`impute` is the method of `zoo.models.autoencoder.BaseAutoencoder` under the same name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from zoo.checks.arguments import whole
from zoo.checks.array_types import ArrayLike, Labels
from zoo.data.frames import pandas_for
from zoo.data.tables import Read, is_frame, read_table
from zoo.inference.compiled import run_in_batches

VALUES_AT_ONCE = 4_000_000
PROPOSALS = 1000


def impute(
    model: Any,
    x: ArrayLike,
    labels: Labels = None,
    *,
    samples: int | None = None,
    proposals: int | None = None,
    seed: int = 0,
) -> Any:
    """Fill in the missing values (NaN) of rows; the likelihood has `missing="learn"`.

    A model with a distribution q(z | x), such as a VAE, draws codes z_s ~ q(z | x) for each row and
    weighs them with w_s = p(x, z_s) / q(z_s | x), divided by their sum, where x is what was seen.
    The mean of what was not seen is sum_s w_s E[x | z_s]. With `samples`, codes are drawn with the
    probabilities w_s, and a row is drawn from p(x | z) for each of them (multiple imputation); the
    spread of the samples shows how uncertain a value is. Other models decode the code of the row.

    Args:
        x: rows [n, features], with NaN (or pandas' NA, or masked) for what was not seen; or a
            pandas `DataFrame` with the columns of the training table.
        labels: integers [n], for conditional models.
        samples: how many imputations are drawn; None gives one, with means, and in each category
            the most probable value.
        proposals: how many codes are drawn for each row, 1,000 by default; 0 decodes the code of
            the row instead, as the exported imputer does.
        seed: the same seed gives the same rows.

    Returns:
        float32 [n, features], or [samples, n, features]; for a `DataFrame` a `DataFrame` of the
        same columns, or a list of them, whose numbers are in the range of the training table and
        have as many decimals. Values that were seen are unchanged.

    Raises:
        ValueError: the likelihood refuses missing values. TypeError: the model has no q(z | x), but
            `samples` or `proposals` are given.

    Examples:
        >>> rows = np.random.default_rng(0).normal(size=(100, 1)) * np.ones((1, 3))
        >>> rows[::2, 0] = np.nan
        >>> columns = zoo.GaussianColumns.adapted(rows, missing="learn")
        >>> model = zoo.VAE((3,), 1, hidden_units=(8,), likelihood=columns)
        >>> model.compile("adam")
        >>> history = model.fit(rows, epochs=1, verbose=0)
        >>> model.impute(rows).shape, model.impute(rows, samples=20).shape
        ((100, 3), (20, 100, 3))

    Source: Mattei and Frellsen 2019, MIWAE (arXiv 1812.02633), section 3.
    """
    if not model.likelihood.takes_missing:
        raise ValueError(
            f"This {type(model).__name__} did not learn with missing values: make it with a "
            'likelihood of columns that has missing="learn", such as '
            'zoo.GaussianColumns.adapted(x, missing="learn").'
        )
    samples = None if samples is None else whole("samples", samples, least=1)
    weighs = hasattr(model, "weights_and_parameters")
    if not weighs and (samples or proposals):
        raise TypeError(
            f"{type(model).__name__} has no distribution of codes, so it gives one imputation "
            "only: leave out samples= and proposals=, or use a zoo.VAE or zoo.IWAE."
        )
    proposals = PROPOSALS if proposals is None else whole("proposals", proposals)
    if samples and not proposals:
        raise ValueError("samples= are drawn from proposals; give proposals=, at least 1.")
    read = _read(model, x)
    rows, labels = model.checked_images(x if read is None else read.x, labels)
    filled = np.repeat(rows[None], samples or 1, axis=0)  # [samples, n, features]
    incomplete = np.isnan(rows).any(axis=1)
    if incomplete.any():
        some, label = rows[incomplete], None if labels is None else labels[incomplete]
        if weighs and proposals:
            found = _by_importance(model, some, label, samples, proposals, seed)
        else:
            found = run_in_batches(model.imputed, some, label, batch_size=1024)[None]
        found = found if samples else _most_probable(model.likelihood, found)
        filled[:, incomplete] = np.where(np.isnan(some), found, some)
    if read is not None:
        filled = [_as_frame(x, piece, rows, read, model.likelihood) for piece in filled]
    return filled[0] if samples is None else filled


def _read(model, x) -> Read | None:
    """Return the rows of a data frame with names; None for arrays."""
    if not is_frame(x) or model.likelihood.names is None:
        return None
    return read_table(x, columns=model.likelihood, missing="learn")


def _by_importance(model, x, labels, samples, proposals, seed):
    """Return means [1, n, features], or drawn rows [samples, n, features]."""
    generator, likelihood = np.random.default_rng(seed), model.likelihood
    values = int(np.prod(model.decoder.output.shape[1:])) + 1
    at_once = max(1, VALUES_AT_ONCE // (proposals * values))
    pieces = []
    for start in range(0, len(x), at_once):
        rows = slice(start, start + at_once)
        some, label = x[rows], None if labels is None else labels[rows]
        noise = generator.standard_normal((len(some), proposals, model.latent_dim), np.float32)
        both = run_in_batches(
            model.weights_and_parameters, (some, noise), label, batch_size=len(some)
        )
        weights = both[:, :, 0].astype("float64")
        weights = np.exp(weights - weights.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)  # [rows, proposals]
        parameters = both[:, :, 1:]  # [rows, proposals, parameters]
        if samples is None:
            means = likelihood.mean(parameters.reshape(-1, values - 1))
            means = ops.convert_to_numpy(means).reshape(len(some), proposals, -1)
            pieces.append(np.einsum("ns,nsf->nf", weights, means)[None])
            continue
        chosen = (generator.random((samples, len(some), 1)) > weights.cumsum(axis=1)).sum(axis=2)
        chosen = np.minimum(chosen, proposals - 1)  # [samples, rows]
        drawn = parameters[np.arange(len(some)), chosen]  # [samples, rows, parameters]
        drawn = likelihood.sample(drawn.reshape(-1, values - 1), generator)
        pieces.append(drawn.reshape(samples, len(some), -1))
    return np.concatenate(pieces, axis=1).astype("float32")


def _most_probable(likelihood, rows):
    """Return rows with 1 for the most probable value of each category, and 0 for the others."""
    rows = rows.copy()
    for start, stop in getattr(likelihood, "categories", ()):
        best = rows[..., start:stop].argmax(axis=-1)
        rows[..., start:stop] = np.eye(stop - start, dtype="float32")[best]
    return rows


def _is_whole(values):
    """Return whether all values are whole numbers that integers of 64 bits can hold."""
    return values.dtype.kind in "iuf" and bool(np.all((values % 1 == 0) & (abs(values) < 2**63)))


def _as_frame(frame, filled, rows, read: Read, likelihood):
    """Return a copy of a data frame with filled values [n, features] where rows hold NaN.

    Numbers are written as those of the training table: in their range, with as many decimals.
    """
    pandas = pandas_for("impute(DataFrame)")
    frame = (frame if hasattr(frame, "iloc") else frame.to_pandas()).copy()
    labels = {str(label).strip(): label for label in frame.columns}
    inside = {j: pair for pair in read.categories for j in range(*pair)}
    sources = dict(zip(read.categories, read.category_names, strict=True))
    for j, name in enumerate(read.columns):
        start, stop = inside.get(j, (j, j + 1))
        lost = np.isnan(rows[:, j])
        if j != start or not lost.any():
            continue
        if j in inside:
            name = sources[start, stop]
            known = [column.removeprefix(f"{name}=") for column in read.columns[start:stop]]
            found = np.array(known, object)[filled[lost, start:stop].argmax(axis=1)]
            if set(known) <= {"True", "False"}:
                found = found == "True"
        else:
            found = likelihood.written(j, filled[lost, j])
            if found.dtype.kind == "f":  # a number of float32 has seven digits
                found = np.array([float(f"{value:.7g}") for value in found])
        column = frame[labels[name]]
        if column.dtype.kind in "iu" and _is_whole(found):
            cells = column.copy()  # in integers: float64 would change numbers above 2^53
            cells[lost] = found.astype("int64")
            frame[labels[name]] = cells
        elif column.dtype.kind in "iufO" and j not in inside:
            cells = pandas.to_numeric(column, errors="coerce")
            cells = cells.to_numpy("float64", na_value=np.nan).copy()
            cells[lost] = found
            if found.dtype.kind == "i" and column.dtype.kind == "O" and (cells % 1 == 0).all():
                cells = type(column)(cells, index=column.index).astype("int64")
            frame[labels[name]] = cells
        else:
            cells = column.astype(object).to_numpy().copy()
            cells[lost] = found
            frame[labels[name]] = type(column)(cells, index=column.index).astype(
                object if column.dtype.kind in "iuf" else column.dtype  # numbers: all were lost
            )
    return frame
