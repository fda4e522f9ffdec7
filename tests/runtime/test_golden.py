"""Golden files tell a wrong installation, and changed ones are refused."""

import io
import json
import shutil
import zipfile

import keras
import numpy as np
import pytest
from support.tampering import resign

import export
from export import signature

pytestmark = [
    pytest.mark.lowest,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="export needs the TensorFlow backend"
    ),
]


@pytest.fixture
def part(exported, tmp_path):
    """A copy of the exported decoder, to tamper with."""
    return shutil.copytree(exported[0] / "decoder", tmp_path / "decoder")


def test_a_self_test_returns_the_largest_differences(part):
    (difference,) = export.self_test(part).values()
    assert 0 <= difference <= 1e-5


def test_a_self_test_detects_another_model(make, tmp_path):
    """As a broken installation would: the file is as it was, and computes something else."""
    export.export_model(make.Model(make.dense_decoder()), tmp_path / "one")
    export.export_model(make.Model(make.dense_decoder(seed=1)), tmp_path / "two")
    folder = tmp_path / "one" / "decoder"
    shutil.copy(tmp_path / "two" / "decoder" / "model.onnx", folder)
    described = json.loads((folder / "signature.json").read_text())
    described["files"] = signature.file_table(folder)
    (folder / "signature.json").write_text(json.dumps(described))
    with pytest.raises(export.ParityError, match="'x' of the decoder is off by up to .* on cpu"):
        export.self_test(folder)


@pytest.mark.parametrize("name", ["golden.npz", "index.json"])
def test_changed_golden_files_are_refused_before_they_are_read(part, name):
    path = part / "golden" / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ValueError, match="is not the file that was exported"):
        export.self_test(part)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "index.json").write_text("{}"),
        lambda folder: (folder / "index.json").write_text('{"outputs": [{"name": "x"}]}'),
        lambda folder: (folder / "golden.npz").write_bytes(b"PK"),
        lambda folder: np.savez(folder / "golden.npz", **{"input.z": np.zeros((2, 3))}),
    ],
)
def test_invalid_golden_files_are_refused_with_an_explanation(part, change):
    change(part / "golden")
    for name in ("golden/index.json", "golden/golden.npz"):
        resign(part, name, "signature.json")
    with pytest.raises(ValueError, match="holds no inputs and outputs of this part"):
        export.self_test(part)


def rewrite(part, **changes):
    """Write the golden arrays anew, with some of them changed, and let the signature agree."""
    path = part / "golden" / "golden.npz"
    with np.load(path) as held:
        arrays = {name: changes.get(name, lambda a: a)(held[name]) for name in held.files}
    np.savez_compressed(path, **arrays)
    resign(part, "golden/golden.npz", "signature.json")


NAMES = ("input.z", "input.label", "output.x")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (dict.fromkeys(NAMES, lambda a: a[:0]), "input.z has 0 rows, but 1 to 64 were expected"),
        (dict.fromkeys(NAMES, lambda a: a[:1].repeat(65, 0)), "input.z has 65 rows"),
        ({"output.x": lambda a: a[:0]}, "output.x has 0 rows"),
        ({"output.x": lambda a: a[:, :, :3]}, r"output.x is float32 \(16, 14, 3, 1\), but x: "),
        ({"output.x": lambda a: a[0, 0, 0, 0]}, r"output.x is float32 \(\), but x: "),
        ({"output.x": lambda a: a.astype("float64")}, "output.x is float64"),
        ({"output.x": lambda a: a.astype("U9")}, "output.x is <U9"),
        ({"output.x": lambda a: a * np.nan}, "output.x holds NaN or infinite values"),
        ({"input.z": lambda a: a * np.inf}, "input.z holds NaN or infinite values"),
        ({"input.label": lambda a: a + 20}, "values from 20 to"),
        ({"input.label": lambda a: a[:3]}, "different numbers of rows"),
    ],
)
def test_degenerate_golden_arrays_are_refused_in_words(part, changes, said):
    rewrite(part, **changes)
    with pytest.raises(ValueError, match=f"golden holds no inputs and outputs of this.*{said}"):
        export.self_test(part)


def test_arrays_of_another_number_of_rows_are_refused(part):
    rewrite(part, **{"output.x": lambda a: a[:3]})
    with pytest.raises(ValueError, match=r"golden has \(3, 14, 14, 1\) of 'x', not \(16, "):
        export.self_test(part)


@pytest.mark.parametrize("allowed", [float("inf"), float("nan"), -1.0, "1e9", None, True])
def test_errors_without_an_end_are_not_allowed(part, allowed):
    path = part / "golden" / "index.json"
    index = json.loads(path.read_text())
    index["outputs"][0]["atol"] = allowed
    path.write_text(json.dumps(index))
    resign(part, "golden/index.json", "signature.json")
    with pytest.raises(ValueError, match="atol and rtol of 'x' are .*, not numbers from 0"):
        export.self_test(part)


def test_a_small_archive_of_huge_arrays_is_refused_before_memory_is_taken(part):
    """Its header says 2^40 rows; the values would be zeros that compress well."""
    path = part / "golden" / "golden.npz"
    header = io.BytesIO()
    described = {"descr": "<f4", "fortran_order": False, "shape": (2**40, 3)}
    np.lib.format.write_array_header_1_0(header, described)
    with np.load(path) as held:
        arrays = dict(held)
    np.savez_compressed(path, **{name: a for name, a in arrays.items() if name != "input.z"})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("input.z.npy", header.getvalue())
    resign(part, "golden/golden.npz", "signature.json")
    with pytest.raises(ValueError, match="input.z has 1099511627776 rows"):
        export.self_test(part)


def test_an_export_without_golden_files_says_so(part):
    shutil.rmtree(part / "golden")
    with pytest.raises(FileNotFoundError, match="export again for golden files"):
        export.self_test(part)
