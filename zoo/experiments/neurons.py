"""Neurons, their losses, and the gradients that train them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.checks.array_types import Tensor
from zoo.experiments import panels
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table
from zoo.plots.picture import Picture

STARTS = ((0.6, 0.9), (2.0, 2.0))  # weight and bias of the neuron (Nielsen 2015, chapter 3)
STEPS, RATE = 300, 0.15
SHOWN_STEPS = (0, 50, 100, 150, 200, 300)
LAYERS, UNITS, ROWS = 10, 64, 256  # of the deep networks
NETWORKS = {
    "sigmoid, Glorot": ("sigmoid", "glorot_normal"),
    "ReLU, Glorot": ("relu", "glorot_normal"),
    "ReLU, He": ("relu", "he_normal"),
}
"""Activation and initialization of each deep network."""

DRAWS = 10_001
TRIALS, FEW = 4_000, 25


@experiment(minutes=0.2)
def output_units(verbose: int | str = 2) -> Table:
    """Train one sigmoid neuron by two losses, and measure gradients in deep networks."""
    curves = {
        f"{loss} from {start}": descend(loss, *start, STEPS, RATE)
        for loss in OUTPUT_ERRORS
        for start in STARTS
    }
    rows = [
        [name, *(round(float(outputs[step]), 3) for step in SHOWN_STEPS)]
        for name, outputs in curves.items()
    ]
    norms = {name: gradient_norms(*kind, range(1, 6)) for name, kind in NETWORKS.items()}
    shares = "; ".join(f"{name} {n[0] / n[LAYERS - 1]:.2g}" for name, n in norms.items())
    return Table(
        "A neuron that learns slowly, and gradients in deep networks",
        "One neuron a = sigmoid(w x + b) with the input x = 1 and the target y = 0, from two "
        f"starts (w, b), by gradient descent with a learning rate of {RATE}: its output after a "
        "number of steps, for the squared error (a - y)^2 / 2 and for the cross-entropy. Right: "
        "norms of the gradient of the weights by layer, before training, in networks with "
        f"{LAYERS} hidden layers of {UNITS} units and a sigmoid output, for the cross-entropy, "
        f"{ROWS} normally distributed inputs of {UNITS} numbers and random targets 0 or 1; "
        "geometric means of 5 seeds. The norm in the first layer divided by that in the last "
        f"hidden layer: {shares}.",
        ("loss and start", *(f"step {step}" for step in SHOWN_STEPS)),
        rows,
        _output_units_picture(curves, norms),
    )


def sigmoid(z: Any) -> Any:
    """Return 1 / (1 + exp(-z)), for a number or an array."""
    return 1.0 / (1.0 + np.exp(-z))


# The derivative of each loss with respect to z, of an output a = sigmoid(z) and a target y: dC/da
# times the slope a (1 - a) of the sigmoid, which the cross-entropy cancels.
OUTPUT_ERRORS = {
    "squared error": lambda a, y: (a - y) * a * (1 - a),
    "cross-entropy": lambda a, y: a - y,
}


def descend(loss: str, w: float, b: float, steps: int, rate: float) -> np.ndarray:
    """Return the output of a neuron with input 1 and target 0 before and after each step.

    Args:
        loss: a key of `OUTPUT_ERRORS`. w, b: weight and bias at the start.
        steps: the number of steps of gradient descent. rate: the learning rate.

    Returns:
        float64 [steps + 1].
    """
    outputs = [sigmoid(w + b)]
    for _ in range(steps):
        delta = OUTPUT_ERRORS[loss](outputs[-1], 0.0)
        w, b = w - rate * delta, b - rate * delta  # the input is 1
        outputs.append(sigmoid(w + b))
    return np.array(outputs)


def backpropagate(
    weights: Sequence[np.ndarray],
    biases: Sequence[np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    activation: str = "sigmoid",
    loss: str = "cross-entropy",
) -> list[np.ndarray]:
    """Return the gradients of the mean loss by the four equations of backpropagation.

    Args:
        weights: matrices [inputs, units] of each layer. biases: vectors [units] of each layer.
        x: inputs [n, inputs]. y: targets [n, outputs], in [0, 1].
        activation: of the hidden layers, "sigmoid" or "relu"; the outputs are sigmoids.
        loss: a key of `OUTPUT_ERRORS`, summed over the outputs.

    Returns:
        the gradients of the first layer's weights and biases, then those of the second, ...

    Source: Nielsen 2015, Neural networks and deep learning, chapter 2, BP1 to BP4.
    """
    activations, sums = [x], []
    for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
        z = activations[-1] @ w + b  # [n, units]
        hidden_relu = activation == "relu" and i < len(weights) - 1
        sums.append(z)
        activations.append(np.maximum(z, 0.0) if hidden_relu else sigmoid(z))
    gradients: list[np.ndarray] = []
    delta = OUTPUT_ERRORS[loss](activations[-1], y) / len(x)  # BP1, [n, outputs]
    for i in reversed(range(len(weights))):
        gradients = [activations[i].T @ delta, delta.sum(axis=0), *gradients]  # BP4, BP3
        if i:
            a, z = activations[i], sums[i - 1]
            slope = (z > 0).astype(z.dtype) if activation == "relu" else a * (1 - a)
            delta = delta @ weights[i].T * slope  # BP2, [n, units of the layer below]
    return gradients


def gradient_norms(activation: str, initializer: str, seeds: Any) -> np.ndarray:
    """Return the norm of the gradient of each layer's weights in a deep network at its start.

    Args:
        activation, initializer: of the hidden layers. seeds: one for each random start.

    Returns:
        geometric means over the seeds, float64 [LAYERS + 1].
    """
    logs = []
    for seed in seeds:
        keras.utils.set_random_seed(seed)
        hidden = [
            keras.layers.Dense(UNITS, activation, kernel_initializer=initializer)
            for _ in range(LAYERS)
        ]
        network = keras.Sequential(
            [keras.Input((UNITS,)), *hidden, keras.layers.Dense(1, "sigmoid")]
        )
        arrays = [a.astype("float64") for a in network.get_weights()]
        generator = np.random.default_rng(seed)
        x, y = generator.normal(size=(ROWS, UNITS)), generator.integers(0, 2, (ROWS, 1))
        gradients = backpropagate(arrays[::2], arrays[1::2], x, y, activation)
        logs.append([np.log(np.linalg.norm(gradient)) for gradient in gradients[::2]])
    return np.exp(np.mean(logs, axis=0))


def _output_units_picture(curves: dict, norms: dict) -> Picture:
    figure = Picture(figsize=(12.8, 5.2), dpi=100, layout="constrained")
    figure.suptitle(
        "A sigmoid's slope delays the squared error, and shrinks gradients", fontsize=15
    )
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.15, 0.85, 1))
    for i, (name, outputs) in enumerate(curves.items()):
        left.plot(outputs, "-" if i < len(STARTS) else "--", color=f"C{i % 2}", lw=2, label=name)
    z = np.linspace(-6, 6, 200)
    middle.plot(z, sigmoid(z), color="black", lw=2, label="sigmoid")
    middle.plot(z, sigmoid(z) * (1 - sigmoid(z)), color="black", ls=":", lw=2, label="its slope")
    for i, start in enumerate(STARTS):
        a = sigmoid(sum(start))
        name = f"slope at {start}: {a * (1 - a):.3f}"
        middle.plot(sum(start), a * (1 - a), "o", color=f"C{i}", ms=9, label=name)
    for i, (name, values) in enumerate(norms.items()):
        line = right.semilogy(range(1, len(values) + 1), values, f"{'osD'[i]}-", label=name)
        line[0].set_color(f"C{i + 2 + (i > 0)}")
    panels.label(left, "output by step; target 0", "step", "output a")
    panels.label(middle, "the sigmoid and its slope", "z = w x + b", "")
    panels.label(
        right, "gradient by layer, before training", "layer (the last one is the output)", "norm"
    )
    return figure


LOSSES = {
    "squared error": lambda a, y: (y - a) ** 2 / 2,
    "absolute error": lambda a, y: np.abs(y - a),
    "cross-entropy": lambda a, y: -y * np.log(a) - (1 - y) * np.log(1 - a),
}
"""Losses of a prediction a and a target y: the negative log-likelihoods of a Gaussian with standard
deviation 1, of a Laplacian with scale 1 (both without their constants) and of a Bernoulli."""

NOISES = {
    "Gaussian": lambda generator, size: generator.normal(size=size),
    "Laplacian": lambda generator, size: generator.laplace(scale=0.5**0.5, size=size),
    "exponential": lambda generator, size: generator.exponential(size=size),
    "Gaussian, 10 % times 10": lambda generator, size: (
        generator.normal(size=size) * np.where(generator.random(size) < 0.1, 10, 1)
    ),
    "Bernoulli, 0.3": lambda generator, size: (generator.random(size) < 0.3).astype("float64"),
}
"""Draws of each kind of noise; all but the last two have a standard deviation of 1."""


@experiment(minutes=0.2)
def losses_are_likelihoods(verbose: int | str = 2) -> Table:
    """Compare losses with likelihoods, minimizers with statistics, and backpropagation by hand."""
    rows, spreads = [], {}
    for name, draw in NOISES.items():
        y = draw(np.random.default_rng(SEED), DRAWS)
        few = draw(np.random.default_rng(SEED), (TRIALS, FEW))
        spreads[name] = [
            float(np.std(of_few)) for of_few in (few.mean(axis=1), np.median(few, axis=1))
        ]
        binary = set(np.unique(y)) <= {0.0, 1.0}
        least = [
            round(minimizer(loss, y), 3) if binary or loss != "cross-entropy" else "none"
            for loss in LOSSES
        ]
        statistics = (round(float(value), 3) for value in (y.mean(), np.median(y)))
        rows.append([name, *statistics, *least, *(round(value, 3) for value in spreads[name])])
    return Table(
        "Losses are negative log-likelihoods",
        f"{DRAWS:,} draws of each kind of noise: their mean, their median, and the constant "
        "prediction with the smallest mean loss, found by a search (no cross-entropy for targets "
        "that are no probabilities). One draw in ten of the fourth kind is multiplied by 10. The "
        f"last two columns: the standard deviation of the mean and of the median of {FEW} draws, "
        f"over {TRIALS:,} repetitions. The four equations of backpropagation, written out in NumPy "
        "for a network 5-7-6-3, differ from automatic differentiation by at most "
        f"{largest_difference():.1g} of the largest gradient, in float32. The picture shows the "
        "losses, the mean losses of a prediction for exponential noise, and some of these "
        "deviations.",
        (
            "noise",
            "mean",
            "median",
            *(f"least {loss}" for loss in LOSSES),
            f"deviation of the mean of {FEW}",
            f"of the median of {FEW}",
        ),
        rows,
        _losses_picture(spreads),
    )


def minimizer(loss: str, y: np.ndarray) -> float:
    """Return the constant prediction with the smallest mean loss, found by a bounded search.

    Args:
        loss: a key of `LOSSES`. y: targets [n]; between 0 and 1 for the cross-entropy.
    """
    from scipy.optimize import minimize_scalar

    bounds = (1e-6, 1 - 1e-6) if loss == "cross-entropy" else (y.min(), y.max())
    found = minimize_scalar(
        lambda a: np.mean(LOSSES[loss](a, y)),
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-7},
    )
    return float(found.x)


def largest_difference(
    activation: str = "sigmoid", loss: str = "cross-entropy", sizes: Sequence[int] = (5, 7, 6, 3)
) -> float:
    """Return how much `backpropagate` and automatic differentiation differ, for random weights.

    Args:
        activation, loss: as in `backpropagate`. sizes: the numbers of inputs and of units.

    Returns:
        the largest difference of a gradient, divided by the largest gradient.
    """
    generator = np.random.default_rng(SEED)
    pairs = list(itertools.pairwise(sizes))
    weights = [generator.normal(size=pair).astype("float32") for pair in pairs]
    biases = [generator.normal(size=units).astype("float32") for _, units in pairs]
    x = generator.normal(size=(8, sizes[0])).astype("float32")
    y = generator.random((8, sizes[-1])).astype("float32")
    gradients = backpropagate(weights, biases, x, y, activation, loss)
    parameters = [a for pair in zip(weights, biases, strict=True) for a in pair]
    found = _differentiated(parameters, x, y, activation, loss)
    by_hand = np.concatenate([gradient.ravel() for gradient in gradients])
    return float(np.abs(by_hand - found).max() / np.abs(found).max())


def _differentiated(parameters, x, y, activation, loss) -> np.ndarray:
    """Return the gradient with respect to all parameters in a row, by the backend."""
    shapes = [a.shape for a in parameters]
    ends = np.cumsum([a.size for a in parameters])

    def mean_loss(flat: Tensor) -> Tensor:
        pieces = [
            ops.reshape(flat[end - int(np.prod(shape)) : end], shape)
            for end, shape in zip(ends, shapes, strict=True)
        ]
        a = ops.convert_to_tensor(x)
        for i in range(0, len(pieces), 2):
            z = ops.matmul(a, pieces[i]) + pieces[i + 1]
            last = i == len(pieces) - 2
            a = ops.relu(z) if activation == "relu" and not last else ops.sigmoid(z)
        if loss == "squared error":
            return ops.sum(ops.square(a - y)) / (2 * len(x))
        return ops.sum(-y * ops.log(a) - (1 - y) * ops.log(1 - a)) / len(x)

    flat = ops.convert_to_tensor(np.concatenate([a.ravel() for a in parameters]))
    one = ops.convert_to_tensor(np.float32(1.0))
    return ops.convert_to_numpy(backend.vector_jacobian_product(mean_loss, flat, one))


def _losses_picture(spreads: dict) -> Picture:
    figure = Picture(figsize=(12.8, 5.4), dpi=100, layout="constrained")
    figure.suptitle(
        "Each loss fits one kind of noise, and has its own best prediction", fontsize=15
    )
    left, middle, right = figure.subplots(1, 3)
    e = np.linspace(-3, 3, 301)
    a = np.linspace(0.02, 0.98, 200)
    left.plot(e, LOSSES["squared error"](0, e), lw=2, label="squared error / 2: Gaussian")
    left.plot(e, LOSSES["absolute error"](0, e), "--", lw=2, label="absolute error: Laplacian")
    left.plot(
        1 - a, LOSSES["cross-entropy"](a, 1.0), ":", lw=3, label="cross-entropy: Bernoulli, y = 1"
    )
    y = NOISES["exponential"](np.random.default_rng(SEED), DRAWS)
    constants = np.linspace(0, 2, 81)
    for i, (loss, style) in enumerate((("squared error", "-"), ("absolute error", "--"))):
        means = [np.mean(LOSSES[loss](constant, y)) for constant in constants]
        middle.plot(constants, means, style, lw=2, label=f"mean {loss}{(' / 2', '')[i]}")
        at = minimizer(loss, y)
        name = f"least at {at:.2f}, the {('mean', 'median')[i]}"
        middle.plot(at, np.mean(LOSSES[loss](at, y)), "os"[i], color=f"C{i}", ms=9, label=name)
    compared = ("Gaussian", "Laplacian", "Gaussian, 10 % times 10")
    for i, name in enumerate(("mean", "median")):
        places = np.arange(len(compared)) + 0.4 * i - 0.2
        values = [spreads[noise][i] for noise in compared]
        bars = right.bar(places, values, 0.38, hatch=("", "//")[i], edgecolor="white")
        bars.set_label(f"of the {name} of {FEW} draws")
    right.set_xticks(range(len(compared)), [name.replace(", ", ",\n") for name in compared])
    panels.label(left, "losses", "target - prediction", "loss")
    panels.label(middle, "exponential noise", "constant prediction", "mean loss")
    panels.label(right, "spread of the estimate, by noise", "", "standard deviation")
    return figure
