"""The golden files of an export: what they hold, and that they tell a wrong installation."""

import io
import json
import shutil
import zipfile

import keras
import numpy as np
import onnxruntime
import pytest
from support.tampering import resign

import export
import zoo
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


def read_raw(folder, entry):
    """Read a raw file by what the index says of it, as another language would."""
    array = np.frombuffer((folder / entry["file"]).read_bytes(), entry["dtype"])
    return array.reshape(entry["shape"])


def test_raw_files_and_npz_hold_the_same_and_onnxruntime_reproduces_it(exported):
    for name in ("encoder", "decoder"):
        folder = exported[0] / name / "golden"
        index = json.loads((folder / "index.json").read_text())
        assert index["part"] == name
        arrays = np.load(folder / "golden.npz")
        raw = {}
        for kind in ("input", "output"):
            for entry in index[f"{kind}s"]:
                raw[entry["name"]] = read_raw(folder, entry)
                np.testing.assert_array_equal(
                    raw[entry["name"]], arrays[f"{kind}.{entry['name']}"], strict=True
                )
        session = onnxruntime.InferenceSession(folder.parent / "model.onnx")
        names = [entry["name"] for entry in index["outputs"]]
        feed = {entry["name"]: raw[entry["name"]] for entry in index["inputs"]}
        for entry, got in zip(index["outputs"], session.run(names, feed), strict=True):
            wanted = raw[entry["name"]]
            assert (abs(got - wanted) <= entry["atol"] + entry["rtol"] * abs(wanted)).all()
            assert len(wanted) == 16  # eight rows of each case


def test_outputs_are_those_of_keras(exported, conditional):
    arrays = np.load(exported[0] / "decoder" / "golden" / "golden.npz")
    inputs = {"z": arrays["input.z"], "label": arrays["input.label"]}
    outputs = conditional.parts()["decoder"].function(inputs)
    np.testing.assert_allclose(arrays["output.x"], outputs["x"], atol=1e-6)
    assert len(set(inputs["label"])) == 8
    assert abs(inputs["z"][:8]).max() < 4 <= abs(inputs["z"][8:]).min() + 1e-6


def test_tolerances_are_the_bounds_of_parity(exported):
    for name, output in (("decoder", "x"), ("encoder", "z_mean")):
        folder = exported[0] / name / "golden"
        entry = json.loads((folder / "index.json").read_text())["outputs"][0]
        if name == "decoder":  # x in [0, 1]
            assert (entry["atol"], entry["rtol"]) == (1e-5, 0.0)
        else:
            values = np.load(folder / "golden.npz")[f"output.{output}"].astype(float)
            assert entry["rtol"] == 1e-4
            assert entry["atol"] == pytest.approx(1e-4 * np.sqrt(np.mean(values**2)))


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


def test_an_onnx_file_says_what_it_is(exported, conditional):
    session = onnxruntime.InferenceSession(exported[0] / "decoder" / "model.onnx")
    about = session.get_modelmeta()
    described = export.load(exported[0] / "decoder").signature
    assert about.producer_name == "autoencoder-zoo"
    assert about.custom_metadata_map == {
        "autoencoder-zoo": zoo.__version__,
        "name": "small",
        "class": "Model",
        "part": "decoder",
        "licence": "not stated",
        "artefact_sha256": described["artefact_sha256"],
        "inputs": json.dumps(described["inputs"]),
        "outputs": json.dumps(described["outputs"]),
    }


def test_the_licence_of_a_preset_is_exported(tmp_path):
    export.export_onnx(zoo.load("vae_digits"), tmp_path / "decoder.onnx", part="decoder")
    about = onnxruntime.InferenceSession(tmp_path / "decoder.onnx").get_modelmeta()
    assert about.custom_metadata_map["licence"] == "Apache-2.0"
    assert about.custom_metadata_map["name"] == "vae_digits"


def test_weights_that_were_trained_on_do_not_have_the_presets_licence(few_digits, tmp_path):
    model = zoo.load("vae_digits")
    model.fit(few_digits[0][:32], verbose=0)
    export.export_model(model, tmp_path / "out", parts=["decoder"], formats=["onnx"])
    session = export.load(tmp_path / "out" / "decoder")
    assert session.signature["licence"] is None
    about = onnxruntime.InferenceSession(tmp_path / "out" / "decoder" / "model.onnx")
    assert about.get_modelmeta().custom_metadata_map["licence"] == "not stated"
