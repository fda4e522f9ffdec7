"""Which parts of which classes can be exported, by backend and format: `exports.json`.

KERAS_BACKEND=jax python tests/benchmarks/exports.py    # and torch, and tensorflow

A tiny model of each class is exported and proved equal to Keras in each format that the backend
writes, part by part. `python docs/generated_pages.py` makes the table in docs/guides/export.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import keras

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support import each_class

import export
from export import backends
from zoo.models import CLASSES

OUT = Path(__file__).with_suffix(".json")


def measured(name: str, form: str) -> dict[str, str]:
    """Return "proved", or the message of the error, for each part of a tiny model of a class."""
    keras.utils.set_random_seed(0)
    model = each_class.make(name)
    found = {}
    for part in model.parts():
        with tempfile.TemporaryDirectory() as folder:
            try:
                export.export_model(model, Path(folder, "out"), parts=[part], formats=form)
                found[part] = "proved"
            except (export.ConversionError, export.ParityError) as error:
                found[part] = f"{type(error).__name__}: {error}"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=list(CLASSES), help="classes")
    parser.add_argument("--formats", nargs="*", help="formats [all that the backend writes]")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    converter = backends.current()
    known = json.loads(options.out.read_text()) if options.out.is_file() else {}
    for form in options.formats or converter.formats:
        column = known.setdefault(f"{form}, {converter.backend}", {})
        for name in options.only:
            column[name] = measured(name, form)
            print(form, name, column[name], flush=True)
            options.out.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
