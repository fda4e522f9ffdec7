"""The exportable parts of a model, with names and descriptions of their inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from zoo.data.table_columns import Columns


@dataclass(frozen=True)
class TensorInfo:
    """One input or output of a part.

    Attributes:
        name: the name in the exported file: `x`, `z`, `z_mean`, `z_log_var` or `label`.
        dtype: `"float32"` or `"int32"`.
        shape: dimensions without the batch, such as `(28, 28, 1)`; `()` for one value a row.
        low, high: the ends of the range of the values, which belong to it; None for no end.
        prior: for latent inputs, the distribution to draw them from, such as
            `{"kind": "normal", "scale": 1.0}`; else None.
        layout: "channels_last", or "channels_first" if the export was made with that layout.
        columns: the names of the columns, for rows of a table, or None.
        categories: for each category of a table, `{"column", "first", "values"}`: the column of the
            table, the number of its first column here, and the values that its columns stand for;
            or None.
        channels: names of the channels of signals or images, or None.
        units: the units of the columns or channels, or None.
        normal_error: for a map of squared errors, the usual mean error of each channel, by which
            the channels of one item can be compared; or None.
        padded: whether NaN stands for the steps after the end of a signal that ends early.
        label_names: the names of the classes, for labels and for probabilities of labels, or None.
        missing: whether NaN stands for a value of a row that was not seen.
        image_file: for images that are read from files, the steps from a file to the input, as
            `image_file_steps` describes them; or None.
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
    padded: bool = False
    label_names: tuple[str, ...] | None = None
    missing: bool = False
    image_file: dict[str, Any] | None = None


def image_file_steps(shape: tuple[int, ...]) -> dict[str, Any] | None:
    """Return the steps from an image file to an input, as `zoo.data.from_folder` takes them.

    They are written into the signature, so that an application without the zoo computes the same
    from the same file, with Pillow: decode a JPEG no smaller than `draft` (`Image.draft`), turn it
    as its EXIF entry says, lay transparent pixels on white, convert to `mode`, resize with `filter`
    so that it covers `size` (height, width), crop at the center (`ImageOps.fit`), and divide the
    bytes by `divide_by`.

    Args:
        shape: of the input. If it is not (height, width, 1 or 3), the result is None.
    """
    if len(shape) != 3 or shape[-1] not in (1, 3):
        return None
    return {
        "draft": 2 * max(shape[:2]),
        "orientation": "exif",
        "transparent_on": "white",
        "mode": "L" if shape[-1] == 1 else "RGB",
        "filter": "lanczos",
        "size": list(shape[:2]),
        "fit": "cover, crop the center",
        "divide_by": 255,
    }


class OptionalInput(NamedTuple):
    """A float32 number that an exported ONNX file takes beside the inputs; without it, a default.

    Attributes:
        name: the name in the exported file, such as `threshold`.
        default: its value if it is not given.
    """

    name: str
    default: float


@dataclass(frozen=True)
class Part:
    """A function of a trained model that can be exported.

    Attributes:
        name: `encoder`, `decoder`, `discriminator`.
        function: a function from a dict of tensors to a dict of tensors, with the names below; it
            is written with `keras.ops`, deterministic and without state.
        inputs, outputs: in the order of the exported files.
        networks: the Keras models whose weights `function` uses, and `OwnWeights` if needed.
        tolerance: a factor of the tolerance of the parity check, for outputs with a range: 1, or
            more if `function` itself amplifies rounding errors of float32.
        files: further files of the part's folder, by name, such as tables.
        optional: numbers that ONNX files also take. `function` gets each of them as a tensor [1],
            or not at all; then it uses the default.
    """

    name: str
    function: Callable[[dict[str, Any]], dict[str, Any]]
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    networks: tuple[Any, ...]
    tolerance: float = 1.0
    files: Mapping[str, bytes] = field(default_factory=dict)
    optional: tuple[OptionalInput, ...] = ()


@dataclass(frozen=True)
class OwnWeights:
    """Weights of a model that belong to none of its networks, for `Part.networks`."""

    weights: list[Any]
    name: str = "model"

    @property
    def variables(self) -> list[Any]:
        return self.weights


def image_info(model: Any) -> TensorInfo:
    """Return the description of `x`, the images or rows that a model takes."""
    p = model.likelihood
    known = Columns.of(p)
    more: dict[str, Any] = {"prior": p.describe_rows(), "padded": p.padded}
    more["missing"] = p.takes_missing
    if known:
        described = known.described()
        more |= {"columns": known.names, "categories": described and tuple(described)}
    return TensorInfo("x", "float32", tuple(model.image_shape), p.low, p.high, **more)


def classifier_part(model: Any, networks: Any) -> Part:
    """Return the classifier part of a model: from `x` to `label_probability`, [num_classes].

    Args:
        model: a model with the method `label_probability(x)` for tensors.
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
            q = _posterior(model, x, label)
            found = (q.mean, q.log_var)
        return {info.name: model.shaped(value) for info, value in zip(codes, found, strict=True)}

    encoder = model.part("encoder", encode, takes, codes, _networks(model, "encoder"))
    return {"encoder": encoder, "decoder": decoder_part(model)}


def _posterior(model, x, label):
    if not hasattr(model, "posterior"):
        raise TypeError(
            f"{type(model).__name__} has the encoder_outputs {model.encoder_outputs}, but no "
            "method posterior(x, label), which returns an object with `mean` and `log_var`."
        )
    return model.posterior(x, label)


def decoder_part(model: Any) -> Part:
    """Return the decoder part of a model, from `z`, and a `label` if it takes one, to `x`."""
    prior = model.prior.describe() if model.prior else None
    z = TensorInfo("z", "float32", model.code_shape, prior=prior)

    def decode(tensors):
        return {"x": model.image(model.flat(tensors["z"]), tensors.get("label"))}

    takes = (z, *label_info(model, "z"))
    networks = _networks(model, "decoder")
    x = replace(image_info(model), missing=False)
    return model.part("decoder", decode, takes, (x,), networks)


def imputer_part(model: Any) -> Part:
    """Return the imputer of a model: from `x` with NaN to `imputed` without, decoded from its code.

    In a category that was not seen, the columns hold the probabilities of its values.
    """
    x = image_info(model)

    def impute(tensors):
        return {"imputed": model.imputed(tensors["x"], tensors.get("label"))}

    takes = (x, *label_info(model, "x"))
    networks = (*_networks(model, "encoder"), *_networks(model, "decoder"))
    imputed = replace(x, name="imputed", missing=False)  # ONNX needs two names
    return model.part("imputer", impute, takes, (imputed,), networks)


def _networks(model, part):
    """Return the networks of a part: those in `part_networks`, else the attribute of its name."""
    return tuple(getattr(model, name) for name in model.part_networks.get(part, (part,)))


def label_info(model: Any, name: str) -> tuple[TensorInfo, ...]:
    """Return the description of the label beside the input "x" or "z", if there is one."""
    if name not in model.label_inputs:
        return ()
    if model.num_classes is None:
        p = model.likelihood
        return (TensorInfo("label", "float32", model.label_shape, p.low, p.high),)
    return (TensorInfo("label", "int32", model.label_shape, 0, model.num_classes - 1),)
