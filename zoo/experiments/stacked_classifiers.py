"""Stacks of denoising autoencoders as pre-training: depth, corruption, and all of MNIST."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

import zoo
from zoo.experiments import panels
from zoo.experiments.registry import experiment
from zoo.experiments.representations import error_on, fine_tuned, fine_tuned_error, split, stacked
from zoo.experiments.table import SEED, Table, chosen_rows
from zoo.plots.picture import Picture

VARIANT = "mnist_bg_img"
LEVELS = (0.0, 0.1, 0.25, 0.4)
DEPTHS = (1, 2, 3)
UNITS = 1000
RATE = 1e-3
QUICK = {"UNITS": 30, "LEVELS": (0.0, 0.25), "DEPTHS": (1, 2)}

# Vincent et al. 2010, table 3: test errors in %.
STACKS = {
    "denoising autoencoders (SDAE-3)": (
        zoo.DenoisingAutoencoder,
        {"tie_weights": True, "corruption": {"masking": 0.25}},
        1.28,
    ),
    "Boltzmann machines (DBN-3)": (zoo.RBM, {}, 1.24),
}


@experiment(minutes=30)
def depth_and_corruption(epochs: int = 15, verbose: int | str = 2) -> Table:
    """Compare the errors of stacks by their depth and by the noise that they were trained with."""
    train, validation, test = split(VARIANT)
    shape = train[0].shape[1:]
    found: dict[str, list[float]] = {}
    for level in (None, *LEVELS):
        name = "no pre-training" if level is None else f"{level:.0%} masked"
        layers = [] if level is None else _layers(train[0], level, epochs, verbose)
        found[name] = []
        for depth in DEPTHS:
            model = of_layers(shape, layers[:depth], depth)
            network, _ = fine_tuned(model, train, validation, epochs, (RATE,), verbose)
            found[name].append(round(error_on(network, test), 2))
        if verbose:
            print(name, found[name], flush=True)
    return Table(
        "Stacks by depth and by corruption: test error in %",
        f"{VARIANT} of zoo.data.variants: {len(train[0]):,} images to train, "
        f"{len(validation[0]):,} to validate, {len(test[0]):,} to test; layers of {UNITS} sigmoid "
        "units, each trained as a denoising autoencoder with tied kernels and masking noise, "
        f"{epochs} epochs by Adam with a rate of {RATE:g}, then {epochs} epochs of fine-tuning, of "
        "which the one that is best on validation images counts. Without noise these are stacked "
        f"autoencoders (SAE). Seed {SEED}; rates and epochs were not searched. Vincent et al. 2010 "
        "(JMLR 11) show such curves, for the published files, in figures.",
        (
            "layers trained with",
            *(f"{depth} layers" if depth > 1 else "1 layer" for depth in DEPTHS),
        ),
        [[name, *errors] for name, errors in found.items()],
        _curves(found),
    )


def _layers(x: np.ndarray, level: float, epochs: int, verbose: int | str) -> list:
    """Return one-layer models of a stack; the first ones are those of a less deep stack, too."""
    model = of_layers(x.shape[1:], [], DEPTHS[-1])
    keras.utils.set_random_seed(SEED)
    return zoo.pretrain(
        model,
        x,
        zoo.DenoisingAutoencoder,
        epochs=epochs,
        optimizer=keras.optimizers.Adam(RATE),
        verbose=verbose,
        tie_weights=True,
        corruption={"masking": level},
        seed=SEED,
    )


def of_layers(shape: tuple[int, ...], layers: Sequence[Any], depth: int) -> zoo.Autoencoder:
    """Return a deep autoencoder whose encoder has the weights of the encoders of layers.

    Args:
        shape: of an image. layers: one-layer models, the lowest first; without any, the weights
            stay random. depth: how many layers of sigmoid units the encoder has.
    """
    model = zoo.Autoencoder(
        shape,
        UNITS,
        hidden_units=(UNITS,) * (depth - 1),
        activation="sigmoid",
        code_activation="sigmoid",
        seed=SEED,
    )
    dense = [layer for layer in model.encoder.layers if isinstance(layer, keras.layers.Dense)]
    for layer, one in zip(dense, layers, strict=False):
        layer.set_weights(one.encoder.get_layer("z").get_weights())
    return model


def _layers_in_words(depth: int) -> str:
    return "1 layer" if depth == 1 else f"{depth} layers"


def _curves(found: dict[str, list[float]]) -> Picture:
    figure = Picture(figsize=(12.8, 5.8), dpi=100, layout="constrained")
    figure.suptitle("Errors of stacks, by depth and by noise", fontsize=16)
    left, right = figure.subplots(1, 2)
    for name, errors in found.items():
        left.plot(DEPTHS, errors, "o-", lw=2, label=name)
    left.set_xticks(DEPTHS)
    panels.label(left, "by depth", "layers", "test error, %")
    noisy = [errors for name, errors in found.items() if name != "no pre-training"]
    for depth, errors in zip(DEPTHS, zip(*noisy, strict=True), strict=True):
        places = [100 * level for level in LEVELS]
        right.plot(places, errors, "o-", lw=2, label=_layers_in_words(depth))
    panels.label(right, "by corruption", "masked pixels or units, %", "test error, %")
    return figure


@experiment(minutes=20, rows=lambda: STACKS)
def deep_classifiers(epochs: int = 15, only: Sequence[str] = (), verbose: int | str = 2) -> Table:
    """Pre-train three layers by two methods, and fine-tune them on all of MNIST."""
    train, validation, test = split("mnist")
    rows: list[list[Any]] = []
    for name, (model_class, options, reported) in STACKS.items():
        if name not in chosen_rows(only, STACKS):
            rows.append([name])
            continue
        model = stacked(train[0], 3, model_class, options, epochs=epochs, verbose=verbose)
        error = fine_tuned_error(model, train, validation, test, epochs, (RATE,), verbose)
        rows.append([name, reported, error])
    return Table(
        "Three layers of 1000 units, pre-trained, on all of MNIST",
        f"MNIST, {len(train[0]):,} images to train, {len(validation[0]):,} to validate, "
        f"{len(test[0]):,} to test; 784-1000-1000-1000 sigmoid units, {epochs} epochs for each "
        f"layer by Adam (rate {RATE:g}, batch 128; 25 % masked), then {epochs} epochs of "
        "fine-tuning, of which the one that is best on validation images counts. One seed, "
        "settings not searched. Reported: Vincent et al. 2010 (JMLR 11), table 3, with settings "
        "chosen on validation images.",
        ("stack of", "error %, reported", "obtained"),
        rows,
    )
