"""Exports of images as [channels, height, width]."""

import keras
import numpy as np
import onnx
import pytest
from keras import layers
from support.parts import dims

import export
from export import test_inputs
from export.layout import channels_first

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="export needs the TensorFlow backend"
)


@pytest.mark.slow
def test_channels_come_first_on_request(conditional, tmp_path):
    out = tmp_path / "out"
    report = export.export_model(conditional, out, layout="channels_first")
    assert all(part["passed"] for part in report.values())
    images = np.random.default_rng(0).random((5, 14, 14, 1), np.float32)
    first = np.moveaxis(images, -1, 1)
    encoder, decoder = export.load(out / "encoder"), export.load(out / "decoder")
    assert (encoder.inputs[0].shape, decoder.outputs[0].shape) == ((1, 14, 14), (1, 14, 14))
    inputs = {"x": keras.ops.convert_to_tensor(images)}
    z = conditional.parts()["encoder"].function(inputs)["z_mean"].numpy()
    np.testing.assert_allclose(encoder(x=first)["z_mean"], z, atol=1e-5)
    inputs = {"z": keras.ops.convert_to_tensor(z), "label": keras.ops.arange(5, dtype="int32")}
    x = conditional.parts()["decoder"].function(inputs)["x"].numpy()
    got = decoder(z=z, label=np.arange(5))["x"]
    np.testing.assert_allclose(np.moveaxis(got, 1, -1), x, atol=1e-5)
    with pytest.raises(ValueError, match=r"\[batch, 1, 14, 14\]"):
        encoder(x=images)
    export.self_test(out / "encoder")
    checked = export.verify(out, conditional, images=images)
    assert checked["encoder"]["same_artefact"]
    for name in ("encoder", "decoder"):
        graph = onnx.load(out / name / "model.onnx").graph
        # One between convolutions and what is flattened in Keras's order; none for the images.
        assert sum(node.op_type == "Transpose" for node in graph.node) == 1
    report = export.export_onnx(
        conditional, tmp_path / "one.onnx", part="encoder", layout="channels_first", images=images
    )
    assert report["encoder"]["passed"]
    assert dims(onnx.load(tmp_path / "one.onnx").graph.input[0]) == ["batch", 1, 14, 14]


def test_colors_and_volumes_come_first_too(make, tmp_path):
    """What has several channels is moved in truth, not only reshaped."""
    body = [layers.Conv3D(2, 2, activation="relu"), layers.Flatten(), layers.Dense(3)]
    part = make.encoder_part(body, (4, 5, 6, 3))
    export.export_model(make.Model(part), tmp_path / "out", layout="channels_first")
    volumes = np.random.default_rng(0).random((2, 4, 5, 6, 3), np.float32)
    got = export.load(tmp_path / "out" / "encoder")(x=np.moveaxis(volumes, -1, 1))["z"]
    wanted = part.function({"x": keras.ops.convert_to_tensor(volumes)})["z"]
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_digits_for_the_proof_have_their_channels_first(make):
    part = channels_first(make.encoder_part([layers.Flatten(), layers.Dense(2)], (8, 8, 3)))
    info = part.inputs[0]
    assert info.shape == (3, 8, 8)
    digits = test_inputs.rows_of(info, 4, None)
    last = test_inputs.rows_of(make.image(8, 8, 3), 4, None)
    np.testing.assert_array_equal(np.moveaxis(digits, 1, -1), last)
