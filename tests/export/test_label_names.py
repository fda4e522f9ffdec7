"""The names of classes in the signatures of exported parts."""

import keras
import pytest

import export
import zoo

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="export needs the TensorFlow backend"
)


def test_classes_have_the_names_of_the_card_or_those_given(make, tmp_path):
    model = zoo.load("vae_digits")
    assert model.label_names == tuple("0123456789")
    cvae = zoo.CVAE((8, 8, 1), 2, hidden_units=(4,), num_classes=3)
    cvae.label_names = ("a", "b", "c")
    export.export_model(cvae, tmp_path / "own", formats="onnx", parts=["decoder"])
    z, label = export.load(tmp_path / "own" / "decoder").inputs
    assert (z.label_names, label.label_names) == (None, ("a", "b", "c"))
    export.export_model(
        cvae, tmp_path / "given", formats="onnx", parts=["decoder"], label_names="xyz"
    )
    assert export.load(tmp_path / "given" / "decoder").inputs[1].label_names == tuple("xyz")
    with pytest.raises(ValueError, match="label_names has 2 names, but .* are 3"):
        export.export_model(cvae, tmp_path / "few", label_names="ab")


def test_clusters_do_not_have_the_names_of_classes(tmp_path):
    model = zoo.ClusteringAAE((8, 8, 1), 2, num_classes=3, hidden_units=(4,))
    model.label_names = ("a", "b", "c")
    export.export_model(model, tmp_path / "out", formats="onnx", parts=["decoder"])
    assert all(t.label_names is None for t in export.load(tmp_path / "out" / "decoder").inputs)


def test_training_clears_the_names_of_classes(few_digits):
    model = zoo.CVAE((8, 8, 1), 2, hidden_units=(4,), num_classes=10)
    model.label_names = tuple("0123456789")
    model.compile()
    model.fit(few_digits[0][:32], few_digits[1][:32], verbose=0)
    assert model.label_names is None
