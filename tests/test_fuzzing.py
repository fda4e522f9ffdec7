"""Files that were changed at random are refused in words, or load as what they were.

Never a crash, a written file, a foreign file that is read, or other weights. Every case has a seed
of its own; `support/fuzzer.py` runs them in processes whose end it survives, with little memory.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import keras
import pytest
from keras import layers
from support.tampering import resign

import zoo

PROGRAM = Path(__file__).parent / "support" / "fuzzer.py"
PRESETS = ("card", "config", "weights")
EXPORTS = ("signature", "served", "parity", "golden", "arrays", "onnx")


def own_networks():
    """A model of networks of one's own: convolutions, normalisation, functions, a schedule."""
    x = keras.Input((4, 4, 1))
    h = layers.Conv2D(2, 3, activation="gelu", kernel_initializer="he_normal")(x)
    h = layers.BatchNormalization()(h)
    h = keras.ops.reshape(h, (-1, 8))
    encoder = keras.Model(x, layers.Dense(3)(h))
    z = keras.Input((3,))
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(16, activation="tanh")])
    decoder = keras.Model(z, layers.Reshape((4, 4, 1))(inner(z)))
    model = zoo.Autoencoder(encoder=encoder, decoder=decoder)
    model.compile(keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(0.1, 50)))
    return model


def adversarial():
    model = zoo.AAE((4, 4, 1), 2, hidden=(5,), prior={"petals": {}})
    model.compile()
    return model


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    """Small presets to change: a plain one, a conditional one, own networks, three optimizers."""
    sources = tmp_path_factory.mktemp("sources")
    models = {
        "plain": zoo.VAE((4, 4, 1), 3, hidden=(5,)),
        "conditional": zoo.CVAE((4, 4, 1), 3, hidden=(5,), num_classes=3, prior="learned"),
        "own": own_networks(),
        "adversarial": adversarial(),
    }
    for name, model in models.items():
        zoo.save(model, sources / "presets" / name)
    # In HDF5's oldest format, which has no checksums of its own, as Keras writes it.
    own = sources / "presets" / "own"
    models["own"].save_weights(own / "model.weights.h5")
    resign(own, "model.weights.h5", "card.json")
    return sources, models


@pytest.fixture(scope="module")
def exports(presets):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("export needs the TensorFlow backend")
    import export

    sources, models = presets
    export.export_model(models["conditional"], sources / "exports" / "conditional", formats="onnx")
    return sources


def tried(sources, scratch, **counts):
    """Run so many cases of every kind; return their outcomes, those of killed processes too."""
    (scratch / "outside").mkdir()
    os.mkfifo(scratch / "outside" / "pipe")  # who reads it waits, and is told by the clock
    (scratch / "inside").mkdir()
    report, first = scratch / "inside" / "report", 0
    plan = [f"{kind}={count}" for kind, count in counts.items()]
    while True:
        process = subprocess.run(
            [sys.executable, PROGRAM, sources, scratch / "inside", str(first), *plan],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, PROGRAM.parents[1:3]))},
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


def check(cases, expected):
    assert len(cases) == expected
    wrong = [case for case in cases if case["wrong"]]
    assert not wrong, json.dumps(wrong, indent=1)
    return Counter(case["outcome"].partition(":")[0] for case in cases)


def test_changed_presets_are_refused_in_words_or_load_as_they_were(presets, tmp_path):
    counts = {"card": 24, "config": 40, "weights": 24}
    outcomes = check(tried(presets[0], tmp_path, **counts), 88)
    assert outcomes["refused"] > 40
    assert outcomes["loaded"] > 5


def test_changed_exports_are_refused_in_words_or_load_as_they_were(exports, tmp_path):
    counts = {"signature": 40, "served": 20, "parity": 5, "golden": 20, "arrays": 20, "onnx": 40}
    outcomes = check(tried(exports, tmp_path, **counts), 145)
    assert outcomes["refused"] > 60
    assert outcomes["loaded"] > 10


@pytest.mark.slow
@pytest.mark.long
def test_hundreds_of_changes_are_refused_in_words_or_load_as_they_were(exports, tmp_path):
    counts = dict.fromkeys(("card", "config", "weights", "signature", "onnx"), 200)
    counts |= {"served": 100, "golden": 50, "arrays": 50}
    check(tried(exports, tmp_path, **counts), 1200)
