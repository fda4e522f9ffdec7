"""The command `zoo export`: ONNX and other files of a preset or a detector, and a page."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

import zoo
from zoo.cli import detect, own_classes
from zoo.cli.loading import load_preset
from zoo.cli.shared_options import add_data, add_table_options, count, table_options
from zoo.cli.standard_error import quiet
from zoo.files.atomic_writes import check_target, publish_folder


def add_export(sub: argparse.ArgumentParser) -> None:
    """Add the arguments of `zoo export`."""
    sub.add_argument("out", help="folder to write")
    sub.add_argument(
        "--format",
        choices=("onnx", "saved_model", "litert", "openvino"),
        action="append",
        help="may be given several times [onnx, and on TensorFlow saved_model]",
        dest="formats",
    )
    sub.add_argument(
        "--variant",
        choices=("float16", "int8"),
        action="append",
        default=[],
        help="smaller files beside those of ONNX, LiteRT and OpenVINO: float16 for GPUs, int8 for "
        "CPUs [none]",
        dest="variants",
    )
    add_data(sub, "data set, folder or file of real images [the data set it was trained on]")
    add_table_options(sub)
    sub.add_argument("--opset", type=_opset, default=18, help="ONNX opset, at least 15 [18]")
    sub.add_argument(
        "--channels-first",
        action="store_const",
        dest="layout",
        const="channels_first",
        default="channels_last",
        help="images as [channels, height, width] in the files, as in PyTorch",
    )
    sub.add_argument(
        "--web",
        action="store_true",
        help="write a page to OUT/web that runs the model in a browser; needs npm",
    )
    sub.add_argument(
        "--web-archive", help="file of onnxruntime-web's npm package, to do without npm"
    )
    sub.add_argument(
        "--searched",
        type=count,
        help="of how many images the page shows the nearest [2000 for codes of bits]",
    )


def _opset(text):
    if not text.isdecimal() or int(text) < 15:
        raise argparse.ArgumentTypeError(f"{text} is not an opset of at least 15")
    return int(text)


def export(options: argparse.Namespace) -> None:
    """Run `zoo export`."""
    check_target(options.out, options.overwrite)
    from zoo import export as exporter

    if options.web:
        _check_page(options)
    if detect.is_detector(options.name):
        model, known = _detector(options), {}
    else:
        model = load_preset(options.name, options.modules)
        n = 2000 if getattr(model, "has_bits", False) else max(1000, options.searched or 0)
        known = (
            _images(options, model, n) if options.web or options.variants or options.data else {}
        )
    with publish_folder(options.out, options.overwrite) as folder:
        report = exporter.export_model(
            model,
            folder,
            formats=options.formats,
            opset=options.opset,
            layout=options.layout,
            variants=options.variants,
            images=known or None,
            progress=lambda text: print(text, flush=True),
        )
        print(exporter.format_report(report))
        if options.web:
            _write_page(options, folder, known)
    print(f"{options.out} is written.")
    if options.web:
        print(f"See the page: python -m http.server --directory {os.path.join(options.out, 'web')}")


def _detector(options):
    """Load a detector to export it."""
    if options.web or options.variants or options.data:
        raise ValueError(f"{options.name} is a detector: leave out --web, --variant and --data.")
    with quiet():
        from zoo.anomaly import load
    return load(options.name, custom_objects=own_classes.imported(options.modules))


def _check_page(options):
    """Raise an error if the page cannot be written, before the work begins."""
    from zoo import export as exporter

    if "onnx" not in (options.formats or ("onnx",)):
        raise ValueError("--web needs the decoder as ONNX: add --format onnx.")
    importlib.import_module(f"{exporter.__name__}.onnxruntime_web").read(options.web_archive)


def _images(options, model, n):
    """Return images by input name: the user's, else those of the preset's training, or none."""
    import numpy as np

    from zoo.presets.catalog import preset_folder
    from zoo.recipes.evaluation_data import arrays_of

    card, folder = zoo.card(options.name), preset_folder(options.name)
    try:
        read = table_options(options)
        name, _, (x, y) = arrays_of(card, options.data, report=print, preset=folder, **read)
    except (OSError, ValueError) as error:
        if options.data:
            raise
        print(f"There are no real images for the page or the report: {error}", file=sys.stderr)
        return {}
    classes = _classes(card, name)
    labels = {i.high for part in model.parts().values() for i in part.inputs if i.name == "label"}
    known = {"label": y[:n]} if y is not None and labels == {len(classes) - 1} else {}
    return {"x": np.asarray(x[:n]), **known}


def _classes(card, name):
    source = zoo.data.SOURCES.get(name)
    return source.classes if source else card.get("classes") or ()


def _write_page(options, folder, known):
    from zoo import export as exporter

    card = zoo.card(options.name)
    y = known.get("label")
    exporter.write_page(
        folder,
        folder / "web",
        images=known.get("x"),
        labels=y,
        label_names=_classes(card, (card.get("recipe") or {}).get("data"))
        if y is not None
        else None,
        title=card["name"],
        description=card.get("description") or "",
        searched=options.searched,
        archive=options.web_archive,
    )
