"""Files that were changed at random are refused in words, or load as what they were.

Never a crash, a written file, a foreign file that is read, or other weights. Every case has a seed
of its own; `tests/support/fuzzer.py` runs them in processes whose end it survives, with little
memory.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image
from support import tiny
from support.each_class import longer
from support.tampering import resign

import zoo

X = np.random.default_rng(0).random((20, 4, 4, 1), np.float32)
PROGRAM = Path(__file__).parents[1] / "support" / "fuzzer.py"


def own_networks():
    """A model of networks of one's own: convolutions, normalization, functions, a schedule."""
    x = keras.Input((4, 4, 1))
    h = layers.Conv2D(2, 3, activation="gelu", kernel_initializer="he_normal")(x)
    h = layers.BatchNormalization()(h)
    h = keras.ops.reshape(h, (-1, 8))
    encoder = keras.Model(x, layers.Dense(3)(h))
    z = keras.Input((3,))
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(16, activation="sigmoid")])
    decoder = keras.Model(z, layers.Reshape((4, 4, 1))(inner(z)))
    model = zoo.Autoencoder(encoder=encoder, decoder=decoder)
    model.compile(keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(0.1, 50)))
    return model


def adversarial():
    model = zoo.AAE((4, 4, 1), 2, hidden_units=(5,), prior={"petals": {}})
    model.compile()
    return model


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A folder of what is changed: presets, `.keras` files, pictures; on TensorFlow an export."""
    folder = tmp_path_factory.mktemp("sources")
    keras.utils.set_random_seed(0)
    models = {
        "plain": zoo.VAE((4, 4, 1), 3, hidden_units=(5,)),
        "conditional": zoo.CVAE((4, 4, 1), 3, hidden_units=(5,), num_classes=3, prior="learned"),
        "own": own_networks(),
        "stacked": zoo.M1M2(zoo.VAE((4, 4, 1), 3, hidden_units=(5,)), 2, num_classes=3),
        "features": zoo.DFCVAE(
            (4, 4, 1), 3, hidden_units=(5,), features=tiny.features_of_images((4, 4, 1))
        ),
        "adversarial": adversarial(),
    }
    for name, model in models.items():
        zoo.save(model, folder / "presets" / name)
    for name in ("plain", "adversarial", "stacked"):
        (folder / "archives" / name).mkdir(parents=True)
        models[name].save(folder / "archives" / name / "model.keras")
    for name, beside in (("alone", 0), ("several", 2)):
        (folder / "pictures" / name).mkdir(parents=True)
        for i in range(beside):
            Image.new("L", (9, 9 + i), 90 + i).save(folder / "pictures" / name / f"{i}.png")
        Image.effect_noise((32, 32), 60).save(folder / "pictures" / name / "changed.png")
    for name in ("plain", "adversarial"):
        detector = zoo.anomaly.Detector(models[name])
        detector.fit(X, train=False).save(folder / "detectors" / name)
    drawn = zoo.anomaly.Detector(models["plain"], score="elbo", samples=2)
    drawn.fit(X, train=False).save(folder / "detectors" / "drawn")
    # In HDF5's oldest format, which has no checksums of its own, as Keras writes it.
    own = folder / "presets" / "own"
    models["own"].save_weights(own / "model.weights.h5")
    resign(own, "model.weights.h5", "card.json")
    if keras.backend.backend() == "tensorflow":
        import export

        out = folder / "exports" / "conditional"
        export.export_model(models["conditional"], out, formats="onnx")
    return folder


def tried(sources, scratch, **counts):
    """Run so many cases of every kind; return their outcomes, those of killed processes too."""
    (scratch / "outside").mkdir()
    os.mkfifo(scratch / "outside" / "pipe")  # who reads it waits, and is told by the clock
    (scratch / "inside").mkdir()
    report, first = scratch / "inside" / "report", 0
    plan = [f"{kind}={count}" for kind, count in counts.items()]
    environment = {name: value for name, value in os.environ.items() if "CACHE" not in name}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, PROGRAM.parents[1:3]))
    while True:
        process = subprocess.run(
            [sys.executable, PROGRAM, sources, scratch / "inside", str(first), *plan],
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        lines = report.read_text().splitlines() if report.exists() else []
        cases = {case["case"]: case for case in map(json.loads, lines)}
        if process.returncode == 0:
            return list(cases.values())
        assert len(cases) > first, process.stderr[-3000:]
        last = cases[max(cases)]
        last |= {"outcome": "killed", "wrong": f"{process.returncode}: {process.stderr[-1500:]}"}
        report.write_text("".join(json.dumps(case) + "\n" for case in cases.values()))
        first = last["case"] + 1


def check(sources, scratch, presets, exports):
    """Try so many cases; return the pairs of kind and outcome (refused or loaded) that occurred."""
    counts = presets | (exports if (sources / "exports").exists() else {})
    cases = tried(sources, scratch, **counts)
    assert len(cases) == sum(counts.values())
    wrong = [case for case in cases if case["wrong"]]
    assert not wrong, json.dumps(wrong, indent=1)
    outcomes = {(case["kind"].split()[0], case["outcome"].split(":")[0]) for case in cases}
    assert "refused" in {outcome for _, outcome in outcomes}
    return outcomes


@longer
@pytest.mark.backend
def test_changed_files_are_refused_with_an_explanation_or_load_unchanged(sources, tmp_path):
    presets = {"card": 5, "config": 10, "weights": 6, "archive": 6, "pictures": 5}
    presets |= {"named": 4, "named_in_archive": 2, "sizes": 4, "sizes_in_archive": 3}
    presets |= {"huge": 4, "huge_in_card": 2, "huge_in_archive": 2, "huge_in_detector": 3}
    exports = {"signature": 10, "served": 4, "golden": 3, "arrays": 5, "onnx": 15}
    outcomes = check(sources, tmp_path, presets, exports)
    # Of few cases of a kind all may be refused, or none: it depends on the weights' bytes.
    assert "loaded" in {outcome for _, outcome in outcomes}


@pytest.mark.slow
@pytest.mark.long
def test_hundreds_of_changes_are_refused_with_an_explanation_or_load_unchanged(sources, tmp_path):
    presets = dict.fromkeys(("card", "config", "weights", "archive"), 150)
    presets |= dict.fromkeys(("pictures", "sizes", "sizes_in_archive"), 60)
    presets |= dict.fromkeys(("huge", "named_in_archive"), 60)
    presets |= dict.fromkeys(("huge_in_card", "huge_in_archive", "huge_in_detector"), 40)
    exports = dict.fromkeys(("signature", "onnx"), 200)
    exports |= dict.fromkeys(("served", "golden", "arrays"), 60)
    outcomes = check(sources, tmp_path, presets, exports)
    kinds = {kind for kind, _ in outcomes}
    assert outcomes >= {(kind, "refused") for kind in kinds}
    aimed = ("named", "sizes", "huge")  # of which few, or none, still make a model
    assert outcomes >= {(kind, "loaded") for kind in kinds if not kind.startswith(aimed)}


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("kind", ["named_in_class", "huge_in_class"])
def test_no_class_opens_what_a_config_names_nor_takes_the_sizes_in_it(kind, tmp_path):
    """Each setting of each class in turn, and what lies deeper in it."""
    from models.test_contract import SETTINGS

    made = {name: make for name, make in SETTINGS.items() if name.partition(",")[0] == name}
    others = ("PaletteNet, of colors", "AAE, swiss roll", "CVAE, captions", "CVAE, learned prior")
    others += ("SequenceVAE, autoregressive, of signals", "SketchRNN, of drawings")
    made |= {name: SETTINGS[name] for name in others}
    assert {name.partition(",")[0] for name in made} == zoo.models.CLASSES.keys()
    for name, make in made.items():
        zoo.save(make(), tmp_path / "sources" / "classes" / name)
    check(tmp_path / "sources", tmp_path, {kind: 16 * len(made)}, {})


@pytest.mark.slow
def test_every_harmful_action_is_noticed(sources, tmp_path):
    """Loaders that do what none may do, each noticed in its own way."""
    cases = tried(sources, tmp_path, harm=10)
    for harm, said in {
        "writes": "open .*written", "starts": "subprocess.Popen", "dies": "killed",
        "reads": "open .*pipe", "imports": "import sndhdr_of_nobody", "forgets": "KeyError",
        "mumbles": "JSONDecodeError from", "exchanges": "other weights were loaded",
        "opens": "open .*vae_digits", "fetches": "open .*autoencoder-zoo.*keras",
    }.items():  # fmt: skip
        found = [case for case in cases if case["change"] == harm]
        assert found, harm
        for case in found:
            assert re.search(said, f"{case['outcome']}; {case['wrong']}"), case
