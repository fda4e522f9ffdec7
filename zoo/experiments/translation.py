"""Clothes for given silhouettes: one result of Pix2Pix, or several with a CVAE before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import zoo
from zoo import data, metrics, plots, recipes
from zoo.experiments.adversarial import gray_pixels
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, fit, fit_recipe
from zoo.metrics.card_metrics import rounded
from zoo.nn.distributions.likelihoods import Categorical

SHAPE = (28, 28, 1)
LEVELS = 4
DRAWS = 6
EPOCHS = 4
UNITS = (512, 256)  # of the hidden layers of the CVAE
QUICK = {"UNITS": (32, 16), "DRAWS": 2}


@experiment(minutes=22)
def translation(epochs: int | None = None, verbose: int | str = 2) -> Table:
    """Compare clothes painted by models with either loss of Pix2Pix, and with both losses."""
    epochs = epochs or EPOCHS
    (x, y), (x_test, y_test) = data.load("fashion_silhouettes")
    x, y = x[:50_000], y[:50_000]
    recipe = recipes.get("pix2pix_fashion_mnist")
    painted = {
        "the silhouette itself": x_test,
        "clothes of the nearest silhouette": y[nearest(x, x_test)],
    }
    for kind, weights in (
        ("absolute error alone", {"adversarial": False}),
        ("discriminator alone", {"l1_weight": 0.0}),
        ("both", {}),
    ):
        model = _trained(recipe, weights, x, y, epochs, verbose)
        painted[kind] = model.translate(x_test)
    classifier = metrics.load_reference_classifier("fashion_mnist")
    rows = [[kind, *_measures(images, y_test, classifier)] for kind, images in painted.items()]
    rows.append(["true clothes", *_measures(y_test, y_test, classifier)])
    shown = {"given": x_test, **{k: v for k, v in painted.items() if "itself" not in k}}
    shown["true"] = y_test
    return Table(
        "Clothes for silhouettes, by each loss of Pix2Pix",
        f"Fashion-MNIST, silhouettes and clothes; the recipe `{recipe.name}` with {epochs} epochs "
        "on the first 50,000 training images, and with one of its two losses left out; all 10,000 "
        "test images; absolute error of a pixel; squared Fréchet distance to the true clothes and "
        "percentage of images with the class of the true ones, both by the reference classifier; "
        "standard deviation of neighboring pixels' differences, for texture; of the pixels above "
        "0.1, the percentage below 0.9. The nearest silhouette is that of the 50,000 with the "
        "fewest other pixels. Isola et al. 2017 compare these losses on other images.",
        (
            "clothes",
            "absolute error",
            "Fréchet distance",
            "class kept, %",
            "texture",
            "gray pixels, %",
        ),
        rows,
        plots.rows_of_images({k: v[:12] for k, v in shown.items()}, "clothes for silhouettes"),
    )


class _WithoutAdversary(zoo.Pix2Pix):
    """A Pix2Pix whose generator uses only the absolute error."""

    def generator_losses(self, batch, training):
        losses = super().generator_losses(batch, training)
        _, error = losses.terms
        return type(losses)(error, **losses.metrics)


def _trained(recipe, settings, x, y, epochs, verbose):
    """Train a recipe with other settings; "adversarial": False turns the adversarial loss off."""
    settings = dict(settings)
    if settings.pop("adversarial", True):
        changed = replace(recipe, model={**recipe.model, **settings})
        return fit_recipe(changed, x, y, epochs, verbose)
    return fit_recipe(recipe, x, y, epochs, verbose, _WithoutAdversary)


def nearest(silhouettes: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Return for each given silhouette the number of the one that differs in the fewest pixels."""
    flat, others = (a.reshape(len(a), -1).astype("float32") for a in (silhouettes, given))
    found = [
        np.argmin(flat.sum(axis=1) - 2 * part @ flat.T, axis=1)
        for part in np.array_split(others, -(-len(others) // 1000))
    ]
    return np.concatenate(found)


def texture(images: np.ndarray) -> float:
    """Return the standard deviation of the differences between neighbors inside of silhouettes."""
    inside = data.silhouettes(images)[..., 0] > 0
    x = images[..., 0]
    differences = (x[:, :, 1:] - x[:, :, :-1])[inside[:, :, 1:] & inside[:, :, :-1]]
    return float(differences.std()) if len(differences) else 0.0


def _measures(images, y, classifier):
    return [
        rounded(float(np.mean(np.abs(images - y, dtype="float64")))),
        rounded(metrics.frechet_distance(images, y, classifier)),
        round(metrics.same_class(images, y, classifier), 2),
        rounded(texture(images)),
        gray_pixels(images),
    ]


@experiment(minutes=15)
def people_in_clothing(epochs: int | None = None, verbose: int | str = 2) -> Table:
    """Draw segmentations of silhouettes with a CVAE, and paint them with Pix2Pix."""
    (x, y), (x_test, y_test) = data.load("fashion_silhouettes")
    x, y = x[:50_000], y[:50_000]
    levels, levels_test = (data.gray_levels(images, LEVELS) for images in (y, y_test))
    cvae = zoo.CVAE(
        SHAPE,
        16,
        label_shape=SHAPE,
        likelihood=Categorical(LEVELS),
        hidden_units=UNITS,
        seed=SEED,
    )
    fit(cvae, levels, epochs or 20, 1e-3, verbose, x)
    painter = fit_recipe(recipes.get("pix2pix_fashion_mnist"), levels, y, epochs or EPOCHS, verbose)
    classifier = metrics.load_reference_classifier("fashion_mnist")
    drawn = [segmentations(cvae, x_test, seed) for seed in range(DRAWS)]
    painted = [painter.translate(each) for each in drawn]
    true = painter.translate(levels_test)
    rows = [
        ["drawn, then painted", *_agreement(painted, drawn, y_test, levels_test, classifier)],
        [
            "true segmentation, painted",
            *_agreement([true], [levels_test], y_test, None, classifier),
        ],
        ["true clothes", *_agreement([y_test], [levels_test], y_test, None, classifier)],
    ]
    six = _of_six_classes(y_test, classifier)
    lines = {}
    for row in six:
        lines[f"{len(lines) // 2 + 1}: drawn"] = np.stack(
            [x_test[row], *(each[row] for each in drawn), levels_test[row]]
        )
        lines[f"{len(lines) // 2 + 1}: painted"] = np.stack(
            [x_test[row], *(each[row] for each in painted), y_test[row]]
        )
    length = f"{epochs} epochs" if epochs else f"20 epochs (CVAE) and {EPOCHS} epochs (Pix2Pix)"
    return Table(
        "Several clothes for one silhouette",
        f"Fashion-MNIST, the first 50,000 training images, {length}; a CVAE (16 codes, hidden "
        "layers of 512 and 256 units, categorical likelihood) is given the silhouette, and draws "
        f"{LEVELS} gray levels; `pix2pix_fashion_mnist` with the levels in place of the silhouette "
        "paints them; all 10,000 test silhouettes, six draws each, seeds 0 to 5; squared Fréchet "
        "distance to the true clothes, and percentage of images with their class, by the "
        "reference classifier, averaged over draws; standard deviation of a pixel within the "
        "silhouette over the draws; percentage of a silhouette's pixels with the true level. In "
        "the picture: the silhouette, six draws, and the truth. Lassner et al. 2017 do it with "
        "photographs of people, and report no such figures.",
        ("clothes", "Fréchet distance", "class kept, %", "spread of draws", "level kept, %"),
        rows,
        plots.rows_of_images(lines, "silhouette, six draws, truth"),
    )


def segmentations(cvae: zoo.CVAE, silhouettes: np.ndarray, seed: int) -> np.ndarray:
    """Return a draw for each silhouette, in gray levels k / (LEVELS - 1), [n, *SHAPE]."""
    drawn = cvae.generate(labels=silhouettes, seed=seed)
    inside = np.clip(np.round(drawn * (LEVELS - 1)), 1, LEVELS - 1)
    return (silhouettes * inside / (LEVELS - 1)).astype("float32")


def _agreement(images, levels, y, levels_of_truth, classifier):
    distances = [metrics.frechet_distance(each, y, classifier) for each in images]
    kept = [metrics.same_class(each, y, classifier) for each in images]
    spread = level = ""
    if levels_of_truth is not None:
        inside = levels_of_truth > 0
        spread = rounded(float(np.std(images, axis=0)[inside].mean()))
        level = round(
            100 * float(np.mean([(each == levels_of_truth)[inside] for each in levels])), 2
        )
    return [rounded(float(np.mean(distances))), round(float(np.mean(kept)), 2), spread, level]


def _of_six_classes(images, classifier):
    """Return the numbers of the first images of six classes, according to the classifier."""
    classes = classifier.predict(images[:2000], batch_size=500, verbose=0).argmax(axis=1)
    _, first = np.unique(classes, return_index=True)
    return np.sort(first)[:6]
