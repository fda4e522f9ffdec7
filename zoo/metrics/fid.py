"""The Fréchet inception distance, by torch-fidelity: the one that papers report."""

from __future__ import annotations

import os
import pickle
from typing import Any

import numpy as np

from zoo.checks.arguments import number
from zoo.checks.arrays import as_array
from zoo.models.base import BaseModel

_SLACK = 1e-3  # of the range, for rounding


def fid(
    generated: Any,
    real: Any,
    *,
    weights: str | os.PathLike | None = None,
    extractor: str = "inception-v3-compat",
    black: float = 0.0,
    white: float = 1.0,
    seed: int = 0,
) -> float:
    """Return the Fréchet inception distance (FID) of generated images, computed by torch-fidelity.

    It is `zoo.metrics.frechet_distance` with the network and the preparation of images that papers
    use. Values can be compared with those of a paper if the real images and the number of generated
    ones, mostly 50,000, are the same, too. Images become bytes, 0 to 255; gray ones are repeated to
    three channels; torch-fidelity itself enlarges or shrinks them to 299x299 pixels, bilinearly as
    TensorFlow 1 did. Inception has learned from photographs, and 28x28 pixels are enlarged more
    than tenfold: for digits and clothes, `zoo.metrics.frechet_distance` says more.

    It needs PyTorch and the extra `fid`: `pip install 'autoencoder-zoo[torch,fid]'`. It runs on a
    GPU if PyTorch sees one.

    Args:
        generated: images [m, height, width, channels] with 1 or 3 channels; or a model of the zoo,
            which generates as many images as there are real ones, those of a conditional model with
            the classes in turn. What an exported generator returns is an array of images, too.
        real: images [n, height, width, channels]; their size may differ from that of `generated`.
        weights: the file of the network's weights; for Inception,
            `weights-inception-2015-12-05-6726825d.pth` of torch-fidelity's releases. None lets
            torch-fidelity download it.
        extractor: a name in torch-fidelity's registry, "inception-v3-compat" or another; a network
            of your own gets a name by `torch_fidelity.register_feature_extractor`.
        black, white: the values of black and white pixels. Generated values beyond them are
            clipped. Bytes are taken as they are.
        seed: seed of the images that a model generates.

    Returns:
        the squared distance, 0 for equal samples up to rounding. It is too large for small samples.

    Raises:
        ImportError: torch-fidelity is missing.
        TypeError, ValueError: no images, real values beyond black and white, or a file of weights
            that holds more than tensors.

    Example:
        >>> def distance(model, x):
        ...     path = "weights-inception-2015-12-05-6726825d.pth"
        ...     return zoo.metrics.fid(model, x, weights=path)

    Source: Heusel et al. 2017 (arXiv 1706.08500), for the distance; Obukhov et al. 2020
    (doi 10.5281/zenodo.3786539), for torch-fidelity.
    """
    try:
        import torch
        import torch_fidelity
    except ModuleNotFoundError as error:
        raise ImportError(
            f"zoo.metrics.fid needs {error.name}: pip install torch torch-fidelity, the extras "
            "torch and fid."
        ) from error
    low, high = number("black", black), number("white", white)
    if low >= high:
        raise ValueError(f"black is {black} and white {white}; black must be the smaller one.")
    real = as_array(real, "real")
    pixels_of_real = _bytes(real, "real", low, high)
    if isinstance(generated, BaseModel):
        generated = _drawn(generated, len(real), seed)
    pixels = _bytes(as_array(generated, "generated"), "generated", low, high)
    if weights is not None:
        weights = os.fspath(weights)
        _check_weights(weights)
    found = torch_fidelity.calculate_metrics(
        input1=_dataset(pixels),
        input2=_dataset(pixels_of_real),
        fid=True,
        feature_extractor=extractor,
        feature_extractor_weights_path=weights,
        cuda=torch.cuda.is_available(),
        save_cpu_ram=True,  # no further processes: this one may hold TensorFlow
        cache=False,
        verbose=False,
    )
    return float(found["frechet_inception_distance"])


def _check_weights(path):
    """Refuse a file that would run code of its own; torch-fidelity loads any file.

    Raises:
        ValueError: it holds more than tensors. OSError: it cannot be read.
    """
    import torch

    try:
        torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
        raise ValueError(f"{path} holds more than tensors, or is damaged.") from error


def _drawn(model, n, seed):
    if not model.conditional:
        return model.generate(n, seed=seed)
    return model.generate(labels=np.arange(n) % model.num_classes, seed=seed)


def _bytes(images, name, black, white):
    """Return images as bytes with three channels first, uint8 [n, 3, height, width]."""
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[3] not in (1, 3) or len(images) < 2:
        raise ValueError(
            f"{name} has the shape {images.shape}; give 2 or more images [n, height, width, "
            "channels] with 1 or 3 channels."
        )
    if images.dtype.kind in "iu" and images.dtype != np.uint8:
        raise ValueError(f"{name} has dtype {images.dtype}; give bytes, uint8, or floats.")
    if images.dtype != np.uint8:
        if not np.isfinite(images).all():
            raise ValueError(f"{name} has NaN or infinite values.")
        images = (images.astype("float64") - black) / (white - black)
        if name == "real" and not (images.min() >= -_SLACK and images.max() <= 1 + _SLACK):
            raise ValueError(
                f"The values of {name} reach beyond black={black:g} and white={white:g}; give the "
                "ends of their range."
            )
        images = np.round(255 * np.clip(images, 0, 1)).astype("uint8")
    return np.repeat(images, 3 // images.shape[3], axis=3).transpose(0, 3, 1, 2)


def _dataset(pixels):
    """Return images as a data set of PyTorch."""
    import torch

    class Images(torch.utils.data.Dataset):
        def __len__(self):
            return len(pixels)

        def __getitem__(self, i):
            return torch.from_numpy(pixels[i].copy())

    return Images()
