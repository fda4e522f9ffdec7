"""The Fréchet inception distance is computed by torch-fidelity itself, with networks put in."""

import importlib.util

import numpy as np
import pytest
from support.stand_in import StandIn

import export
import zoo
from zoo import metrics

# torch-fidelity imports torchvision, and is not there without PyTorch.
NEEDED = ("torch", "torchvision", "torch_fidelity")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"without {', '.join(MISSING)}")

NAME = "mean-color"


@pytest.fixture(scope="module")
def fidelity():
    """torch-fidelity, with an extractor whose features are linear in an image's mean color."""
    import torch

    # A wheel of torchvision for CUDA beside a PyTorch for CPUs has no operators of its own, which
    # torch-fidelity does not need; but two of their names must be there when it is imported.
    operators = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torch_fidelity

    class MeanColor(torch_fidelity.FeatureExtractorBase):
        def __init__(self, name, features_list, feature_extractor_weights_path=None, **options):
            super().__init__(name, features_list)
            self.matrix = torch.nn.Linear(3, 3, bias=False)
            self.load_state_dict(torch.load(feature_extractor_weights_path, weights_only=True))

        @staticmethod
        def get_provided_features_list():
            return ("features",)

        @staticmethod
        def get_default_feature_layer_for_metric(metric):
            return "features"

        def forward(self, pixels):
            assert pixels.dtype == torch.uint8
            assert pixels.shape[1] == 3
            return (self.matrix(pixels.float().mean(dim=(2, 3))),)

    torch_fidelity.register_feature_extractor(NAME, MeanColor)
    yield torch_fidelity
    del operators


@pytest.fixture
def weights(fidelity, tmp_path):
    """A file with the identity as the matrix: features are mean colors, 0 to 255."""
    import torch

    path = tmp_path / "weights.pth"
    torch.save({"matrix.weight": torch.eye(3)}, path)
    return path


def images(colors, size=(6, 4)):
    """Return images of one color each, [n, *size, 3], with these colors [n, 3]."""
    return np.broadcast_to(colors[:, None, None], (len(colors), *size, 3))


def gaussian(x, y):
    """The squared Fréchet distance of Gaussians with independent dimensions, in closed form."""
    means = np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2)
    return means + np.sum((x.std(axis=0, ddof=1) - y.std(axis=0, ddof=1)) ** 2)


def independent(seed, mean, scale, n=64):
    """Return colors [n, 3] in bytes, whose channels have no correlation at all."""
    rng = np.random.default_rng(seed)
    white = np.linalg.qr(rng.normal(size=(n, 4)) * [0, 1, 1, 1] + [1, 0, 0, 0])[0][:, 1:]
    return mean + scale * np.sqrt(n) * white


def test_it_is_the_closed_form_of_two_gaussians(weights):
    x = independent(0, 100, np.array([5.0, 20.0, 10.0])) / 255
    y = independent(1, np.array([120, 100, 90]), np.array([15.0, 10.0, 5.0])) / 255
    expected = gaussian(255 * x, 255 * y)
    found = metrics.fid(images(x), images(y, (9, 9)), weights=weights, extractor=NAME)
    assert found == pytest.approx(expected, rel=2e-3)  # colors are rounded to bytes
    assert metrics.fid(images(y), images(y), weights=weights, extractor=NAME) == pytest.approx(
        0, abs=1e-2
    )


def test_its_features_are_those_of_the_network_in_the_file(fidelity, tmp_path):
    """With the matrix 2 I, distances are four times as large."""
    import torch

    found = []
    x, y = (independent(seed, mean, 8.0) / 255 for seed, mean in ((0, 100), (1, 130)))
    for scale in (1, 2):
        torch.save({"matrix.weight": scale * torch.eye(3)}, tmp_path / "weights.pth")
        found.append(
            metrics.fid(images(x), images(y), weights=tmp_path / "weights.pth", extractor=NAME)
        )
    assert found[1] == pytest.approx(4 * found[0], rel=1e-3)


def test_gray_images_have_three_equal_channels(weights):
    """As the distance of one channel, three times."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (2, 200, 5, 5, 1)).astype("uint8")
    y = y // 2
    means = [a.astype(float).mean(axis=(1, 2, 3)) for a in (x, y)]
    found = metrics.fid(x, y, weights=weights, extractor=NAME)
    shift = 3 * (means[0].mean() - means[1].mean()) ** 2
    spread = 3 * (means[0].std(ddof=1) - means[1].std(ddof=1)) ** 2
    assert found == pytest.approx(shift + spread, rel=1e-3)
    as_floats = metrics.fid(x / 127.5 - 1, y / 127.5 - 1, weights=weights, extractor=NAME, black=-1)
    assert as_floats == pytest.approx(found)


def test_a_model_generates_as_many_images_as_there_are_real_ones(weights):
    model = zoo.CVAE((8, 8, 1), 2, hidden_units=(16,), num_classes=3)
    x = np.random.default_rng(0).random((10, 8, 8, 1)).astype("float32")
    drawn = model.generate(labels=[0, 1, 2, 0, 1, 2, 0, 1, 2, 0], seed=4)
    expected = metrics.fid(drawn, x, weights=weights, extractor=NAME)
    assert metrics.fid(model, x, weights=weights, extractor=NAME, seed=4) == expected
    assert expected > 1


def test_an_exported_generator_gives_images(weights, tmp_path):
    model, x = zoo.load("vae_digits"), zoo.data.load("digits")[1][0]
    export.export_model(model, tmp_path / "out", formats=("onnx",))
    decoder = export.load(tmp_path / "out" / "decoder")
    z = np.random.default_rng(0).normal(size=(50, model.latent_dim)).astype("float32")
    exported, ours = (
        metrics.fid(images, x, weights=weights, extractor=NAME)
        for images in (decoder(z=z)["x"], model.decode(z))
    )
    assert exported == pytest.approx(ours, rel=1e-3)


@pytest.mark.slow
def test_inception_itself_gets_images_of_any_size(fidelity, tmp_path, monkeypatch):
    """With random weights, through a file: gray images are color images with equal channels."""
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    torch.manual_seed(0)
    with monkeypatch.context() as patch:  # only to have random weights; it loads them otherwise
        patch.setattr(torch, "load", lambda *a, **k: None)
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *a, **k: None)
        network = FeatureExtractorInceptionV3("inception-v3-compat", ["64"], "none")
    path = tmp_path / "inception.pth"
    torch.save(network.state_dict(), path)
    rng = np.random.default_rng(0)
    x, y = rng.random((6, 20, 28, 1)), rng.random((6, 32, 32, 3)) ** 2
    found = metrics.fid(x, y, weights=path)
    assert found > 0
    assert metrics.fid(np.repeat(x, 3, axis=3), y, weights=path) == pytest.approx(found, rel=1e-4)


@pytest.mark.parametrize(
    ("generated", "real", "options", "match"),
    [
        (np.zeros((4, 8, 8, 2)), np.zeros((4, 8, 8, 3)), {}, "generated has the shape"),
        (np.zeros((4, 8, 8, 3)), np.zeros((1, 8, 8, 3)), {}, "real has the shape"),
        (np.zeros((4, 8, 8, 3)), np.full((4, 8, 8, 3), 255.0), {}, "white=1"),
        (np.full((4, 8, 8, 3), np.nan), np.zeros((4, 8, 8, 3)), {}, "NaN"),
        (np.zeros((4, 8, 8, 3)), np.zeros((4, 8, 8, 3)), {"black": 1.0}, "smaller"),
    ],
)
def test_other_images_are_refused(generated, real, options, match, weights):
    with pytest.raises(ValueError, match=match):
        metrics.fid(generated, real, weights=weights, extractor=NAME, **options)


def test_a_file_that_holds_more_than_tensors_is_refused(fidelity, tmp_path):
    import torch

    path = tmp_path / "weights.pth"
    torch.save({"matrix.weight": StandIn()}, path)
    x = np.zeros((4, 8, 8, 3))
    with pytest.raises(ValueError, match="more than tensors"):
        metrics.fid(x, x, weights=path, extractor=NAME)
