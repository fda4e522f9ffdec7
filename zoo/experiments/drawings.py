"""Drawings from codes, beside a decoder without codes; begun drawings; sheep."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

import zoo
from zoo import data, plots, recipes
from zoo.data import strokes
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, fit, fit_recipe
from zoo.metrics.card_metrics import rounded
from zoo.models.sketch_rnn import SketchRNN
from zoo.nn.distributions.normal import DiagonalNormal
from zoo.presets.reference_classifier import load_reference_classifier

PRESET = "sketch_rnn_mnist"
SHEEP_EPOCHS = 25
SHEEP_UNITS = (128, 256)
READ = 2000  # drawings that are read by the classifier
SHOWN = 10
TEMPERATURES = (0.0, 0.1, 0.4, 0.7, 1.0)
QUICK = {"SHEEP_UNITS": (4, 8), "READ": 40}


class WithoutCodes(SketchRNN):
    """The decoder of a `SketchRNN` alone: its codes are noise, and q(z | x) = p(z)."""

    def __init__(self, *args: Any, **settings: Any):
        super().__init__(*args, **settings)
        self.encoder.trainable = False

    def posterior(self, x: Any, label: Any = None, training: bool = False) -> DiagonalNormal:
        del label, training
        zeros = ops.zeros((ops.shape(x)[0], self.latent_dim))
        return DiagonalNormal(zeros, zeros)


@experiment(minutes=20)
def drawings(epochs: int | None = None, verbose: int | str = 2) -> Table:
    """Measure the preset of digits as strokes, and a decoder that was trained without codes."""
    (x, _), (x_test, y_test) = data.load("mnist_strokes")
    model: Any = zoo.load(PRESET)
    rows = [[f"with codes, {PRESET}", *_bounds(model, x_test)]]
    recipe = recipes.get(PRESET)
    epochs, trained = epochs or recipe.epochs, x[: len(x) - recipe.validation]
    without = fit_recipe(recipe, trained, None, epochs, verbose, WithoutCodes)
    rows.append([f"without codes, {epochs} epochs", *_bounds(without, x_test)])
    some, labels = x_test[:READ], y_test[:READ]
    rows = [[*row, ""] for row in rows]
    rows.append(["the drawings themselves", "", "", "", _read(some, labels)])
    for temperature in TEMPERATURES:
        redrawn = model.reconstruct(some, temperature=temperature, seed=SEED)
        rows.append([f"redrawn, temperature {temperature:g}", "", "", "", _read(redrawn, labels)])
    return Table(
        "Drawings from their codes, and without",
        f"The test digits of mnist_strokes, {len(x_test):,} drawings in nats a drawing. The preset "
        f"was trained for {recipe.epochs} epochs on {len(trained):,} drawings, with a weight of "
        f"the KL divergence that rises to {model.beta.end:g}; its bound is with a weight of 1. The "
        "decoder without codes has the same size and training, but its codes are noise, so that "
        f"no weight matters; it had {epochs} epochs. Right: of {READ:,} drawings, drawn as images "
        "of 28x28 pixels with lines of 2.5 pixels, the part that the zoo's reference classifier of "
        "MNIST reads as their label, in percent.",
        ("drawings", "-log p(x | z)", "KL", "negative ELBO", "right"),
        rows,
        _picture(model, x_test, y_test),
    )


def _bounds(model, x) -> list:
    model.compile()
    found = model.evaluate(x, verbose=0, return_dict=True)
    return [rounded(found["reconstruction"]), rounded(found["kl"]), rounded(-found["elbo"])]


def _read(sequences, labels) -> float:
    """Return the percentage of drawings that the reference classifier reads as their label."""
    images = np.stack([as_digit(strokes.from_stroke5(one)) for one in sequences])
    read = load_reference_classifier("mnist").predict(images, verbose=0).argmax(axis=1)
    return round(100.0 * float(np.mean(read == labels)), 2)


def as_digit(drawing: strokes.Drawing) -> np.ndarray:
    """Return a drawing as MNIST's digits are, white in 20 of 28 pixels, float32 [28, 28, 1]."""
    ink = strokes.to_image(drawing, 28, width=2.5, margin=5.0 / 28)
    return 1.0 - ink[..., None].astype("float32") / 255.0


def _picture(model, x, y) -> Any:
    """Show one drawing of each digit at all temperatures, ways between two, and begun ones."""
    shown = x[[int(np.argmax(y == digit)) for digit in range(SHOWN)]]
    rows: dict = {"drawings": shown}
    for temperature in TEMPERATURES:
        redrawn = model.reconstruct(shown, temperature=temperature, seed=SEED)
        rows[f"temperature {temperature:g}"] = redrawn
    z = model.encode(shown)
    for first, second in ((2, 3), (4, 9)):
        way = np.linspace(z[first], z[second], SHOWN, dtype="float32")
        rows[f"{first} to {second}"] = model.decode(way)
    for digit in (2, 8):
        begun = strokes.stroke3_of(shown[digit])[: 3 + digit // 4]
        rows[f"begun {digit}"] = _completed(model, begun, SHOWN)
    rows["invented"] = model.generate(SHOWN, seed=SEED)
    return plots.drawings(rows, "redrawn, between two digits, begun and completed, invented")


def _completed(model, begun, n) -> list:
    """Return a begun drawing, and n - 1 ways in which it may go on."""
    found = model.complete(begun, n - 1, pen_down=True, seed=SEED)
    return [strokes.from_stroke3(begun), *(strokes.from_stroke5(one) for one in found)]


@experiment(minutes=20)
def sheep(epochs: int = SHEEP_EPOCHS, verbose: int | str = 2) -> Table:
    """Train on drawings of sheep, with codes and without, and show other drawings to the model."""
    (x, _), (x_test, _) = data.load("sheep_strokes")
    units, more = SHEEP_UNITS
    settings: dict[str, Any] = {"encoder_units": units, "decoder_units": more, "seed": SEED}
    rows, models = [], {}
    for name, cls in (("with codes", SketchRNN), ("without codes", WithoutCodes)):
        model = models[name] = cls(x.shape[1:], 64, **settings)
        fit(model, x, epochs, 2e-3, verbose)
        found = _bounds(model, x_test)
        points = float((x_test[..., 4] == 0).sum(axis=1).mean())
        rows.append([name, *found, round(found[2] / points, 3)])
    shown = np.concatenate([x_test[:5], strangers(x.shape[1])])
    model = models["with codes"]
    return Table(
        "Sheep, and what becomes of other drawings",
        f"{len(x):,} drawings of sheep, simplified with a tolerance of 4, the longer side 8, "
        f"{epochs} epochs; {len(x_test)} test drawings, in nats a drawing, and a point. Codes of "
        f"64 numbers, {units} and {more} units; the decoder without codes is the same, with noise "
        "for codes.",
        ("model", "-log p(x | z)", "KL", "negative ELBO", "negative ELBO a point"),
        rows,
        plots.redrawn(model, shown, n=len(shown), seed=SEED),
    )


def strangers(length: int) -> np.ndarray:
    """Return drawings of a house, the digit 8 and a scribble, stroke-5 [3, length, 5]."""
    house = [
        np.array([(0, 10), (0, 4), (5, 0), (10, 4), (10, 10), (0, 10), (10, 4), (0, 4)]),
        np.array([(4, 10), (4, 7), (6, 7), (6, 10)]),
    ]
    t = np.linspace(0, 2 * np.pi, 40)
    eight = [np.column_stack([3 * np.sin(2 * t), 5 * np.cos(t)])]
    steps = np.random.default_rng(SEED).normal(size=(40, 2))
    scribble = [np.cumsum(steps, axis=0)]
    drawn = [strokes.fitted(one) for one in (house, eight, scribble)]
    return strokes.to_stroke5(drawn, length)
