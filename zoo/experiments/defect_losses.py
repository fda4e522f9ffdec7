"""Losses and several seeds for defects by pixel, on the images on which settings are chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from keras import ops

from zoo.anomaly import Detector, DetectorEnsemble
from zoo.anomaly.calibration import SHARE, window_means
from zoo.experiments import defects_by_pixel as images_of
from zoo.experiments.defects_by_pixel import IMAGES, Split, cell, measured
from zoo.experiments.registry import experiment
from zoo.experiments.table import Table, chosen_rows

SEEDS = (1, 2, 3)
LOSSES = {"SSIM": "ssim", "L1 and SSIM": "l1_ssim"}
QUICK = {"IMAGES": ("part",), "SEEDS": (1, 2), "LOSSES": {"SSIM": "ssim"}}


@experiment(minutes=12)
def defect_losses(
    epochs: int | None = None, verbose: int | str = 0, only: Sequence[str] = ()
) -> Table:
    """Compare losses that see structure, and means of seeds, on images with drawn defects."""
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
        'likelihood="ssim", L1 and SSIM: "l1_ssim", one seed; their map is that of the loss, or '
        "the squared error of the same model, calibrated in the same way.",
        ("data", *methods()),
        rows,
    )


def methods() -> list[str]:
    """Return the names of the columns."""
    maps = [f"{loss}, map of {what}" for loss in LOSSES for what in ("the loss", "squares")]
    return ["squared error", "mean of three seeds", *maps]


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
        maps = squared(detector, both, images.x)
        found += [[areas(detector)], [measured(images, maps.max(axis=(1, 2)), maps[bad])]]
    return [cell(values) for values in found]


def squared(detector: Detector, x: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Return maps of squared errors of images x, relative to the usual ones of normal images."""
    shown, usual = (
        ops.convert_to_numpy(window_means(np.square(a - detector.reconstruct(a))))
        for a in (x, normal)
    )
    usual = usual.mean(axis=0, dtype="float64")
    return (shown / (usual + SHARE * usual.mean())).astype("float32")
