"""How far the figures of presets vary with the seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from zoo import data, recipes
from zoo.experiments.registry import experiment
from zoo.experiments.resuming import NOT_KEPT, States
from zoo.experiments.table import Table, chosen_rows, fit_recipe
from zoo.metrics.card_metrics import CARD_METRICS, Evaluation, rounded
from zoo.presets.catalog import card

SEEDS = (1, 2, 3, 4, 5)
PRESETS = {
    "vae_mnist": "negative ELBO",
    "cvae_mnist": "negative ELBO",
    "beta_vae_mnist": "negative ELBO",
    "aae_mnist": "reconstruction error",
    "ae_mnist": "reconstruction error",
    "denoising_ae_mnist": "PSNR at 25 % masking",
    "contractive_ae_mnist": "linear probe accuracy",
    "vaegan_mnist": "Fréchet distance",
}
"""The best-known presets, and the metric of their cards whose spread is measured."""
HIGHER = ("PSNR at 25 % masking", "linear probe accuracy")  # is better
FEW = (  # one for each metric
    *("cvae_mnist", "aae_mnist", "denoising_ae_mnist", "contractive_ae_mnist"),
    "vaegan_mnist",
)
QUICK = {"SEEDS": (1, 2), "PRESETS": {name: PRESETS[name] for name in FEW}}


@experiment(minutes=150, rows=lambda: PRESETS)
def spread(
    epochs: int | None = None,
    only: Sequence[str] = (),
    verbose: int | str = 2,
    states: States = NOT_KEPT,
) -> Table:
    """Train the best-known presets with five seeds each: mean and standard error of a figure."""
    run, rows = chosen_rows(only, PRESETS), []
    for name, metric in PRESETS.items():
        if name not in run:
            rows.append([name])
            continue
        recipe = recipes.get(name)
        (x, y), test = data.load(recipe.data)
        cut = len(x) - recipe.validation
        train = x[:cut], None if y is None else y[:cut]
        last = (x[cut:], None if y is None else y[cut:]) if recipe.validation else test
        found = []
        for seed in SEEDS:
            one = replace(recipe, seed=seed)
            model = fit_recipe(one, *train, epochs, verbose, states=states)
            # Test images are measured as on cards: with all training images.
            sets = ((recipe.data, train, last), (recipe.data, (x, y), test))
            found.append(
                [CARD_METRICS[metric].measure(Evaluation(model, *s))["value"] for s in sets]
            )
        validation, tested = np.transpose(found)
        order = np.argsort(-validation if metric in HIGHER else validation)
        shipped = {figure["name"]: figure["value"] for figure in card(name)["figures"]}
        rows.append(
            [
                name,
                metric,
                rounded(float(tested.mean())),
                rounded(float(tested.std(ddof=1) / np.sqrt(len(SEEDS)))),
                ", ".join(f"{value:g}" for value in tested),
                SEEDS[order[0]],
                shipped.get(metric),
            ]
        )
    return Table(
        "Figures of presets by seed",
        f"Each recipe trained with the seeds {', '.join(map(str, SEEDS))}"
        f"{f', {epochs} epochs' if epochs else ', epochs as in the recipe'}, from its seed for "
        "weights, order of images and noise; measured on the test set as on the card, without "
        "rounding weights for storage. Standard error of the mean over seeds. Best: the seed with "
        "the best figure on the validation images. Shipped: the card's figure, of seed 1.",
        (
            "preset",
            "figure",
            "mean",
            "standard error",
            "by seed",
            "best on validation",
            "shipped",
        ),
        rows,
    )
