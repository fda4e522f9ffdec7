"""A static page that runs an exported decoder, and its encoder, in the browser."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

import zoo
from zoo.files.atomic_writes import publish_folder
from zoo.runtime.draws import draw_by_label, draw_prior
from zoo.runtime.session import ONNX_FILE, Session, load, read_model
from zoo.runtime.signature_file import read_signature
from zoo.runtime.tensors import TensorSpec

from . import drawing_page, onnxruntime_web, signature
from .page_encoder import (
    EXAMPLES,
    described_encoder,
    described_searched,
    encoded_examples,
    fitting_encoder,
    searched_images,
)

DRAWS = 2000
_FILES = ("index.html", "style.css")
_SCRIPTS = ("page.js", "model.js", "own_image.js", "adjust.js", "drawing.js", "resize.js")
_SCRIPTS += ("nearest.js", "dream.js")


def write_page(
    exported: str | os.PathLike,
    folder: str | os.PathLike,
    *,
    images: Any = None,
    labels: Any = None,
    label_names: tuple[str, ...] | None = None,
    title: str | None = None,
    description: str = "",
    searched: int | None = None,
    archive: str | os.PathLike | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a page on which visitors change a code and see the image of the decoder.

    It has a slider for every number of the code, a plane for codes of two numbers, a choice of the
    class for conditional models, prior samples, real examples with their codes, variations, and a
    download of the picture. Visitors can also encode their own images with the encoder, which runs
    in the browser, too. If the model's images are gray and at most 64 pixels wide and high, they
    can draw one.
    Everything can be used with the keyboard. The page loads nothing from
    other servers: onnxruntime-web is in the folder, with its licence. Any web server can serve it,
    such as `python -m http.server` in the folder.

    The page of a `zoo.SketchRNN` is another one: it draws stroke by stroke, draws anew what the
    visitor has drawn, and goes on with it.

    Args:
        exported: a folder from `export_model` with ONNX; the page shows its decoder. Its encoder
            computes the codes of examples and of visitors' images; a page without an encoder has
            neither of these.
        folder: the folder to create.
        images: examples, [n, height, width, channels] in the encoder's range; the page first shows
            the first one. Without examples (None), it first shows the mean of the prior.
        labels: integers [n], the classes of the images.
        label_names: the names of the labels, in order; by default those in the signature.
        title: the page's title; the model's name by default.
        description: a sentence below the title.
        searched: among how many of the first images visitors find those that are nearest to the
            code, which are published with the page; by default 2,000 for codes of bits, else none.
        archive: the file of onnxruntime-web's npm package; None calls npm, once.
        overwrite: replace `folder`, if it holds only a page.

    Returns:
        the path of `index.html`.

    Raises:
        FileNotFoundError: `exported` has no decoder in ONNX format.
        FileExistsError: `folder` exists and `overwrite` is false, or it holds something else.
        ValueError: the decoder takes more than a code and a class, or does not return pictures; a
            file was changed; images or labels do not fit.
        RuntimeError: onnxruntime-web cannot be fetched.
    """
    exported = Path(exported)
    if drawing_page.draws(exported):
        if labels is not None or label_names is not None or searched:
            raise ValueError("labels=, label_names= and searched= are for models of images.")
        described = _described(load(exported / "step"), title, description)
        return drawing_page.write(exported, folder, described, images, archive, overwrite)
    shown = _part_shown(exported)
    session = load(exported / shown)
    code, label, picture = _interface(session)
    draws = _draws(code, label)
    encoder, examples = None, None
    if shown == "decoder":  # the codes of an encoder are not the noise of a generator
        encoder = fitting_encoder(exported, code, label, picture)
    if encoder and images is not None:
        examples = encoded_examples(encoder, exported, label, images, labels)
    found = None
    if encoder and examples:
        found = searched_images(encoder, exported, label, images, labels, searched)
    elif searched:
        raise ValueError("searched= needs images= and an export with an encoder.")
    content = _described(session, title, description)
    content["code"] = {"name": code.name, "shape": code.shape} | _spans(code, draws, examples)
    content["label"] = label and _classes(label, label_names or label.label_names)
    content["picture"] = _picture(session, examples)
    content["draws"] = None if draws is None else {"count": DRAWS, "by_label": len(draws) > 1}
    content["examples"] = examples and {"labels": examples["labels"][:EXAMPLES]}
    described: Any = encoder and described_encoder(encoder, examples)
    content["encoder"] = described
    content["searched"] = found and described_searched(found)
    bundle = onnxruntime_web.read(archive)
    with publish_folder(folder, overwrite) as scratch:
        for name in _FILES + _SCRIPTS:
            source = Path(__file__).parent / "page_files" / name
            (scratch / name).write_bytes(source.read_bytes())
        (scratch / "onnxruntime-web").mkdir()
        for name, data in bundle.items():
            (scratch / "onnxruntime-web" / name).write_bytes(data)
        for part, name in ((shown, "decoder"), ("encoder", "encoder"))[: 2 if encoder else 1]:
            model = read_model(exported / part, ONNX_FILE, read_signature(exported / part))
            (scratch / f"{name}.onnx").write_bytes(model)
        if draws is not None:
            _write_floats(scratch / "draws.bin", draws)
        if examples:
            _write_floats(scratch / "codes.bin", examples["codes"][:EXAMPLES])
            _write_floats(scratch / "pictures.bin", examples["pictures"][:EXAMPLES])
        if found:
            low, high = (described[name] for name in ("low", "high"))
            levels = np.round(255 * np.clip((found["pictures"] - low) / (high - low), 0, 1))
            (scratch / "searched.bin").write_bytes(levels.astype("uint8").tobytes())
            _write_floats(scratch / "searched_codes.bin", found["codes"])
        signature.write_json(scratch / "page.json", content)
    return Path(folder) / "index.html"


def _part_shown(exported: Path) -> str:
    """Return the part that makes the pictures: a generator that takes noise, else the decoder."""
    if (exported / "generator" / ONNX_FILE).is_file():
        inputs = load(exported / "generator").inputs
        if any(tensor.prior for tensor in inputs):  # false for Pix2Pix, which takes an image
            return "generator"
    return "decoder"


def _interface(session: Session) -> tuple[TensorSpec, TensorSpec | None, TensorSpec]:
    """Return the code, the class (or None) and the picture of a decoder."""
    codes = [tensor for tensor in session.inputs if tensor.dtype == "float32"]
    labels = [t for t in session.inputs if t.dtype == "int32" and t.shape == () and t.high]
    if len(codes) != 1 or len(labels) > 1 or len(codes) + len(labels) != len(session.inputs):
        taken = "; ".join(map(str, session.inputs))
        raise ValueError(f"A page needs a decoder of a code and perhaps a class; got {taken}.")
    picture = session.outputs[0]
    if len(picture.shape) != 3 or _layout(session)["shape"][0] not in (1, 3):
        raise ValueError(f"A page shows gray or colored pictures; this decoder returns {picture}.")
    return codes[0], labels[0] if labels else None, picture


def _layout(session: Session) -> dict[str, list[int]]:
    """Return the channels, height and width of the pictures, and the strides of these axes."""
    picture = session.outputs[0]
    if picture.layout == "channels_first":
        channels, height, width = picture.shape
        return {"shape": [channels, height, width], "strides": [height * width, width, 1]}
    height, width, channels = picture.shape
    return {"shape": [channels, height, width], "strides": [1, width * channels, channels]}


def _described(session: Session, title: str | None, description: str) -> dict[str, Any]:
    described = session.signature
    name = described["model"]["name"] or described["model"]["class"]
    return {
        "version": zoo.__version__,
        "name": name,
        "title": title or name,
        "description": description,
        "licence": described.get("licence") or "not stated",
    }


def _classes(label: TensorSpec, names: tuple[str, ...] | None) -> dict[str, Any]:
    low, high = label.labels[0], label.labels[-1]
    if names is not None and len(names) != high - low + 1:
        raise ValueError(f"label_names has {len(names)} names; labels go from {low} to {high}.")
    return {"name": label.name, "low": low, "high": high, "names": names and list(names)}


def _draws(code: TensorSpec, label: TensorSpec | None) -> np.ndarray | None:
    """Return prior samples [classes or 1, DRAWS, *shape]; None if the prior is unknown."""
    if not code.prior:
        return None
    generator = np.random.default_rng(0)
    if code.prior.get("kind") == "normal_by_label" and label is not None:
        values = label.labels
        drawn = [
            draw_by_label(
                code.name, code.prior, DRAWS, code.shape, np.full(DRAWS, value), generator
            )
            for value in values
        ]
        return np.stack(drawn)
    try:
        return draw_prior(code.prior, DRAWS, code.shape, generator)[None]
    except ValueError:
        return None


def _spans(code: TensorSpec, draws: np.ndarray | None, examples: Any) -> dict[str, list[float]]:
    """Return the center of the codes, the ranges of sliders, and the size of variations."""
    drawn = [] if draws is None else [draws.reshape(-1, *code.shape)]
    real = [examples["codes"]] if examples else []
    known = drawn + real or [np.array([-3.0, 3.0])[:, None] * np.ones(int(np.prod(code.shape)))]
    values = np.concatenate([array.reshape(len(array), -1) for array in known])
    typical = known[0].reshape(len(known[0]), -1)
    low, high = values.min(axis=0), values.max(axis=0)
    high = np.where(high > low, high, low + 1)
    start = typical.mean(axis=0)
    if code.prior and code.prior.get("kind") == "normal":
        start = np.broadcast_to(code.prior.get("mean", 0.0), code.shape).astype(float).ravel()
    return {
        "start": start.tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "scale": typical.std(axis=0).tolist(),
    }


def _picture(session: Session, examples: Any) -> dict[str, Any]:
    picture = session.outputs[0]
    low, high = picture.low, picture.high
    if low is None or high is None:  # as for Gaussian likelihoods
        seen = examples["pictures"] if examples else np.array([0.0, 1.0])
        low, high = float(seen.min()), float(seen.max())
    return {"name": picture.name, "low": low, "high": high} | _layout(session)


def _write_floats(path: Path, array: np.ndarray) -> None:
    path.write_bytes(np.ascontiguousarray(array, "<f4").tobytes())
