"""Masks of defects in a folder: matched to the images of another folder by their names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageOps

from zoo.checks.arguments import number
from zoo.data import decoding
from zoo.data.decoding import printable_name
from zoo.data.folders import ENDINGS, ImageFolder

_SHOWN = 5  # names in a message
MOST_GRAY = 0.1  # share of pixels that are neither black nor white, as at edges in a JPEG file


def masks_from_folder(
    folder: str | os.PathLike,
    images: ImageFolder,
    *,
    normal: Sequence[str] = ("good",),
    suffix: str = "_mask",
    covered: float = 0.5,
) -> np.ndarray:
    """Read the masks of the images of a folder, at the size that the images were read at.

    A mask lies at the same place in its folder as the image in its own, with the same name and any
    ending, or with `suffix` before the ending: `cut/000.png` or `cut/000_mask.png` for
    `cut/000.jpg`. It is white, or any value above half, where the defect is, and has the size of
    the image's file. It is resized and cropped as the image was.

    Args:
        folder: the folder of the masks, PNG, JPEG or WebP files.
        images: the result of `zoo.data.from_folder`.
        normal: subfolders of images without defects, which need no masks; they get empty ones.
        suffix: what may follow the image's name.
        covered: the share of a resized pixel that must be white in the file so that it is marked.
            If images become much smaller, thin scratches need a smaller share.

    Returns:
        bool [n, height, width], in the order of `images.files`.

    Raises:
        NotADirectoryError: `folder` is no folder.
        FileNotFoundError: images without masks; the error names them.
        ValueError: a mask of another size than its image, one that is not a mask or cannot be read,
            or one whose defect would vanish at the new size.

    Example:
        >>> from PIL import Image
        >>> import os
        >>> os.makedirs("test/cut"), os.makedirs("masks/cut")
        (None, None)
        >>> Image.new("RGB", (40, 30)).save("test/cut/0.jpg")
        >>> Image.new("L", (40, 30), 255).save("masks/cut/0_mask.png")
        >>> images = zoo.data.from_folder("test", 16, validation=0)
        >>> zoo.data.masks_from_folder("masks", images).shape
        (1, 16, 16)
    """
    normal = (normal,) if isinstance(normal, str) else tuple(normal)
    folder, covered = Path(folder), number("covered", covered, above=0, most=1)
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder; give the folder that holds the masks.")
    found = {
        path.relative_to(folder).with_suffix("").as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in ENDINGS and path.is_file()
    }
    pairs, missing = [], []
    for name in images.files:
        inside = PurePosixPath(name).with_suffix("").as_posix()
        path = found.get(inside + suffix, found.get(inside))
        if path is None and PurePosixPath(name).parts[0] not in normal:
            missing.append(name)
        pairs.append((name, path))
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        wanted = PurePosixPath(missing[0]).with_suffix("").as_posix()
        raise FileNotFoundError(
            f"{folder} has no mask for {', '.join(map(printable_name, missing[:_SHOWN]))}{more}: "
            f"{printable_name(wanted)}{suffix}.png or {printable_name(wanted)}.png is expected. If "
            "these images have no defect, name their subfolder in normal=."
        )
    size = images.images.shape[1:3]
    masks = np.zeros((len(pairs), *size), bool)
    with decoding.own_limit():
        for mask, (name, path) in zip(masks, pairs, strict=True):
            if path is not None:
                mask[...] = _read(path, images.folder / name, size, covered)
    return masks


def _read(path, image, size, covered) -> np.ndarray:
    """Return one mask, bool [height, width], after checks."""
    wanted = _size_of(image)
    try:
        with Image.open(path, formats=decoding.FORMATS) as opened:
            if opened.width * opened.height > decoding.most_pixels():
                sides = f"{opened.width} x {opened.height} pixels"
                raise ValueError(decoding.too_large(sides, decoding.most_pixels()))
            ImageOps.exif_transpose(opened, in_place=True)
            if opened.has_transparency_data:
                raise ValueError("it has transparent pixels; save it in black and white")
            mask = np.asarray(decoding.in_mode(decoding.flat(opened), "L"))
    except (OSError, ValueError) as error:
        raise ValueError(f"The mask {printable_name(path)} cannot be read: {error}.") from error
    if mask.shape != wanted:
        raise ValueError(
            f"The mask {printable_name(path)} has {mask.shape[1]} x {mask.shape[0]} pixels, but "
            f"its image {printable_name(image)} has {wanted[1]} x {wanted[0]}; they must be equal."
        )
    gray = float(np.mean((mask > 31) & (mask < 224)))
    if 0 < mask.max() <= 127 or gray > MOST_GRAY:
        raise ValueError(
            f"{printable_name(path)} is no mask: its values go from {mask.min()} to {mask.max()}, "
            f"and {gray:.0%} of them are gray. Where the defect is, a mask is white, 255, and else "
            "black, 0."
        )
    white = Image.fromarray(np.where(mask > 127, np.float32(1), np.float32(0)))
    fitted = ImageOps.fit(white, size[::-1], method=Image.Resampling.BOX)
    marked = np.asarray(fitted) >= covered - 1e-6
    if (mask > 127).any() and not marked.any():
        raise ValueError(
            f"The defect of {printable_name(path)} covers less than {covered:g} of every pixel at "
            f"{size[1]} x {size[0]} pixels, or lies in what is cropped: give a smaller covered=, "
            "or read the images at a larger size."
        )
    return marked


def _size_of(path) -> tuple[int, int]:
    """Return height and width of an image's file, after the rotation that its EXIF entry asks."""
    with Image.open(path, formats=decoding.FORMATS) as image:
        turned = image.getexif().get(0x0112, 1) >= 5  # Orientation: sides are exchanged
        return (image.width, image.height) if turned else (image.height, image.width)
