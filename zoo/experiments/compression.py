"""Compression of photographs, beside JPEG, WebP and JPEG 2000; lossless compression of digits."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from zoo import data
from zoo.compression import BitsBack, Codec
from zoo.data.photographs import in_folder_of
from zoo.experiments.table import SEED, Table, chosen_rows
from zoo.metrics.likelihood import negative_elbo
from zoo.metrics.reconstruction import ms_ssim
from zoo.models.compressive import CompressiveAutoencoder
from zoo.plots.picture import Picture
from zoo.presets.loading import load as load_preset
from zoo.recipes import Recipe
from zoo.recipes import load as load_recipe
from zoo.recipes.training import train_model

EPOCHS = 200
OF_BSDS, SHIPPED = "CompressiveAutoencoder, trained on BSDS", "codec_photographs"
JPEG, WEBP, JPEG_2000 = "JPEG, optimized, 4:2:0", "WebP", "JPEG 2000"
SETTINGS: dict[str, tuple] = {
    JPEG: (5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 88, 93),
    WEBP: (0, 2, 5, 10, 20, 35, 50, 65, 78, 86, 92),
    JPEG_2000: (180, 120, 80, 60, 45, 34, 26, 20, 15, 11, 8),
}
REPORTED = {  # bits a pixel and PSNR on Kodak
    "JPEG": (0.508, 29.04),
    "JPEG 2000": (0.479, 31.07),
    "WebP": (0.513, 31.44),
    "factorized prior": (0.440, 31.28),
    "hyperprior": (0.478, 32.84),
}


class Point(NamedTuple):
    """A setting of a codec, averaged over images: bits a pixel, PSNR in dB, MS-SSIM, speeds."""

    setting: Any
    bits: float
    psnr: float
    ms_ssim: float
    encoded: float
    decoded: float
