"""The exported part of a detector: computes score, decision and map from raw items."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keras import ops

from zoo.anomaly import scores
from zoo.inference.parts import OptionalInput, Part, TensorInfo, image_file_steps, image_info

THRESHOLD = "threshold"


def parts(detector: Any, threshold: float) -> dict[str, Part]:
    """Return the part `detector`, which maps `x` to `score`, `is_anomaly` and `map`.

    Raises:
        ValueError: a score that needs draws.
    """
    if detector.score in scores.SAMPLED:
        names = [n for n in scores.of_class(type(detector.model)) if n in scores.DETERMINISTIC]
        raise ValueError(
            f"score={detector.score!r} needs random draws, which exported graphs cannot make. "
            f"Export a detector with score= one of {', '.join(names)}, fitted on the same data."
        )
    model, shape = detector.model, tuple(detector.model.image_shape)
    x = image_info(model)
    if detector.mean is not None:  # distribution of items, for parity checks and consumers
        moments = {"mean": detector.mean.tolist(), "scale": detector.deviation.tolist()}
        prior = {"kind": "normal", **moments}
        x = TensorInfo("x", "float32", shape, prior=prior, padded=x.padded)
    if detector.mean is None and (detector.of_pixels or (x.low, x.high) == (0, 1)):
        # else the values are not those of files
        x = replace(x, image_file=image_file_steps(shape))
    x, errors = replace(x, units=detector.units), TensorInfo("map", "float32", shape)
    if len(shape) == 1:
        x = replace(x, columns=x.columns or detector.names)
    else:
        x = replace(x, channels=detector.names)
        normal = None if detector.normal_error is None else tuple(detector.normal_error.tolist())
        errors = replace(errors, channels=detector.names, normal_error=normal)
    calibrated = detector.normal_map is not None
    if calibrated:
        errors = TensorInfo("map", "float32", shape[:2])
    outputs = (
        TensorInfo("score", "float32", ()),
        TensorInfo("is_anomaly", "int32", (), 0, 1),
        errors,
    )

    def detect(tensors):
        score = detector.scored(tensors["x"])
        return {
            "score": score,
            "is_anomaly": above(score, tensors, threshold),
            "map": (detector.mapped if calibrated else detector.errors)(tensors["x"]),
        }

    networks = tuple(getattr(model, name) for name in model.network_names)
    part = model.part("detector", detect, (x,), outputs, networks)
    return {"detector": replace(part, optional=(OptionalInput(THRESHOLD, threshold),))}


def above(score: Any, tensors: dict[str, Any], threshold: float) -> Any:
    """Return 1 where scores [batch] are above the threshold that was given, else 0, int32.

    Args:
        tensors: the inputs of a part, with or without a threshold [1]. threshold: the default.
    """
    return ops.cast(score > tensors.get(THRESHOLD, threshold), "int32")
