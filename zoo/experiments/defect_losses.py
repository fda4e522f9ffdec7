"""Losses and several seeds for defects by pixel, on the images on which settings are chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from zoo.anomaly import Detector, DetectorEnsemble
from zoo.anomaly.calibration import SHARE, window_means
from zoo.anomaly.detector import HELD_OUT
from zoo.anomaly.training import hold_out
from zoo.experiments import defects_by_pixel as images_of
from zoo.experiments.defects_by_pixel import IMAGES, Split, cell, measured
from zoo.experiments.registry import experiment
from zoo.experiments.table import Table, chosen_rows

SEEDS = (1, 2, 3)
LOSSES = {"SSIM": "ssim", "L1 and SSIM": "l1_ssim"}
QUICK = {"IMAGES": ("part",), "SEEDS": (1, 2), "LOSSES": {"SSIM": "ssim"}}


@experiment(minutes=14, rows=lambda: IMAGES)
def defect_losses(
    epochs: int | None = None, verbose: int | str = 0, only: Sequence[str] = ()
) -> Table:
    """Compare losses by structural similarity, and means over seeds, on drawn defects."""
    rows = []
    for kind in IMAGES:
        if kind in chosen_rows(only, IMAGES):
            images = images_of.split(kind, 0, validation=True)
            rows.append([kind, *_cells(images, epochs, verbose)])
        else:
            rows.append([kind])
    trained = "its own number of" if epochs is None else str(epochs)
    return Table(
        "Losses and several seeds, for drawn defects",
        "On images that `defects_by_pixel` does not test on, because settings are chosen here. "
        "Each cell: area under the ROC curve of images, of pixels, and under the overlap of "
        "regions up to a false positive rate of 0.3 (AUPRO), in percent. Images and drawn defects "
        "as in `defects_by_pixel`, one set of each kind: squares of a photograph of BSDS500, views "
        "of a part in a photograph of Kodak, training images of Olivetti, sneakers of "
        f'Fashion-MNIST. `Detector("VAE", score="calibrated_error")`, {trained} epochs. Squared '
        f"error: a Gaussian likelihood, the default; means of the areas of seeds "
        f"{', '.join(map(str, SEEDS))}. Mean of three seeds: `DetectorEnsemble` of these. SSIM: "
        'likelihood="ssim", L1 and SSIM: "l1_ssim", one seed. The map of a detector has squared '
        "errors, also of models with these losses; their map of the loss has the local loss "
        "instead, also relative to its mean over the images that the model learned from.",
        ("data", *methods()),
        rows,
    )


def methods() -> list[str]:
    """Return the names of the columns."""
    losses = [column for loss in LOSSES for column in (loss, f"{loss}, map of the loss")]
    return ["squared error", "mean of three seeds", *losses]


def _cells(images: Split, epochs: int | None, verbose: int | str) -> list[str]:
    """Return the cells of a kind of images."""
    both, bad = np.concatenate([images.good, images.bad]), slice(len(images.good), None)
    options = {"score": "calibrated_error", "quantile": 0.8, "seed": SEEDS[0]}
    training = {"epochs": epochs, "verbose": verbose}

    def areas(detector):
        return measured(images, detector.scores(both), detector.maps(images.bad))

    ensemble = DetectorEnsemble("VAE", members=len(SEEDS), **options).fit(images.x, **training)
    found = [[areas(member) for member in ensemble.members], [areas(ensemble)]]
    for likelihood in LOSSES.values():
        detector = Detector("VAE", likelihood=likelihood, **options).fit(images.x, **training)
        learned, _ = hold_out(images.x, HELD_OUT, SEEDS[0])
        maps = maps_of_loss(detector.model, both, learned)
        found += [[areas(detector)], [measured(images, maps.max(axis=(1, 2)), maps[bad])]]
    return [cell(values) for values in found]


def maps_of_loss(model: Any, x: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Return maps of the loss of images, relative to the usual one of normal images.

    Args:
        model: a model trained by `StructuralSimilarity`. x: images. normal: normal images.
    """
    shown, usual = (_smoothed_loss(model, images) for images in (x, normal))
    usual = usual.mean(axis=0, dtype="float64")
    return (shown / (usual + SHARE * usual.mean())).astype("float32")


def _smoothed_loss(model, x) -> np.ndarray:
    x, restored = map(ops.convert_to_tensor, (x, model.reconstruct(x)))
    return ops.convert_to_numpy(window_means(model.likelihood.dissimilarities(x, restored)))
