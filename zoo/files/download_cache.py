"""The folder and the size limits of downloaded presets."""

from __future__ import annotations

import os
from pathlib import Path

LARGEST_CARD, LARGEST_CONFIG, LARGEST_WEIGHTS = 2**20, 2**24, 2**30  # bytes


def cache_folder() -> Path:
    """Return the folder for downloads: `autoencoder-zoo` in `XDG_CACHE_HOME`, or in `~/.cache`."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "autoencoder-zoo"
