"""The deployed side: a session takes what it should and refuses the rest in plain words."""

import json
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import export
from zoo.runtime import Session, draws

pytestmark = pytest.mark.lowest

Z = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
MANY = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
LABELS = np.array([0, 3, 9, 3], "int32")


def with_nan(array):
    """A copy with one NaN in its middle."""
    array = array.copy()
    array[2, 1] = np.nan
    return array


@pytest.fixture
def decoder(exported, tmp_path):
    """A copy of the exported decoder, to spoil."""
    return Path(shutil.copytree(exported[0] / "decoder", tmp_path / "decoder"))


@pytest.fixture(scope="module")
def session(exported):
    return export.load(exported[0] / "decoder")


@pytest.fixture(scope="module")
def encoder(exported):
    return export.load(exported[0] / "encoder")


def test_a_session_says_what_it_takes_and_gives(session, encoder):
    assert [str(tensor) for tensor in session.inputs] == [
        "z: float32 [batch, 3]",
        "label: int32 [batch] in [0, 9]",
    ]
    assert [tensor.name for tensor in encoder.outputs] == ["z_mean", "z_log_var"]
    assert list(encoder(x=np.zeros((1, 14, 14, 1)))) == ["z_mean", "z_log_var"]
    assert session.device == "cpu"
    assert session.signature["part"] == "decoder"
    assert "decoder on cpu" in repr(session)


@pytest.mark.parametrize(
    ("z", "label"),
    [
        (Z.astype("float64"), LABELS.astype("int64")),
        (Z.tolist(), LABELS.tolist()),
        (np.asfortranarray(Z), LABELS.astype("uint8")),
        (Z.astype(">f4"), LABELS.astype(">i8")),
        (np.repeat(Z, 2, axis=0)[::2], tuple(LABELS)),
    ],
)
def test_other_number_types_give_the_same_images(session, z, label):
    np.testing.assert_array_equal(session(z=z, label=label)["x"], session(z=Z, label=LABELS)["x"])


def test_an_empty_batch_gives_an_empty_batch(session):
    x = session(z=np.zeros((0, 3)), label=np.zeros(0, int))["x"]
    assert (x.shape, x.dtype) == ((0, 14, 14, 1), np.float32)


@pytest.mark.parametrize(
    ("inputs", "error", "said"),
    [
        ({"z": Z}, ValueError, "takes z: .*; label: .*Received: z"),
        ({}, ValueError, "Received: nothing"),
        ({"z": Z, "labels": LABELS}, ValueError, "Received: z, labels"),
        ({"z": Z[0], "label": LABELS}, ValueError, r"got shape \(3,\).*array\[None\]"),
        ({"z": Z[:, :2], "label": LABELS}, ValueError, r"z: float32 \[batch, 3\].*\(4, 2\)"),
        ({"z": Z[:, None], "label": LABELS}, ValueError, r"reshape\(\(-1, 3\)\)"),
        ({"z": Z, "label": 7}, ValueError, r"label: int32 \[batch\].*shape \(\)"),
        ({"z": Z, "label": LABELS[:2]}, ValueError, "z has 4, label has 2"),
        ({"z": Z, "label": LABELS.astype(float)}, TypeError, "integers, got float64.*astype"),
        ({"z": Z, "label": LABELS > 0}, TypeError, "got bool"),
        ({"z": Z > 0, "label": LABELS}, TypeError, "z: .*got bool"),
        ({"z": Z + 0j, "label": LABELS}, TypeError, "got complex64"),
        ({"z": [["a"] * 3] * 4, "label": LABELS}, TypeError, "takes numbers"),
        ({"z": [[1, 2, 3], [1]], "label": LABELS}, TypeError, "list is not an array"),
        ({"z": None, "label": LABELS}, TypeError, "got object"),
        ({"z": Z, "label": LABELS + 1}, ValueError, r"in \[0, 9\]: got values from 1 to 10"),
        ({"z": Z, "label": LABELS - 1}, ValueError, "values from -1"),
        ({"z": Z, "label": [2**40] * 4}, ValueError, "values from"),
        ({"z": Z * np.nan, "label": LABELS}, ValueError, "NaN or infinite"),
        ({"z": Z * np.float32(np.inf), "label": LABELS}, ValueError, "NaN or infinite"),
        ({"z": MANY * np.inf, "label": np.zeros(40, int)}, ValueError, "NaN or infinite"),
        ({"z": with_nan(MANY), "label": np.zeros(40, int)}, ValueError, "NaN"),
        ({"z": with_nan(Z), "label": LABELS}, ValueError, "NaN"),
        ({"z": MANY, "label": np.arange(40)}, ValueError, "from 0 to 39"),
        ({"z": Z.astype(float) * 1e300, "label": LABELS}, ValueError, "values from"),
    ],
)
def test_wrong_inputs_are_refused_by_name(session, inputs, error, said):
    with pytest.raises(error, match=said):
        session(**inputs)


def test_the_error_for_pixels_up_to_255_says_what_to_do(encoder):
    pixels = np.arange(196, dtype="uint8").reshape(1, 14, 14, 1) // 195 * 255
    with pytest.raises(ValueError, match="from 0 to 255. If these are pixels.*divide by 255"):
        encoder(x=pixels.astype("float32"))
    with pytest.raises(TypeError, match="takes floats, got uint8. If these .*divide"):
        encoder(x=pixels)


def test_prior_samples_follow_the_signature(session, encoder):
    drawn = session.sample_prior(5000, seed=0)
    assert (drawn.shape, drawn.dtype) == ((5000, 3), np.float32)
    np.testing.assert_array_equal(drawn, session.sample_prior(5000, seed=0))
    assert abs(drawn.mean()) < 0.03
    assert abs(drawn.std() - 1) < 0.03
    assert session(z=drawn[:2], label=[1, 2])["x"].shape == (2, 14, 14, 1)
    with pytest.raises(ValueError, match=r"inputs with a prior are \['z'\]"):
        session.sample_prior(1, name="label")
    with pytest.raises(ValueError, match="No input of the encoder has a prior"):
        encoder.sample_prior(1)


@pytest.mark.parametrize(
    ("prior", "mean", "std"),
    [
        ({"kind": "normal", "scale": 5.0}, 0, 5),
        ({"kind": "uniform", "low": 0.0, "high": 1.0}, 0.5, 12**-0.5),
        ({"kind": "sphere"}, 0, 2**-0.5),
        ({"kind": "mixture", "means": [[-1.0, -1.0], [1.0, 1.0]], "scales": 1.0}, 0, 2**0.5),
        ({"kind": "bernoulli", "p": 0.5}, 0.5, 0.5),
    ],
)
def test_every_known_prior_has_the_right_moments(prior, mean, std):
    drawn = draws.draw_prior(prior, 20_000, (2,), np.random.default_rng(0))
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.03 * std + 0.01)
    np.testing.assert_allclose(drawn.std(axis=0), std, rtol=0.03)


def test_an_unknown_prior_is_left_to_the_caller():
    with pytest.raises(ValueError, match="'flow'.*Sample it yourself"):
        draws.draw_prior({"kind": "flow"}, 1, (2,), np.random.default_rng(0))


def test_a_truncated_or_changed_file_is_refused_before_it_is_parsed(decoder, monkeypatch):
    path = decoder / "model.onnx"
    data = path.read_bytes()
    monkeypatch.setattr(onnxruntime, "InferenceSession", None)
    for spoiled in (data[:-100], b"", data[:500] + bytes([data[500] ^ 1]) + data[501:]):
        path.write_bytes(spoiled)
        with pytest.raises(ValueError, match="not the file that was exported"):
            export.load(decoder)


def test_an_unreadable_file_without_its_checksum_is_a_plain_error(decoder, exported):
    (decoder / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(ValueError, match="is not an ONNX file"):
        export.load(decoder, verify_checksum=False)
    model = onnx.load(exported[0] / "decoder" / "model.onnx")
    model.graph.node[0].input[0] = "nothing"
    (decoder / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(RuntimeError, match="onnxruntime cannot open"):
        export.load(decoder, verify_checksum=False)


@pytest.mark.parametrize("field", ["opset", "ir"])
def test_a_file_newer_than_the_runtime_says_what_to_do(decoder, field):
    path = decoder / "model.onnx"
    model = onnx.load(path)
    if field == "opset":
        model.opset_import[0].version = 90
    else:
        model.ir_version = 90
    path.write_bytes(model.SerializeToString())
    with pytest.raises(RuntimeError, match="lower opset, or install a newer onnxruntime"):
        export.load(decoder, verify_checksum=False)


def test_a_file_of_another_part_is_refused(decoder, exported):
    shutil.copy(exported[0] / "encoder" / "model.onnx", decoder)
    with pytest.raises(ValueError, match="but its signature lists"):
        export.load(decoder, verify_checksum=False)


def test_a_folder_that_is_no_part_is_refused(exported, decoder, tmp_path):
    with pytest.raises(FileNotFoundError, match="decoder' or .*encoder'"):
        export.load(exported[0])
    with pytest.raises(FileNotFoundError, match="not a folder"):
        export.load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no signature.json"):
        export.load(tmp_path / "empty")
    (decoder / "model.onnx").unlink()
    with pytest.raises(FileNotFoundError, match="formats="):
        export.load(decoder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format_version": 2}, "format version 2"),
        ({"inputs": "z"}, "not a signature"),
        ({"outputs": [{"name": "x", "dtype": "float16", "shape": ["batch"]}]}, "not a signature"),
        ({"files": {}}, "does not list it"),
        ({"bytes_per_row": 0}, "not a signature"),
        ({"bytes_per_row": "many"}, "not a signature"),
    ],
)
def test_a_signature_that_cannot_be_trusted_is_refused(decoder, change, said):
    path = decoder / "signature.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=said):
        export.load(decoder)


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", "null"])
def test_an_invalid_signature_is_refused(decoder, text):
    (decoder / "signature.json").write_text(text)
    with pytest.raises(ValueError, match="not a signature"):
        export.load(decoder)


def test_cuda_is_cuda_or_an_error(exported):
    folder = exported[0] / "decoder"
    automatic = export.load(folder, device="auto")
    if automatic.device == "cpu":
        with pytest.raises(RuntimeError, match="cannot run on CUDA here.*device='auto'"):
            export.load(folder, device="cuda")
    else:
        assert export.load(folder, device="cuda").device == "cuda"
    assert automatic(z=Z, label=LABELS)["x"].shape == (4, 14, 14, 1)


def test_device_and_threads_are_checked(exported, session):
    folder = exported[0] / "decoder"
    with pytest.raises(ValueError, match="'cpu', 'cuda' or 'auto'"):
        export.load(folder, device="gpu")
    with pytest.raises(ValueError, match="threads"):
        export.load(folder, threads=0)
    single = export.load(folder, threads=1)
    np.testing.assert_allclose(
        single(z=Z, label=LABELS)["x"], session(z=Z, label=LABELS)["x"], atol=1e-6
    )


def test_a_consumer_imports_neither_keras_nor_tensorflow_nor_onnx(exported):
    program = """
import sys, export
session = export.load(sys.argv[1])
x = session(z=session.sample_prior(2, seed=0), label=[7, 7])["x"]
assert x.shape == (2, 14, 14, 1)
assert export.self_test(sys.argv[1])["x"] < 1e-5
print(sorted({"keras", "tensorflow", "onnx", "tf2onnx", "sklearn", "torch", "jax"}
             & {name.partition(".")[0] for name in sys.modules}))
"""
    root = Path(export.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", program, exported[0] / "decoder"],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_a_prior_that_depends_on_the_label_is_sampled_by_label(tmp_path):
    import zoo

    model = zoo.CVAE((4, 4, 1), 2, num_classes=3, hidden_units=(5,), prior="learned")
    export.export_model(model, tmp_path / "out", parts=["decoder"], formats=["onnx"])
    session = export.load(tmp_path / "out" / "decoder")
    label = np.array([0, 2, 1, 2], "int32")
    z = session.sample_prior(4, seed=3, label=label)
    expected = model.generate(labels=label, seed=3)
    np.testing.assert_allclose(session(z=z, label=label)["x"], expected, atol=1e-5)
    report = json.loads((tmp_path / "out" / "decoder" / "parity.json").read_text())
    assert "prior draws" in json.dumps(report)
    for wrong in (None, [0, 1], [0, 1, 2, 3], [0.5] * 4):
        with pytest.raises(ValueError, match="4 integers from 0 to 2"):
            session.sample_prior(4, label=wrong)


def test_many_threads_get_their_own_results(exported):
    """Every result of every thread is compared with that of the same rows alone."""
    session = export.load(exported[0] / "decoder")
    rng = np.random.default_rng(0)
    calls = [
        (rng.normal(size=(1 + i % 7, 3)).astype("float32"), rng.integers(0, 10, 1 + i % 7))
        for i in range(320)
    ]
    expected = [session(z=z, label=label)["x"] for z, label in calls]
    start = threading.Barrier(16)

    def work(thread):
        start.wait()
        mine = range(thread, len(calls), 16)
        return [(i, session(z=calls[i][0], label=calls[i][1])["x"]) for i in mine]

    with ThreadPoolExecutor(16) as pool:
        got = dict(pair for pairs in pool.map(work, range(16)) for pair in pairs)
    assert sorted(got) == list(range(320))
    for i, wanted in enumerate(expected):
        np.testing.assert_allclose(got[i], wanted, atol=1e-6)


def test_large_batches_run_in_pieces_and_give_the_same(exported, monkeypatch):
    folder = exported[0] / "decoder"
    whole = export.load(folder)
    row = whole.signature["bytes_per_row"]
    pieces = export.load(folder, memory=10 * row)
    assert pieces.rows_at_once == 10
    rng = np.random.default_rng(0)
    z, label = rng.normal(size=(34, 3)).astype("float32"), rng.integers(0, 10, 34)
    sizes = []
    run = pieces._run
    monkeypatch.setattr(pieces, "_run", lambda feed: sizes.append(len(feed["z"])) or run(feed))
    np.testing.assert_allclose(
        pieces(z=z, label=label)["x"], whole(z=z, label=label)["x"], atol=1e-6
    )
    assert sizes == [10, 10, 10, 4]
    assert export.load(folder, memory=1).rows_at_once == 1


def test_pieces_fit_the_caches_unless_a_limit_is_given(exported):
    session = export.load(exported[0] / "decoder")
    row = session.signature["bytes_per_row"]
    assert session.rows_at_once == 16 * 2**20 // row
    large = session.signature | {"bytes_per_row": 2**24}
    assert Session(large, session.onnx).rows_at_once == 16
    assert Session(large, session.onnx, 2**20).rows_at_once == 1


def test_a_row_takes_at_least_its_inputs_activations_and_outputs(exported):
    signature = export.load(exported[0] / "decoder").signature
    hidden, image = 7 * 7 * 4, 14 * 14
    assert signature["bytes_per_row"] >= 4 * (3 + 1 + 10 + hidden + image)
    assert signature["bytes_per_row"] < 4 * 40 * (hidden + image)


def test_a_warm_up_runs_each_size_once(exported, monkeypatch):
    session = export.load(exported[0] / "decoder")
    sizes = []
    run = session._run
    monkeypatch.setattr(session, "_run", lambda feed: sizes.append(len(feed["z"])) or run(feed))
    session.warm_up()
    session.warm_up(64, 7)
    assert sizes == [1, 64, 7]


@pytest.mark.parametrize("memory", [0, -1, "1 GB", 2.5])
def test_an_impossible_limit_of_memory_is_refused(exported, memory):
    with pytest.raises(ValueError, match="give a number of bytes"):
        export.load(exported[0] / "decoder", memory=memory)
