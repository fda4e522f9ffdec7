"""Every field of real signatures and reports has an entry in the guide."""

import json
import re
from dataclasses import replace
from pathlib import Path

import keras
import pytest

import export

GUIDE = (Path(__file__).parents[2] / "docs/guides/export-files.md").read_text("utf-8")
MAPS = ("files", "versions", "measures", "milliseconds")  # their keys are names or numbers

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="export needs the TensorFlow backend"
)


def fields(value):
    """Return the names of the fields of nested objects."""
    found = set()
    for key, inner in value.items() if isinstance(value, dict) else ():
        found.add(key)
        if key == "variants":
            inner = list(inner.values())
        if key == "compared":
            inner = dict.fromkeys(inner)
        if key not in (*MAPS, "prior"):
            for one in inner if isinstance(inner, list) else [inner]:
                found |= fields(one)
    return found


def explained():
    first_cells = re.findall(r"^\| ([^|]*) \|", GUIDE, re.MULTILINE)
    inside = re.findall(r"^\| [^|]* \| (.*) \|$", GUIDE, re.MULTILINE)
    return set(re.findall(r"`(\w+)`", " ".join([*first_cells, *inside])))


def test_every_field_of_real_files_is_explained(make, tmp_path):
    kept = make.dense_decoder()
    table = replace(
        make.image(16),
        columns=tuple("abcdefghijklmnop"),
        categories=({"column": "k", "first": 0, "values": ["a", "b"]},),
        channels=tuple("abcdefghijklmnop"),
        units=("m",) * 16,
        normal_error=(1.0,) * 16,
    )
    inputs = (make.Z, replace(make.LABEL, label_names=tuple("0123456789")))
    part = replace(kept, inputs=inputs, outputs=(table,))
    options = {"formats": "onnx", "variants": ["int8"]}
    export.export_model(make.Model(part), tmp_path / "table", **options)
    first = make.encoder_part([keras.layers.Flatten(), keras.layers.Dense(2)], (4, 4, 1))
    padded = replace(
        first, outputs=tuple(replace(o, padded=True, missing=True) for o in first.outputs)
    )
    export.export_model(
        make.Model(padded), tmp_path / "first", formats="onnx", layout="channels_first"
    )
    found = set()
    for path in tmp_path.glob("*/*/*.json"):
        found |= fields(json.loads(path.read_text("utf-8")))
    wanted = ["layout", "padded", "missing", "columns", "label_names", "normal_error"]
    assert {
        *wanted,
        "row_alone_error",
        "bytes_per_row",
        "reconstruction_error",
        "values",
        "beside_outlier",
    } <= found
    assert sorted(found - explained()) == []


def test_the_printed_table_has_the_largest_difference(exported):
    head, first, *_ = export.format_report(exported[1]).splitlines()
    assert head.split() == [
        "part", "format", "setting", "output", "measure", "error", "largest", "bound",
    ]  # fmt: skip
    result = next(iter(exported[1].values()))["results"][0]
    assert f"{result['error']:.1e}  " in first
    assert f"  {result['max_absolute_error']:.1e}" in first
