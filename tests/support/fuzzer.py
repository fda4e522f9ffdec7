"""Loads files that were changed, case by case, and notes what came of it; run by `test_fuzzing.py`.

    python tests/support/fuzzer.py SOURCES SCRATCH FIRST KIND=COUNT...

SOURCES holds `presets/`, `archives/`, `pictures/` and `exports/`. Every case is one line of JSON in
SCRATCH/report, written before it is tried and once more with its outcome: whoever kills the
interpreter is known.
"""

import json
import linecache
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np
from PIL import Image

import export
import zoo
from support.memory import peak
from support.mutated_onnx import changed_onnx
from support.mutated_weights import change_weights, lying_sizes
from support.mutations import changed_bytes, changed_json, huge_json, named_json
from support.picture_bombs import change_picture
from support.tampering import resign
from support.watch import Watch
from zoo.anomaly.saving import digest
from zoo.models.base import BaseModel
from zoo.presets.card_page import render_card

ROOT = Path(__file__).resolve().parents[2]
MEMORY = 3 * 2**30  # that a case may take beyond what is taken already
PEAK = 400 * 2**20  # that its memory may grow at most, and by a hundred times its bytes on disk
CLEAR = (FileNotFoundError, FileExistsError, RuntimeError, TypeError, ValueError)
X, LABEL = np.random.default_rng(0).random((3, 4, 4, 1), np.float32), np.arange(3, dtype="int32")


def unclear(error) -> str | None:
    """Say what is wrong with an error: one that was not raised on purpose, by us, in words."""
    if not isinstance(error, CLEAR) or len(str(error)) < 20:
        return f"{type(error).__name__}: {error}"
    frame = error.__traceback__
    while frame.tb_next:
        frame = frame.tb_next
    place = Path(frame.tb_frame.f_code.co_filename)
    ours = any(place.is_relative_to(ROOT / name) for name in ("zoo", "export"))
    line = linecache.getline(os.fspath(place), frame.tb_lineno).strip()
    if not ours or not line.startswith("raise"):
        return f"{type(error).__name__} from {place}:{frame.tb_lineno}: {error}"
    return None


# What is loaded, and what of it must stay as it was.


def load_preset(folder):
    """Return a preset's weights, and what it makes of images."""
    card = zoo.card(folder)
    str(card), render_card(card)
    model = zoo.load(folder)
    assert isinstance(model, BaseModel)
    return {"weights": model.get_weights(), "codes": codes(model)}


def load_weights(folder):
    """Return a preset's weights."""
    return {"weights": zoo.load(folder).get_weights()}


def load_archive(folder):
    """Return the weights of what Keras saved."""
    return {"weights": zoo.load(folder / "model.keras").get_weights()}


def codes(model):
    """Return the codes of images, without compiling anything; none of networks that cannot run."""
    inputs = {"x": X, "label": LABEL} if isinstance(model.encoder.input, dict) else X
    try:
        made = model.encoder(inputs)
    except Exception:
        return []
    made = made if isinstance(made, dict) else {"z": made}
    return [keras.ops.convert_to_numpy(made[name]) for name in sorted(made)]


def load_export(folder):
    """Return what the parts of an export give for the same inputs, and their draws."""
    found = {"outputs": [], "draws": []}
    for part in ("encoder", "decoder"):
        session = export.load(folder / part)
        str(session)
        found["outputs"] += session(**INPUTS[part]).values()
        for tensor in session.inputs:
            if tensor.prior:
                label = np.array([0, 1, 2])
                by_label = tensor.prior.get("kind") == "normal_by_label"
                drawn = session.sample_prior(
                    3, seed=0, name=tensor.name, label=label if by_label else None
                )
                assert drawn.shape == (3, *tensor.shape)
    export.self_test(folder / "decoder")
    return found


def serve_export(folder):
    """Return what a server would be told of an export, without its names and numbers."""
    export.write_serving(folder, folder / "served", "triton")
    configs = [path.read_text() for path in sorted((folder / "served").glob("*/config.pbtxt"))]
    words = {word for config in configs for word in config.split() if '"' not in word}
    assert all(config.count('"') % 2 == 0 and "\\" not in config for config in configs)
    return {"configs": sorted(word for word in words if not word.strip(",").isdigit())}


def load_pictures(folder):
    """Return those pixels of a folder of images that nobody changed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is left out
        found = zoo.data.from_folder(folder, 8, validation=0)
    kept = [i for i, name in enumerate(found.files) if name != "changed.png"]
    return {"pixels": [np.asarray(found.images[i]) for i in kept]}


INPUTS = {
    "encoder": {"x": X, "label": LABEL},
    "decoder": {"z": np.linspace(-1, 1, 9, dtype="float32").reshape(3, 3), "label": LABEL},
}


def change_json(file, record=None, changed=changed_json):
    def change(folder, rng, mark):
        text, done = changed((folder / file).read_bytes(), rng, mark)
        (folder / file).write_bytes(text)
        if record:
            resign(folder, file, record)
        return done

    return change


def change_bytes(file, record, structured=None):
    def change(folder, rng, mark):
        path = folder / file
        if structured and rng.random() < 0.5:
            done = structured(path, rng, mark)
        else:
            data, done = changed_bytes(path.read_bytes(), rng)
            path.write_bytes(data)
        resign(folder, file, record)
        return done

    return change


def change_sizes(file, record=None):
    def change(folder, rng, mark):
        data, done = lying_sizes((folder / file).read_bytes(), rng)
        (folder / file).write_bytes(data)
        if record:
            resign(folder, file, record)
        return done

    return change


def change_archive(folder, rng, mark):
    """Change the bytes of a `.keras` file, or write it anew with another config."""
    path = folder / "model.keras"
    if rng.random() < 0.4:
        data, done = changed_bytes(path.read_bytes(), rng)
        path.write_bytes(data)
        return done
    return rewrite_archive(path, lambda config: changed_json(config, rng, mark))


def change_config_of_archive(changed):
    def change(folder, rng, mark):
        return rewrite_archive(folder / "model.keras", lambda config: changed(config, rng, mark))

    return change


def rewrite_archive(path, change):
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    held["config.json"], done = change(held["config.json"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in held.items():
            archive.writestr(name, data)
    return done


def change_onnx(path, rng, mark):
    data, done = changed_onnx(path.read_bytes(), rng, mark)
    path.write_bytes(data)
    return done


def choose_harm(folder, rng, mark):
    (folder / "harm").write_text(name := list(HARMS)[rng.number % len(HARMS)])
    (folder / "mark").write_text(mark)
    return name


def do_harm(folder):
    """Do what no file may bring a loader to do: whether it is noticed is a test as well."""
    name = (folder / "harm").read_text() if (folder / "harm").exists() else None
    if name:
        HARMS[name](Path((folder / "mark").read_text()))
    return {"weights": [np.ones(3) if name == "exchanges" else np.zeros(3)]}


def change_detector(folder, rng, mark):
    """Change a number in a detector's file, and its checksum."""
    path = folder / "detector.json"
    text, done = huge_json(path.read_bytes(), rng, mark)
    try:
        content = json.loads(text)
        text = json.dumps(content | {"sha256": digest(content)}).encode()
    except ValueError:  # not even Python writes it
        pass
    path.write_bytes(text)
    return done


def load_detector(folder):
    """Return the weights of a detector's model, whose scores must be numbers."""
    detector = zoo.anomaly.load(folder)
    assert np.isfinite(detector.scores(X)).all()
    return {"weights": detector.model.get_weights()}


HARMS = {
    "writes": lambda mark: mark.with_name("written").write_text(""),
    "reads": lambda mark: mark.read_text(),
    "starts": lambda mark: subprocess.run(["true"], check=False),
    "imports": lambda mark: __import__("sndhdr_of_nobody"),
    "dies": lambda mark: os.abort(),
    "forgets": lambda mark: {}["key"],
    "mumbles": lambda mark: json.loads("{"),
    "exchanges": lambda mark: None,
    "opens": lambda mark: zoo.card("vae_digits"),
    "fetches": lambda mark: zoo.load("https://127.0.0.1:9/m.keras", sha256="0" * 64),
}


# For every kind: where its sources lie, how a copy is changed, how it is loaded, and which of what
# was loaded must be the same as before. Other weights may be loaded where the file of weights is
# another one, and its checksum agrees.
KINDS = {
    "harm": ("presets", choose_harm, do_harm, ("weights",)),
    "card": ("presets", change_json("card.json"), load_preset, ("weights", "codes")),
    "config": ("presets", change_json("config.json", "card.json"), load_preset, ("weights",)),
    "weights": (
        "presets",
        change_bytes("model.weights.h5", "card.json", change_weights),
        load_preset,
        (),
    ),
    "archive": ("archives", change_archive, load_archive, ("weights",)),
    "pictures": ("pictures", change_picture, load_pictures, ("pixels",)),
    "sizes": (
        "presets",
        change_sizes("model.weights.h5", "card.json"),
        load_weights,
        (),
    ),
    "sizes_in_archive": ("archives", change_sizes("model.keras"), load_archive, ()),
    "named": (
        "presets",
        change_json("config.json", "card.json", named_json),
        load_preset,
        ("weights",),
    ),
    "named_in_class": (
        "classes",
        change_json("config.json", "card.json", named_json),
        load_weights,
        ("weights",),
    ),
    "named_in_archive": (
        "archives",
        change_config_of_archive(named_json),
        load_archive,
        ("weights",),
    ),
    "huge": (
        "presets",
        change_json("config.json", "card.json", huge_json),
        load_weights,
        ("weights",),
    ),
    "huge_in_class": (
        "classes",
        change_json("config.json", "card.json", huge_json),
        load_weights,
        ("weights",),
    ),
    "huge_in_card": (
        "presets",
        change_json("card.json", changed=huge_json),
        load_preset,
        ("weights", "codes"),
    ),
    "huge_in_archive": (
        "archives",
        change_config_of_archive(huge_json),
        load_archive,
        ("weights",),
    ),
    "huge_in_detector": ("detectors", change_detector, load_detector, ("weights",)),
    "signature": ("exports", change_json("decoder/signature.json"), load_export, ("outputs",)),
    "served": ("exports", change_json("decoder/signature.json"), serve_export, ()),
    "parity": ("exports", change_json("decoder/parity.json"), load_export, ("outputs",)),
    "golden": (
        "exports",
        change_json("decoder/golden/index.json", "decoder/signature.json"),
        load_export,
        ("outputs",),
    ),
    "arrays": (
        "exports",
        change_bytes("decoder/golden/golden.npz", "decoder/signature.json"),
        load_export,
        ("outputs",),
    ),
    "onnx": (
        "exports",
        change_bytes("decoder/model.onnx", "decoder/signature.json", change_onnx),
        load_export,
        (),
    ),
}


def alike(before, after, keys):
    """Say what is another than before, if anything."""
    for key in keys:
        pairs = list(zip(before[key], after[key], strict=False))
        same = all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)
        if len(before[key]) != len(after[key]) or not same:
            return f"other {key} were loaded"
    return None


def attempt(load, folder, before, keys, watch):
    """Return the outcome of a case, and what is wrong with it."""
    disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    before_it = peak(afresh=True)
    with watch.watching() as seen:
        try:
            after = load(folder)
            outcome, wrong = "loaded", alike(before, after, keys)
        except AssertionError as error:
            outcome, wrong = "loaded", f"AssertionError: {error}"
        except Exception as error:
            outcome, wrong = f"refused: {error}"[:300], unclear(error)
    taken = peak() - before_it
    if taken > PEAK + 100 * disk:
        seen = [*seen, f"{taken / 2**20:.0f} MiB were taken for {disk} bytes"]
    return outcome, "; ".join([*seen, *([wrong] if wrong else [])])


def main(sources, scratch, first, *counts):
    sources, scratch, first = Path(sources), Path(scratch).resolve(), int(first)
    cases = [
        (kind, number)
        for kind, count in (count.split("=") for count in counts)
        for number in range(int(count))
    ]
    outside = scratch.with_name("outside")
    shutil.rmtree(scratch / "case", ignore_errors=True)  # of a case that was killed
    tempfile.tempdir = os.environ["TMPDIR"] = str(scratch)
    os.chdir(outside)
    folders = {
        kind: sorted((sources / kind).iterdir()) for kind in {KINDS[kind][0] for kind, _ in cases}
    }
    before = {}
    for kind, _ in cases:
        place, _, load, _ = KINDS[kind]
        for folder in folders[place]:
            if (folder, load) not in before:
                copy = shutil.copytree(folder, scratch / "first")
                before[folder, load] = load(copy)
                shutil.rmtree(copy)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, resource.RLIM_INFINITY))
    Image.init()  # imports what Pillow tries for files that it does not know
    watch, held = Watch(scratch), sorted(os.listdir())
    with open(scratch / "report", "a", encoding="utf-8") as report:

        def note(**entry):
            report.write(json.dumps(entry) + "\n")
            report.flush()

        for index, (kind, number) in enumerate(cases):
            if index < first:
                continue
            place, change, load, keys = KINDS[kind]
            source = folders[place][number % len(folders[place])]
            rng = random.Random(f"{kind} {number}")
            rng.number, rng.turn = number, number // len(folders[place])
            folder = shutil.copytree(source, scratch / "case")
            done = change(folder, rng, str(outside / "pipe"))
            about = {"case": index, "kind": f"{kind} {number} of {source.name}", "change": done}
            note(**about)
            outcome, wrong = attempt(load, folder, before[source, load], keys, watch)
            if sorted(os.listdir()) != held:
                wrong += f"; files were written: {os.listdir()}"
                held = sorted(os.listdir())
            note(**about, outcome=outcome, wrong=wrong)
            shutil.rmtree(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
