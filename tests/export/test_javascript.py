"""The JavaScript counterpart of `export.load`: checks, samples, variants and names of classes."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest
from support import node_project

import export
from zoo.runtime.draws import draw_prior
from zoo.runtime.table_rows import columns_of
from zoo.runtime.tensors import check_array, tensors

CASES = Path(__file__).with_name("cases.mjs")
NODE = shutil.which("node", path=node_project.PATH)
NAN = "NaN"  # JSON has none

pytestmark = pytest.mark.skipif(NODE is None, reason="needs Node.js")

X = {"name": "x", "dtype": "float32", "shape": ["batch", 2, 2, 1], "range": [0.0, 1.0]}
FREE = X | {"range": None}
Z = {"name": "z", "dtype": "float32", "shape": ["batch", 3], "prior": {"kind": "normal"}}
LABEL = {"name": "label", "dtype": "int32", "shape": ["batch"], "range": [0, 9]}
HOLES = {"name": "x", "dtype": "float32", "shape": ["batch", 3], "range": None, "missing": True}
KINDS = {"columns": ["load", "kind=new", "kind=old"]}
KINDS |= HOLES | {"categories": [{"column": "kind", "first": 1, "values": ["new", "old"]}]}
ENDS = {"name": "x", "dtype": "float32", "shape": ["batch", 3, 1], "range": None, "padded": True}


def asked(*cases, folder=None):
    done = subprocess.run(
        [NODE, CASES],
        input=json.dumps(cases),
        cwd=folder,
        env={**os.environ, "PATH": node_project.PATH},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def signature(*inputs):
    return {"part": "decoder", "inputs": list(inputs), "outputs": [X]}


def check(entry, value):
    return {"what": "check", "signature": signature(entry), "inputs": {entry["name"]: value}}


def python_accepts(entry, value):
    (tensor,) = tensors({"inputs": [entry]}, "inputs")
    try:
        array = np.array(value, dtype=float if tensor.dtype == "float32" else None)
        check_array(tensor, array)
        if columns := columns_of(entry):
            columns.check_missing(array)
    except (TypeError, ValueError):
        return False
    return True


@pytest.mark.parametrize(
    ("entry", "value", "said"),
    [
        (LABEL, [0, 9], None),
        (LABEL, [12], r"label: int32 \[batch\] in \[0, 9\]: got values from 12 to 12"),
        (LABEL, [3, -1], "got values from -1 to 3"),
        (LABEL, [1.5], "takes integers"),
        (LABEL, [[1]], "Expected label"),
        (Z, [[0, 1, -2.5]], None),
        (Z, [[0, 1]], r"Expected z: float32 \[batch, 3\], got 2 numbers in the shape \[1, 2\]"),
        (Z, [0, 1, 2], "Expected z"),
        (Z, [[0, 1, float("nan")]], "got NaN"),
        (Z, [[0, 1, 1e39]], "got values"),
        (Z, [[0, 1, 2], [0, 1]], "different lengths"),
        (X, [[[[0], [1]], [[0.5], [1 + 1e-7]]]], None),
        (X, [[[[0], [200.0]], [[0.5], [1]]]], "divide by 255"),
        (X, [[[[0], [-0.1]], [[0.5], [1]]]], "got values from -0.1 to 1"),
        (FREE, [[[[0], [-3.5]], [[0.5], [40]]]], None),
        (FREE, [[[[0], [200.0]], [[17.0], [1]]]], "divide by 255"),
        (ENDS, [[[1.0], [2.0], [float("nan")]]], None),
        (ENDS, [[[1.0], [float("nan")], [2.0]]], "before the end"),
        (ENDS, [[[float("nan")], [float("nan")], [float("nan")]]], "before the end"),
        (HOLES, [[1.0, float("nan"), 2.0], [float("nan")] * 3], None),
        (HOLES, [[1.0, float("nan"), 1e39]], "got values"),
        (KINDS, [[float("nan"), 1.0, 0.0], [2.0, float("nan"), float("nan")]], None),
        (KINDS, [[1.0, 1.0, 0.0], [1.0, float("nan"), 0.0]], "row 1 has NaN in some columns"),
    ],
)
def test_what_is_refused_is_what_python_refuses(entry, value, said):
    text = json.loads(json.dumps(value).replace("NaN", f'"{NAN}"'))
    (answer,) = asked(check(entry, text))
    assert python_accepts(entry, value) == (said is None)
    if said is None:
        assert "value" in answer, answer
    else:
        import re

        assert re.search(said, answer["message"]), answer
        assert answer["error"] in ("RangeError", "TypeError")


def test_missing_and_unknown_names_and_other_numbers_of_rows_are_refused():
    both = signature(Z, LABEL)
    missing, unknown, rows = asked(
        {"what": "check", "signature": both, "inputs": {"z": [[0, 0, 0]]}},
        {"what": "check", "signature": both, "inputs": {"z": [[0, 0, 0]], "y": [1]}},
        {"what": "check", "signature": both, "inputs": {"z": [[0, 0, 0]], "label": [1, 2]}},
    )
    for answer in (missing, unknown):
        assert "takes z: float32 [batch, 3]; label: int32 [batch] in [0, 9]" in answer["message"]
    assert "z has 1, label has 2" in rows["message"]


def test_a_missing_value_is_nan_and_not_null():
    holes, whole = asked(check(HOLES, [[1.0, None, 2.0]]), check(Z, [[1.0, None, 2.0]]))
    assert "got null; give finite numbers, and NaN for what was not seen." in holes["message"]
    assert "got null; give finite numbers." in whole["message"]


def test_pixels_of_bytes_are_refused_also_as_typed_arrays():
    one = {"what": "typed", "signature": signature(FREE), "shape": [1, 2, 2, 1]}
    integers, floats = asked(
        one | {"kind": "Uint8ClampedArray", "data": [0, 1, 2, 3]},
        one | {"kind": "Float64Array", "data": [0, 1, 2, 3]},
    )
    assert "takes floats, got Uint8ClampedArray" in integers["message"]
    assert floats["value"]["x"]["shape"] == [1, 2, 2, 1]


PRIORS = [
    ({"kind": "normal"}, (2,)),
    ({"kind": "normal", "mean": [1.0, -2.0], "scale": [0.5, 2.0]}, (2,)),
    ({"kind": "normal", "mean": [[[1.0]], [[3.0]]], "scale": 0.5}, (2, 1, 2)),
    ({"kind": "uniform", "low": -2.0, "high": [1.0, 3.0]}, (2,)),
    ({"kind": "bernoulli", "p": 0.2}, (3,)),
    ({"kind": "sphere", "radius": 2.0}, (3,)),
    ({"kind": "categorical", "weights": [0.2, 0.5, 0.3]}, (3,)),
    ({"kind": "swiss_roll", "radius": 4.0, "turns": 1.5, "noise": 0.1}, (2,)),
    ({"kind": "mixture", "means": [[0, 3], [2, -1]], "scales": [[1], [0.2]]}, (2,)),
    (
        {
            "kind": "mixture",
            "means": [[0, 3], [2, -1]],
            "weights": [0.75, 0.25],
            "factors": [[[1, 0.5], [0, 2]], [[0.1, 0], [0.3, 0.1]]],
        },
        (2,),
    ),
]


@pytest.mark.parametrize(("prior", "shape"), PRIORS, ids=lambda v: str(v)[:40])
def test_samples_have_the_moments_of_pythons(prior, shape):
    n = 20_000
    case = {"what": "prior", "prior": prior, "n": n, "shape": shape, "seed": 3}
    first, again, other = asked(case, case, case | {"seed": 4})
    assert first == again != other
    drawn = np.array(first["value"]).reshape(n, -1)
    wanted = draw_prior(prior, n, shape, np.random.default_rng(0)).reshape(n, -1)
    spread = wanted.std(axis=0)
    assert (np.abs(drawn.mean(axis=0) - wanted.mean(axis=0)) < 7 * spread / np.sqrt(n)).all()
    # Second moments, with those between the first two dimensions.
    for values in (lambda a: a**2, lambda a: a[:, :1] * a):
        ours, theirs = values(drawn), values(wanted)
        bound = 7 * theirs.std(axis=0) / np.sqrt(n) + 1e-6
        assert (np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) < bound).all()


def test_a_prior_by_label_needs_the_labels():
    prior = {"kind": "normal_by_label", "means": [[0, 0], [50, -50]], "scales": [[1, 1], [2, 2]]}
    case = {"what": "prior", "prior": prior, "n": 4, "shape": [2], "seed": 0}
    drawn, none, far = asked(case | {"label": [0, 1, 1, 0]}, case, case | {"label": [0, 1, 2, 0]})
    values = np.array(drawn["value"]).reshape(4, 2)
    assert (abs(values[[0, 3]]) < 10).all()
    assert (abs(values[[1, 2]]) > 30).all()
    for answer in (none, far):
        assert "give label with 4 integers from 0 to 1" in answer["message"]


def test_an_unknown_kind_and_a_bad_seed_are_refused():
    case = {"what": "prior", "n": 1, "shape": [1]}
    kind, seed = asked(
        case | {"prior": {"kind": "custom"}}, case | {"prior": {"kind": "normal"}, "seed": -1}
    )
    assert "cannot sample" in kind["message"]
    assert "seed is -1" in seed["message"]


def test_the_file_is_written_as_it_is_tested(tmp_path):
    path = export.write_javascript(tmp_path / "zoo_runtime.mjs")
    assert "export async function load" in path.read_text("utf-8")
    with pytest.raises(FileExistsError):
        export.write_javascript(path)
    subprocess.run([NODE, "--check", path], check=True, timeout=60)


@pytest.fixture(scope="module")
def named(conditional, tmp_path_factory):
    folder = tmp_path_factory.mktemp("named") / "out"
    export.export_model(
        conditional, folder, formats="onnx", parts=["decoder"], variants=["int8"],
        label_names="abcdefghij",
    )  # fmt: skip
    return folder / "decoder"


@pytest.mark.slow
@pytest.mark.skipif(node_project.NPM is None, reason="needs npm")
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exports")
def test_a_session_computes_what_pythons_session_computes(node_modules, named, tmp_path):
    spoiled = shutil.copytree(named, tmp_path / "decoder")
    with (spoiled / "model.onnx").open("ab") as file:
        file.write(b" ")
    case = {"what": "run", "folder": str(named), "seed": 1, "n": 5, "label": [0, 1, 2, 3, 9]}
    whole, int8, by_name, label, unknown, changed = asked(
        case,
        case | {"options": {"variant": "int8"}},
        case | {"className": "c"},
        case | {"label": [0, 1, 2, 3, 12]},
        case | {"options": {"variant": "int4"}},
        case | {"folder": str(spoiled)},
        folder=node_modules,
    )
    assert whole["value"]["names"] == list("abcdefghij")
    assert whole["value"]["shape"] == [5, 14, 14, 1]
    for answer, variant, labels in (
        (whole, None, case["label"]), (int8, "int8", case["label"]), (by_name, None, [2] * 5)
    ):  # fmt: skip
        z = np.array(answer["value"]["z"], "float32").reshape(5, 3)
        wanted = export.load(named, variant=variant)(z=z, label=np.array(labels))["x"]
        np.testing.assert_allclose(answer["value"]["x"], wanted.ravel(), atol=1e-5)
    assert whole["value"]["x"] != int8["value"]["x"]
    assert "got values from 0 to 12" in label["message"]
    assert "variant is int4" in unknown["message"]
    assert "is not the file that was exported" in changed["message"]
