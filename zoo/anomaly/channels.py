"""Names and units of columns and channels; which channel of a signal is anomalous, and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from zoo.anomaly.scores import WINDOW
from zoo.plots.picture import Picture

MOST_NAMES = 40  # names of columns or channels that are drawn below a picture
LONGEST_NAME = 24  # letters of such a name
NORMAL = 0.95  # the share of normal signals whose error in a channel is below its normal error
MOST_SIGNALS = 4096  # signals that the normal errors are computed from
_LEAST_ERROR = 1e-12  # for a channel that is reconstructed without error
_DRAWN = 6  # signals in a picture


class WorstChannel(NamedTuple):
    """The channel of a signal whose error is largest relative to its normal error.

    Attributes:
        channel: the number of the channel. name, unit: "" if the channel has none.
        step: the step of the largest error in this channel, within the window of 5 steps whose
            mean error is largest.
        ratio: the mean squared error of the channel, divided by its normal error.
    """

    channel: int
    name: str
    unit: str
    step: int
    ratio: float


def checked_names(
    names: Sequence[str] | None, units: Sequence[str] | None
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Return names and units as tuples of strings, or None.

    Raises:
        TypeError: not lists of strings. ValueError: a name that occurs twice, or unequal counts.
    """
    found: list[tuple[str, ...] | None] = []
    for argument, given in (("names", names), ("units", units)):
        if given is not None:
            given = () if isinstance(given, str) else tuple(given)
            if not given or not all(isinstance(text, str) for text in given):
                came = {"names": names, "units": units}[argument]
                raise TypeError(f"{argument} is {came!r}; give a list of strings, one a channel.")
        found.append(given)
    names, units = found
    if names and len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"names has {twice!r} twice; columns or channels need different names.")
    if names and units and len(names) != len(units):
        raise ValueError(f"There are {len(names)} names and {len(units)} units; give equally many.")
    return names, units


def check_count(detector: Any, shape: tuple[int, ...]) -> None:
    """Check that there are as many names and units as the model has columns or channels.

    Raises:
        ValueError: the numbers differ; the error states both.
    """
    what = "columns" if len(shape) == 1 else "channels"
    for argument in ("names", "units"):
        given = getattr(detector, argument)
        if given is not None and len(given) != shape[-1]:
            raise ValueError(
                f"There are {len(given)} {argument} for {shape[-1]} {what}; give one for each."
            )


def labels(detector: Any, unit: bool = True) -> list[str]:
    """Return labels for the columns or channels of a detector, such as "pressure [bar]"."""
    shape = detector.model.image_shape
    what = "column" if len(shape) == 1 else "channel"
    names = detector.names or [f"{what} {j}" for j in range(shape[-1])]
    units = detector.units if unit and detector.units else [""] * len(names)
    return [f"{name} [{u}]" if u else name for name, u in zip(names, units, strict=True)]


def normal_errors(detector: Any, x: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the error of each channel that 95 % of normal signals do not exceed, [channels].

    Args:
        x: the signals that the threshold was set on, [n, steps, channels]. Signals above the
            threshold may be anomalies and are left out; of many signals, an evenly spaced
            selection is used.
        scores: the scores of these signals, [n].
    """
    kept = np.flatnonzero(scores <= np.float32(detector.threshold))
    kept = kept[:: -(-len(kept) // MOST_SIGNALS)]
    errors = _means(detector.explain(x[kept]), x[kept])  # [kept, channels]
    found = np.quantile(errors, NORMAL, axis=0)
    return np.maximum(found, _LEAST_ERROR).astype("float32")


def _means(errors: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the mean errors of channels, [n, channels], over the steps that signals have."""
    there = ~np.isnan(x).any(axis=-1, keepdims=True)
    return errors.sum(axis=1) / there.sum(axis=1)


def worst_channels(detector: Any, x: Any) -> list[WorstChannel]:
    """Return for each signal [n, steps, channels] which channel is anomalous, and when.

    Raises:
        ValueError: the model is not a model of signals.
    """
    errors = detector.explain(x)
    shape = tuple(detector.model.image_shape)
    if len(shape) != 2:
        raise ValueError(
            f"worst_channels is for signals [n, steps, channels], but the model takes {shape}: "
            "use explain(x), which returns the error of every value."
        )
    normal = 1.0 if detector.normal_error is None else detector.normal_error
    ratios = _means(errors, np.asarray(x)) / normal  # [n, channels]
    worst = ratios.argmax(axis=1)
    names, units = detector.names or [""] * shape[-1], detector.units or [""] * shape[-1]
    of_worst = np.take_along_axis(errors, worst[:, None, None], axis=2)[..., 0]  # [n, steps]
    windows = np.lib.stride_tricks.sliding_window_view(of_worst, min(WINDOW, shape[0]), axis=1)
    starts = windows.mean(axis=-1).argmax(axis=1)
    steps = starts + windows[np.arange(len(starts)), starts].argmax(axis=1)
    return [
        WorstChannel(int(j), names[j], units[j], int(step), float(row[j]))
        for j, step, row in zip(worst, steps, ratios, strict=True)
    ]


def told(detector: Any, x: np.ndarray, worst: Sequence[WorstChannel]) -> list[str]:
    """Describe for each signal [k, steps, channels] its worst channel, the step and the values.

    Args:
        worst: the result of `worst_channels` for these signals.
    """
    restored = detector.reconstruct(x)
    called, units = labels(detector, unit=False), detector.units or [""] * x.shape[-1]
    found = []
    for item, other, (j, _, _, step, ratio) in zip(x, restored, worst, strict=True):
        where = f"{called[j]}, step {step}" if detector.names or len(called) > 1 else f"step {step}"
        unit = f" {units[j]}" if units[j] else ""
        found.append(
            f"{where}: {item[step, j]:.4g}{unit}, reconstructed {other[step, j]:.4g}; the error of "
            f"this channel is {ratio:.3g} times its normal one"
        )
    return found


def draw(
    detector: Any, x: np.ndarray, numbers: np.ndarray, worst: Sequence[WorstChannel]
) -> Picture:
    """Draw the worst channel of each of up to six signals, and the errors of all channels.

    Args:
        x: [k, steps, channels]. numbers: [k], the numbers of the signals in titles.
        worst: the result of `worst_channels` for these signals.
    """
    x, numbers, worst = x[:_DRAWN], numbers[:_DRAWN], worst[:_DRAWN]
    restored, errors, called = detector.reconstruct(x), detector.explain(x), labels(detector)
    normal = 1.0 if detector.normal_error is None else detector.normal_error
    several = x.shape[-1] > 1
    figure = Picture(figsize=(8, 1.8 * len(x)), dpi=100, layout="constrained")
    for i, (one, two) in enumerate(figure.subplots(len(x), 2, squeeze=False)):
        j, step = worst[i].channel, worst[i].step
        one.plot(x[i, :, j], label="item")
        one.plot(restored[i, :, j], label="reconstruction")
        one.axvline(step, color="0.5", linestyle=":", label="largest error")
        title = f"item {numbers[i]}, {called[j]}" if several or detector.names else None
        one.set_title(title or f"item {numbers[i]}", fontsize=9, parse_math=False)
        if several:
            two.bar(range(x.shape[-1]), _means(errors, x)[i] / normal)
            two.set_title("error by channel, divided by its normal one", fontsize=9)
        else:
            two.bar(range(x.shape[1]), errors[i, :, 0])
            two.set_title("squared error by step", fontsize=9)
        if several and x.shape[-1] <= MOST_NAMES:
            ticks = [shortened(name) for name in labels(detector, unit=False)]
            two.set_xticks(range(len(ticks)), ticks, rotation=90, fontsize=6, parse_math=False)
    figure.axes[0].legend(fontsize=7)
    return figure


def shortened(name: str) -> str:
    """Return the name of a column or channel in one line, short enough for an axis."""
    name = " ".join(name.split())
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
