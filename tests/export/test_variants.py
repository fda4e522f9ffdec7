"""Half-precision and eight-bit files: proved, smaller, and refused where they are too far off."""

import json
import logging
import math
import re
import shutil
from dataclasses import replace

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers

import export
from export import benchmark, parity, variants
from zoo.cli.main import main
from zoo.inference.parts import TensorInfo
from zoo.runtime import session

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="export needs the TensorFlow backend"
)

VARIANTS = ("float16", "int8")
FILES = {"model.onnx", "model.float16.onnx", "model.int8.onnx"}


@pytest.fixture(scope="module")
def written(make, tmp_path_factory):
    out = tmp_path_factory.mktemp("variants") / "out"
    model = make.wide_model()
    images = np.random.default_rng(0).random((1000, 14, 14, 1), np.float32)
    return (
        model,
        out,
        export.export_model(model, out, formats="onnx", variants=VARIANTS, images=images),
    )


def test_each_part_has_its_variants_proved_and_smaller(written):
    _, out, report = written
    for name, part in report.items():
        files = {path.name: path.stat().st_size for path in (out / name).glob("*.onnx")}
        assert set(files) == FILES
        assert files["model.float16.onnx"] < 0.6 * files["model.onnx"]
        assert files["model.int8.onnx"] < 0.45 * files["model.onnx"]  # 12,736 weights, and a graph
        rms = {r["setting"]: r for r in part["results"] if r["measure"] == "rms"}
        assert {s: r["bound"] for s, r in rms.items()} == {
            "float16": 5e-3,
            "int8": 0.1 if name == "decoder" else 0.15,
        }
        assert part == json.loads((out / name / "parity.json").read_text())
        for variant, about in part["variants"].items():
            file = "model.onnx" if variant == "float32" else f"model.{variant}.onnx"
            assert about["bytes"] == files[file]
            assert all(about["milliseconds"][rows] > 0 for rows in ("1", "64", "1024"))


def test_variants_compute_nearly_the_same_and_say_what_they_are(written):
    _, out, _ = written
    z = np.random.default_rng(0).standard_normal((64, 3)).astype("float32")
    full = export.load(out / "decoder")(z=z)["x"]
    for variant, bound in (("float16", 2e-3), ("int8", 5e-2)):
        session = export.load(out / "decoder", variant=variant)
        got = session(z=z)["x"]
        assert got.dtype == np.float32
        off = np.sqrt(np.mean((got - full) ** 2))
        assert off < bound
        model = onnx.load(out / "decoder" / f"model.{variant}.onnx")
        onnx.checker.check_model(model, full_check=True)
        assert {node.domain for node in model.graph.node} == {""}
        assert [(e.domain, e.version) for e in model.opset_import] == [("", 18)]
        assert model.ir_version == 8
        about = {entry.key: entry.value for entry in model.metadata_props}
        assert (about["variant"], about["part"]) == (variant, "decoder")
    assert off > 1e-5  # eight bits do differ


def test_weights_are_stored_in_the_named_format(written):
    _, out, _ = written
    kinds = {"float16": onnx.TensorProto.FLOAT16, "int8": onnx.TensorProto.INT8}
    for variant, kind in kinds.items():
        model = onnx.load(out / "encoder" / f"model.{variant}.onnx")
        matrices = [t for t in model.graph.initializer if len(t.dims) == 2]
        values = sum(math.prod(t.dims) for t in matrices)
        large = [t for t in matrices if math.prod(t.dims) >= values / 50]
        assert {t.data_type for t in large} == {kind}
        if variant == "int8":  # the last layer, of 3 columns, saves nothing and costs precision
            assert {t.data_type for t in matrices if t not in large} == {onnx.TensorProto.FLOAT}
        if variant == "int8":
            values = np.concatenate([onnx.numpy_helper.to_array(t).ravel() for t in matrices])
            assert abs(values).max() <= 64  # seven bits, which overflow nowhere


def test_reconstruction_errors_are_those_of_images_through_both_parts(written):
    _, out, report = written
    x = np.random.default_rng(0).random((1000, 14, 14, 1), np.float32)
    for variant in (None, *VARIANTS):
        encoder, decoder = (export.load(out / p, variant=variant) for p in ("encoder", "decoder"))
        made = decoder(z=encoder(x=x)["z"])["x"].astype(float)
        expected = np.sum((made - x) ** 2) / 1000
        for part in ("encoder", "decoder"):
            about = report[part]["variants"][variant or "float32"]
            assert about["reconstruction_error"] == pytest.approx(expected, rel=1e-3)


@pytest.mark.slow
def test_without_images_there_is_no_reconstruction_error(written, conditional, tmp_path):
    """That of scikit-learn's digits would say nothing of a model of other images."""
    model, _, _ = written
    report = export.export_model(model, tmp_path / "out", formats="onnx", variants="float16")
    for part in ("encoder", "decoder"):
        for about in report[part]["variants"].values():
            assert about["reconstruction_error"] is None
    x = np.zeros((3, 14, 14, 1), "float32")
    for images in (x, {"x": x}):  # without known labels
        report = export.export_model(
            conditional, tmp_path / "c", formats="onnx", variants="float16", images=images,
            overwrite=True,
        )  # fmt: skip
        assert report["encoder"]["variants"]["float16"]["reconstruction_error"] is None


def test_a_part_alone_has_no_reconstruction_error(written, tmp_path):
    model, _, _ = written
    report = export.export_model(
        model, tmp_path / "out", formats="onnx", parts="decoder", variants="int8"
    )
    assert report["decoder"]["variants"]["int8"]["reconstruction_error"] is None
    lines = export.format_report(report).splitlines()
    assert lines[-1].split()[:2] == ["decoder", "int8"]


def test_verify_proves_variants_again(written):
    model, out, _ = written
    report = export.verify(out, model)
    settings = {r["setting"] for r in report["decoder"]["results"]}
    assert settings > set(VARIANTS)


@pytest.mark.parametrize(("seconds", "calls"), [(1e9, 15), (0.0, 3)])
def test_slow_variants_are_timed_by_fewer_calls(seconds, calls, monkeypatch):
    monkeypatch.setattr(benchmark, "LONG", seconds)
    rows = []
    benchmark._milliseconds(lambda fed: rows.append(len(fed["x"])), {"x": np.zeros((2, 3))}, 7)
    assert rows == [7] * calls


def test_a_variant_beyond_its_bound_is_refused_and_nothing_is_written(
    written, tmp_path, monkeypatch
):
    monkeypatch.setitem(parity.VARIANT_BOUNDS, "int8", (1e-6, 1e-6))
    with pytest.raises(export.ParityError, match=r"as onnx \(int8\) is off by .* \(rms\)"):
        export.export_model(written[0], tmp_path / "out", formats="onnx", variants="int8")
    assert list(tmp_path.iterdir()) == []


def test_the_measure_is_the_root_mean_square_over_the_range():
    info = TensorInfo("x", "float32", (2,), 0.0, 4.0)
    result = parity._new_result(info, {"format": "onnx", "setting": "int8"})
    wanted = np.zeros((2, 2), "float32")
    came = np.array([[0.0, 0.0], [0.0, 2.0]], "float32")
    parity._add(result, info, wanted, {"x": came}, scale=1.0)
    assert result["error"] == pytest.approx(1.0 / 4)  # sqrt(2^2 / 4) of a range of 4
    free = replace(info, low=None, high=None)
    result = parity._new_result(free, {"format": "onnx", "setting": "int8"})
    parity._add(result, free, wanted, {"x": came}, scale=0.5)
    assert result["error"] == pytest.approx(1.0 / 0.5)


def test_a_part_without_constant_products_has_no_int8(make, tmp_path):
    part = make.encoder_part([layers.Conv2D(2, 3), layers.Reshape((288,))])
    with pytest.raises(export.ConversionError, match="no products with constant matrices"):
        export.export_model(make.Model(part), tmp_path / "out", formats="onnx", variants="int8")
    assert list(tmp_path.iterdir()) == []


def test_quantizing_leaves_the_root_logger_alone(written, tmp_path, monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])  # as in a user's process; pytest adds its own
    level = root.level
    export.export_model(
        written[0], tmp_path / "out", formats="onnx", parts="decoder", variants="int8"
    )
    assert (root.handlers, root.level) == ([], level)


def test_all_modules_have_the_same_variants(capsys):
    assert set(session.VARIANTS) == set(variants._MAKERS) == set(parity.VARIANT_BOUNDS)
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    (choices,) = re.findall(r"--variant {(.*?)}", capsys.readouterr().out)[:1]
    assert set(choices.split(",")) == set(session.VARIANTS)


def test_rows_of_eight_bits_do_not_depend_on_the_rows_beside_them(written):
    """As they would with a range of the whole batch, which a row of a thousand times widens."""
    _, out, report = written
    z = np.random.default_rng(0).standard_normal((64, 3)).astype("float32")
    session = export.load(out / "decoder", variant="int8")
    together = session(z=z)["x"]
    alone = np.concatenate([session(z=row[None])["x"] for row in z])
    z[-1] *= 1000
    beside = session(z=z)["x"]
    np.testing.assert_allclose(alone, together, atol=1e-6)
    np.testing.assert_allclose(beside[:-1], together[:-1], atol=1e-6)
    for part in ("encoder", "decoder"):
        kinds = [node.op_type for node in onnx.load(out / part / "model.int8.onnx").graph.node]
        assert kinds.count("QuantizeLinear") == kinds.count("MatMulInteger") > 0
        assert "DynamicQuantizeLinear" not in kinds
        found = [r for r in report[part]["results"] if r["setting"] == "int8"]
        assert all(r["beside_outlier_error"] < 1e-5 for r in found)


def test_ranges_of_eight_bits_are_those_of_the_given_images(make, tmp_path):
    """The first layer's is that of the images themselves; 0 is always in it."""
    part = make.encoder_part([layers.Reshape((196,)), layers.Dense(64), layers.Dense(3)])
    x = replace(part.inputs[0], low=None, high=None)
    part = replace(part, inputs=(x,))
    images = np.random.default_rng(0).uniform(3, 7, (64, 14, 14, 1)).astype("float32")
    options = {"formats": "onnx", "variants": "int8"}
    export.export_model(make.Model(part), tmp_path / "out", **options, images=images)
    model = onnx.load(tmp_path / "out" / "encoder" / "model.int8.onnx")
    held = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    (node,) = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    scale, point = (held[name] for name in node.input[1:])
    low, high = -scale * point, scale * (255.0 - point)
    # normal draws and points at four deviations are among the inputs of the proof, too
    assert low == pytest.approx(-4, abs=0.1)
    assert high == pytest.approx(7, abs=0.1)


def test_a_variant_whose_rows_depend_on_an_outlier_is_refused(written, tmp_path, monkeypatch):
    monkeypatch.setattr(variants, "_fix_ranges", lambda model, cases: None)
    x = TensorInfo("x", "float32", (14, 14, 1))
    parts = written[0].parts()
    encoder = replace(parts["encoder"], inputs=(x,))  # without a range, so that outliers are let in
    with pytest.raises(export.ParityError, match=r"as onnx \(int8\) is off by .* \(rms\)"):
        export.export_model(
            type(written[0])(encoder), tmp_path / "out", formats="onnx", variants="int8"
        )
    assert list(tmp_path.iterdir()) == []


def test_unknown_variants_are_refused(written, tmp_path):
    model, out, _ = written
    with pytest.raises(
        ValueError, match=r"variants is \['int4'\]; give some of \['float16', 'int8'"
    ):
        export.export_model(model, tmp_path / "out", variants="int4")
    with pytest.raises(ValueError, match="variants are files of onnx, litert, openvino: add one"):
        export.export_model(model, tmp_path / "out", formats="saved_model", variants="int8")
    with pytest.raises(ValueError, match="variant is 'int4'"):
        export.load(out / "decoder", variant="int4")
    folder = shutil.copytree(out / "decoder", tmp_path / "decoder")
    (folder / "model.int8.onnx").unlink()
    with pytest.raises(FileNotFoundError, match=r"export with variants="):
        export.load(folder, variant="int8")
    (folder / "model.float16.onnx").write_bytes(b"other")
    with pytest.raises(ValueError, match="is not the file that was exported"):
        export.load(folder, variant="float16")


def test_inputs_and_outputs_of_half_precision_stay_float32(written):
    session = onnxruntime.InferenceSession(written[1] / "encoder" / "model.float16.onnx")
    assert [node.type for node in session.get_inputs()] == ["tensor(float)"]
    assert [node.type for node in session.get_outputs()] == ["tensor(float)"]
