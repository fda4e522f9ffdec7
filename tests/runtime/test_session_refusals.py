"""What the runtime refuses as Keras does, and signatures that are not what export writes."""

import json
import shutil

import keras
import numpy as np
import onnx
import pytest
from support.tampering import resign

import export
import zoo
from zoo.runtime import draws, tensors

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="export needs the TensorFlow backend"
)


@pytest.fixture(scope="module")
def linear():
    """A linear autoencoder of images without a range, whose decoder multiplies codes by ten."""
    model = zoo.Autoencoder((4, 4, 1), 2, hidden_units=(), likelihood="gaussian")
    model.decoder.set_weights([np.full(w.shape, 10.0) for w in model.decoder.get_weights()])
    return model


@pytest.fixture(scope="module")
def written(linear, tmp_path_factory):
    out = tmp_path_factory.mktemp("linear") / "out"
    export.export_model(linear, out, formats="onnx", variants="float16")
    return out


@pytest.fixture(scope="module")
def encoder(written):
    return export.load(written / "encoder")


@pytest.mark.parametrize(
    ("images", "error", "said"),
    [
        (np.full((20, 4, 4, 1), 255, "uint8"), TypeError, "takes floats, got uint8.*divide by"),
        (np.ones((2, 4, 4, 1), int), TypeError, "takes floats, got int64"),
        (np.full((2, 4, 4, 1), 200.0), ValueError, "got whole numbers up to 200.*divide by 255"),
        (np.arange(256.0).reshape(16, 4, 4, 1), ValueError, "got whole numbers up to 255"),
        (np.full((2, 4, 4, 1), 1e300), ValueError, "values from 1e"),
        (np.full((2, 4, 4, 1), -np.inf), ValueError, "NaN or infinite"),
        (np.full((50, 4, 4, 1), np.nan), ValueError, "NaN or infinite"),
    ],
)
def test_images_that_keras_refuses_the_runtime_refuses(encoder, linear, images, error, said):
    with pytest.raises(error, match=said):
        encoder(x=images)
    with pytest.raises(error):
        linear.encode(images)


def test_images_that_keras_takes_the_runtime_takes(encoder, linear):
    for images in (
        np.random.default_rng(0).normal(size=(5, 4, 4, 1)),
        np.random.default_rng(0).normal(100, 50, (5, 4, 4, 1)) * 10,
        np.zeros((2, 4, 4, 1), "float16"),
    ):
        np.testing.assert_allclose(encoder(x=images)["z"], linear.encode(images), rtol=1e-4)


def test_codes_may_be_whole_numbers(written, linear):
    codes = [[1, 2], [-3, 40]]
    got = export.load(written / "decoder")(z=codes)["x"]
    np.testing.assert_allclose(got, linear.decode(codes), rtol=1e-5)


def test_outputs_that_are_not_finite_are_refused(written):
    decoder = export.load(written / "decoder")
    assert decoder(z=np.full((3, 2), 1e36))["x"].max() == pytest.approx(2e37)
    for rows in (1, 300):
        with pytest.raises(ValueError, match="decoder fails on these inputs: the output x: .*NaN"):
            decoder(z=np.full((rows, 2), 1e38))
    bound = decoder.bind(2)
    bound.write(z=np.full((2, 2), 1e38))
    bound.run()
    with pytest.raises(ValueError, match="has NaN or infinite values"):
        bound.read()


def test_half_precision_says_where_it_ends(written):
    codes = np.full((3, 2), 1e4)
    assert export.load(written / "decoder")(z=codes)["x"].max() == pytest.approx(2e5, rel=1e-3)
    half = export.load(written / "decoder", variant="float16")
    assert half.variant == "float16"
    with pytest.raises(ValueError, match="load it without variant=, as float16 has no values"):
        half(z=codes)


def test_results_are_checked_for_their_shape():
    tensor = tensors.TensorSpec("x", "float32", (2,))
    tensors.check_result(tensor, np.zeros((3, 2), "float32"), 3)
    tensors.check_result(tensor, np.full((3, 2), 3e38, "float32"), 3)  # whose sum is infinite
    for wrong in (np.zeros((3, 3)), np.zeros((2, 2)), None):
        with pytest.raises(ValueError, match="expected .* for 3 rows, but the output has shape"):
            tensors.check_result(tensor, wrong, 3)


def changed(written, tmp_path, change):
    folder = shutil.copytree(written / "decoder", tmp_path / "decoder")
    described = json.loads((folder / "signature.json").read_text())
    change(described)
    (folder / "signature.json").write_text(json.dumps(described))
    return folder


def tensor(key, value):
    return lambda described: described["inputs"][0].update({key: value})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("part"), "part is None"),
        (lambda s: s.update(part="../x"), "part is '../x'"),
        (lambda s: s.update(part=["decoder"]), r"part is \['decoder'\]"),
        (lambda s: s.update(model="VAE"), "model is 'VAE', without a class"),
        (lambda s: s.update(model={"class": {}}), "without a class"),
        (lambda s: s["model"].update(name=3), "name is 3"),
        (lambda s: s.update(licence=["free"]), r"licence is \['free'\]"),
        (lambda s: s.update(bytes_per_row=1e400), "bytes_per_row is inf"),
        (lambda s: s.update(bytes_per_row=2.5), "bytes_per_row is 2.5"),
        (lambda s: s.update(files=[]), r"files is \[\]"),
        (lambda s: s["files"].update({"model.onnx": 3}), "files has 3 for 'model.onnx'"),
        (lambda s: s.update(inputs={}), "inputs is {}; it must be a list of tensors"),
        (lambda s: s.update(inputs=[]), "inputs is"),
        (lambda s: s.update(inputs=[3]), "3 does not describe a tensor"),
        (lambda s: s.update(inputs=s["inputs"] * 2), "two tensors with the same name: z, z"),
        (tensor("name", ["z"]), r"a tensor has the name \['z'\]"),
        (tensor("name", "\x1b[2J"), "a tensor has the name"),
        (tensor("dtype", {}), "has the dtype {}"),
        (tensor("shape", "batch"), "has the shape 'batch'"),
        (tensor("shape", ["batch", 2.0]), "expected 'batch', then sizes"),
        (tensor("shape", ["batch", True]), "expected 'batch', then sizes"),
        (tensor("shape", [2, 2]), "expected 'batch', then sizes"),
        (tensor("range", "ab"), "has the range 'ab'; expected two numbers"),
        (tensor("range", [0, "1"]), "expected two numbers"),
        (tensor("range", [1, 0]), "expected two numbers"),
        (tensor("range", [0, float("nan")]), "expected two numbers"),
        (tensor("range", [0, 10**400]), "expected two numbers"),
        (tensor("prior", "normal"), "has the prior 'normal'; expected an object"),
        (tensor("layout", []), r"has the layout \[\]"),
    ],
)
def test_a_signature_that_export_does_not_write_is_refused(written, tmp_path, change, said):
    folder = changed(written, tmp_path, change)
    with pytest.raises(ValueError, match=f"not a signature that export wrote: .*{said}"):
        export.load(folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"\xff\xfe", "can't decode byte"),
        (b'{"part": 1, "part": 2}', "the entry 'part' appears more than once"),
        (b'{"a": ' + b"[" * 100_000, "recursion"),
        (b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}", "more than 100 levels deep"),
        (b'{"a": ' + b"9" * 5000 + b"}", "4300 digits"),
    ],
)
def test_a_signature_that_is_not_plain_json_is_refused(written, tmp_path, text, said):
    folder = shutil.copytree(written / "decoder", tmp_path / "decoder")
    (folder / "signature.json").write_bytes(text)
    with pytest.raises(ValueError, match=f"not a signature that export wrote: .*{said}"):
        export.load(folder)


@pytest.mark.parametrize(
    "prior",
    [
        {"kind": "normal", "scale": "wide"},
        {"kind": "normal", "scale": [1.0, 2.0, 3.0]},
        {"kind": "normal", "mean": None, "scale": float("inf")},
        {"kind": "uniform", "low": {}},
        {"kind": "mixture"},
        {"kind": "mixture", "means": [[0.0, 0.0]], "weights": [0.5]},
        {"kind": "mixture", "means": "many"},
        {"kind": "swiss_roll", "radius": 1.0},
        {"kind": "categorical", "weights": [0.2, 0.3, 0.5]},
        {"kind": "categorical", "weights": 3},
        {"kind": "bernoulli", "p": []},
        {"kind": "sphere", "radius": float("nan")},
    ],
)
def test_a_prior_that_cannot_be_sampled_is_refused_with_an_explanation(prior):
    with pytest.raises(ValueError, match=r"The prior is .*, which gives no codes of shape \(2,\)"):
        draws.draw_prior(prior, 3, (2,), np.random.default_rng(0))


@pytest.mark.parametrize("kind", [None, [], {}, 3, "flow"])
def test_an_unknown_kind_of_prior_is_left_to_the_caller(kind):
    with pytest.raises(ValueError, match="Sample it yourself"):
        draws.draw_prior({"kind": kind}, 3, (2,), np.random.default_rng(0))


@pytest.mark.parametrize(
    "prior",
    [
        {"means": [[0.0, 0.0]]},
        {"means": [[0.0]], "scales": [[1.0]]},
        {"means": [[0.0, 0.0]], "scales": 3},
        {"means": [["a", "b"]], "scales": [[1.0, 1.0]]},
        {"means": [[0.0, 0.0]], "scales": [[float("nan"), 1.0]]},
    ],
)
def test_an_invalid_prior_by_label_is_refused_with_an_explanation(prior):
    with pytest.raises(ValueError, match="which gives no codes"):
        draws.draw_by_label("z", prior, 1, (2,), [0], np.random.default_rng(0))


@pytest.mark.parametrize("n", [-1, 2.5, "3", None])
def test_an_impossible_number_of_samples_is_refused(n, tmp_path):
    model = zoo.VAE((4, 4, 1), 2, hidden_units=(4,))
    export.export_model(model, tmp_path / "out", formats="onnx", parts="decoder")
    with pytest.raises(ValueError, match="give a whole number of rows"):
        export.load(tmp_path / "out" / "decoder").sample_prior(n)


def test_names_that_are_not_text_are_refused(written, tmp_path):
    folder = shutil.copytree(written / "decoder", tmp_path / "decoder")
    model = onnx.load(folder / "model.onnx")
    for node in model.graph.node:
        node.output[:] = ["image" if name == "x" else name for name in node.output]
    model.graph.output[0].name = "image"
    data = model.SerializeToString().replace(b"image", b"\xe2mage")
    (folder / "model.onnx").write_bytes(data)
    resign(folder, "model.onnx", "signature.json")
    with pytest.raises(ValueError, match="names that are not UTF-8"):
        export.load(folder)


def test_a_file_that_fails_as_it_runs_is_a_plain_error(written, tmp_path):
    """Its rows go through a shape that fits seven of them."""
    folder = shutil.copytree(written / "decoder", tmp_path / "decoder")
    model = onnx.load(folder / "model.onnx")
    for node in model.graph.node:
        node.input[:] = ["again" if name == "z" else name for name in node.input]
    for index, (name, taken, shape, given) in enumerate(
        [("of_seven", "z", [7, -1], "seven"), ("of_two", "seven", [-1, 2], "again")]
    ):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(shape), name))
        reshape = onnx.helper.make_node("Reshape", [taken, name], [given])
        model.graph.node.insert(index, reshape)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    resign(folder, "model.onnx", "signature.json")
    decoder = export.load(folder)
    with pytest.raises(RuntimeError, match="onnxruntime cannot run the decoder"):
        decoder(z=np.zeros((3, 2)))


def test_the_labels_of_an_input_are_the_integers_in_its_range():
    assert list(tensors.TensorSpec("label", "int32", (), 0, 3).labels) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="label: int32 .batch. has no range"):
        _ = tensors.TensorSpec("label", "int32", ()).labels


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([["a", "b"]], "takes floats, got text"),
        ([[b"a", b"b"]], "takes floats, got bytes"),
        ([[None, 1.0]], "takes floats, got objects. Give np.nan, not None"),
    ],
)
def test_what_is_no_number_is_refused_in_words(value, said):
    entry = {"name": "x", "dtype": "float32", "shape": ["batch", 2], "missing": True}
    (holes,) = tensors.tensors({"inputs": [entry]}, "inputs")
    with pytest.raises(TypeError, match=said):
        tensors.check_array(holes, value)
