"""The exportable parts of a model, with named and described inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zoo.data.table_columns import Columns


@dataclass(frozen=True)
class TensorInfo:
    """One input or output of a part.

    Attributes:
        name: in the exported file: `x`, `z`, `z_mean`, `z_log_var`, `label`.
        dtype: `"float32"` or `"int32"`.
        shape: dimensions without the batch, such as `(28, 28, 1)`; `()` for one value a row.
        low, high: the closed range of the values, or None where there is none.
        prior: for latent inputs, the distribution to draw them from, such as
            `{"kind": "normal", "scale": 1.0}`; else None.
        layout: "channels_last", or "channels_first" if an export was asked for it.
        columns: their names, for rows of a table, or None.
        categories: of these columns, `{"column", "first", "values"}` each: the column of the table,
            the number of its first column here, and the values that its columns stand for; or None.
        channels: names of the channels of signals or images, or None.
        units: of the columns or channels, or None.
        normal_error: of a map of squared errors, the mean error of each channel that is normal, to
            compare the channels of one item by; or None.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    low: float | None = None
    high: float | None = None
    prior: dict[str, Any] | None = None
    layout: str = "channels_last"
    columns: tuple[str, ...] | None = None
    categories: tuple[dict[str, Any], ...] | None = None
    channels: tuple[str, ...] | None = None
    units: tuple[str, ...] | None = None
    normal_error: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Part:
    """A function of a trained model that can be exported.

    Attributes:
        name: `encoder`, `decoder`, `discriminator`.
        function: takes a dict of tensors and returns a dict of tensors, both named as below;
            written with `keras.ops`, deterministic, without state.
        inputs, outputs: in the order of the exported files.
        networks: the Keras models whose weights `function` uses, and `OwnWeights` if needed.
        tolerance: a factor of the bound of the proof of equality, for outputs with a range: 1, or
            more where `function` itself makes the rounding errors of float32 grow.
    """

    name: str
    function: Callable[[dict[str, Any]], dict[str, Any]]
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    networks: tuple[Any, ...]
    tolerance: float = 1.0


@dataclass(frozen=True)
class OwnWeights:
    """Weights of a model that are in none of its networks, for `Part.networks`."""

    weights: list[Any]
    name: str = "model"

    @property
    def variables(self) -> list[Any]:
        return self.weights


def image_info(model: Any) -> TensorInfo:
    """Return the description of `x`, the images of a model, or its rows of a table."""
    p = model.likelihood
    known = Columns.of(p)
    more = {"prior": p.describe_rows()}
    if known:
        described = known.described()
        more |= {"columns": known.names, "categories": described and tuple(described)}
    return TensorInfo("x", "float32", tuple(model.image_shape), p.low, p.high, **more)


def classifier_part(model: Any, networks: Any) -> Part:
    """Return the classifier part of a model: from `x` to `label_probability`, [num_classes].

    Args:
        model: with the method `label_probability(x)` for tensors.
        networks: the networks that this method uses.
    """
    x = image_info(model)
    probability = TensorInfo("label_probability", "float32", (model.num_classes,), 0.0, 1.0)

    def classify(tensors):
        return {"label_probability": model.label_probability(tensors["x"])}

    return model.part("classifier", classify, (x,), (probability,), networks)


def encoder_and_decoder(model: Any) -> dict[str, Part]:
    """Return the two parts that every model with an encoder has."""
    codes = tuple(TensorInfo(name, "float32", model.code_shape) for name in model.encoder_outputs)
    takes = (image_info(model), *label_info(model, "x"))

    def encode(tensors):
        x, label = tensors["x"], tensors.get("label")
        if len(codes) == 1:
            found = (model.code(x, label),)
        else:
            q = model.posterior(x, label)
            found = (q.mean, q.log_var)
        return {info.name: model.shaped(value) for info, value in zip(codes, found, strict=True)}

    encoder = model.part("encoder", encode, takes, codes, _networks(model, "encoder"))
    return {"encoder": encoder, "decoder": decoder_part(model)}


def decoder_part(model: Any) -> Part:
    """Return the decoder of a model: from `z`, and for some `label`, to `x`."""
    prior = model.prior.describe() if model.prior else None
    z = TensorInfo("z", "float32", model.code_shape, prior=prior)

    def decode(tensors):
        return {"x": model.image(model.flat(tensors["z"]), tensors.get("label"))}

    takes = (z, *label_info(model, "z"))
    networks = _networks(model, "decoder")
    return model.part("decoder", decode, takes, (image_info(model),), networks)


def _networks(model, part):
    """Return the networks of a part, the attribute of its name unless the class says more."""
    return tuple(getattr(model, name) for name in model.part_networks.get(part, (part,)))


def label_info(model: Any, name: str) -> tuple[TensorInfo, ...]:
    """Return the description of the label that the network of "x" or of "z" takes, if any."""
    if name not in model.label_inputs:
        return ()
    if model.num_classes is None:
        p = model.likelihood
        return (TensorInfo("label", "float32", model.label_shape, p.low, p.high),)
    return (TensorInfo("label", "int32", model.label_shape, 0, model.num_classes - 1),)
