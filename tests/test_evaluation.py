"""Figures agree with independent implementations and closed forms."""

import hashlib

import numpy as np
import pytest
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

import zoo
from zoo import evaluation
from zoo.evaluation import judge, measures


@pytest.fixture(scope="module")
def vae():
    return zoo.VAE((8, 8, 1), 3, hidden_units=(16,), prior=zoo.Normal(3, scale=2.0))


@pytest.fixture(scope="module")
def cvae():
    return zoo.CVAE((8, 8, 1), 2, hidden_units=(16,), num_classes=10)


class Codes:
    """A stand-in for a model that gives chosen codes, moments or images."""

    conditional = False

    def __init__(self, **functions):
        self.__dict__.update(functions)


# Representations


def test_the_signal_to_noise_ratio_is_scikit_learns_error_in_decibels():
    x, noisy = np.random.default_rng(0).random((2, 3, 4, 4, 1))
    from sklearn.metrics import mean_squared_error

    errors = [mean_squared_error(a.ravel(), b.ravel()) for a, b in zip(x, noisy, strict=True)]
    assert measures.psnr(noisy, x) == pytest.approx(np.mean(10 * np.log10(1 / np.array(errors))))


def test_the_jacobian_norm_is_that_of_finite_differences(digits):
    model = zoo.Autoencoder((8, 8, 1), 3, hidden_units=(6,), activation="tanh")
    x = 0.1 + 0.8 * digits[0][0][:5]
    rows = []
    for i in range(64):
        e = np.zeros(64, "float32")
        e[i] = 1e-2
        e = e.reshape(8, 8, 1)
        rows.append((model.encode(x + e) - model.encode(x - e)) / 2e-2)
    expected = np.sqrt(np.sum(np.square(rows), axis=(0, 2))).mean()
    assert measures.jacobian_norm(model, x) == pytest.approx(expected, rel=1e-3)


def test_saturated_units_are_counted(plain):
    codes = np.array([[0.01, 0.5, 0.96, 0.94]])
    model = Codes(encode=lambda x: codes, encoder=plain.encoder)
    assert measures.saturation(model, None) == 50


def test_a_linear_probe_is_perfect_on_codes_that_are_labels(digits):
    train, test = (tuple(column[:300] for column in part) for part in digits)
    by_image = {x.tobytes(): y for x, y in zip(*train, strict=True)}
    by_image |= {x.tobytes(): y for x, y in zip(*test, strict=True)}
    one_hot = Codes(encode=lambda x: np.eye(10)[[by_image[image.tobytes()] for image in x]])
    assert measures.linear_probe_accuracy(one_hot, train, test) == 100


def test_the_principal_subspace_itself_is_at_no_angle(digits):
    x = digits[0][0]
    pca = PCA(3).fit(x.reshape(len(x), -1))
    mixed = np.random.default_rng(0).standard_normal((3, 3)) @ pca.components_
    model = Codes(latent_dim=3, decode=lambda z: (z @ mixed + 5.0).reshape(-1, 8, 8, 1))
    assert measures.angle_to_principal_subspace(model, x) == pytest.approx(0, abs=1e-3)


# Sliced Wasserstein


def test_equal_samples_are_no_distance_apart():
    a = np.random.default_rng(0).standard_normal((50, 3))
    assert measures.sliced_wasserstein(a, a) == 0
    assert measures.sliced_wasserstein(a, a[::-1]) == pytest.approx(0, abs=1e-12)


def test_in_one_dimension_it_is_the_distance_of_the_sorted_values():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((40, 1)), 2 * rng.standard_normal((40, 1)) + 1
    expected = np.sqrt(np.mean((np.sort(a[:, 0]) - np.sort(b[:, 0])) ** 2))
    assert measures.sliced_wasserstein(a, b) == pytest.approx(expected)
    assert measures.sliced_wasserstein(a, b) >= stats.wasserstein_distance(a[:, 0], b[:, 0])


def test_two_points_are_as_far_apart_as_scipy_says():
    a, b = np.array([[2.0]]), np.array([[-1.5]])
    assert measures.sliced_wasserstein(a, b) == pytest.approx(
        stats.wasserstein_distance(a[:, 0], b[:, 0])
    )


@pytest.mark.parametrize("dimensions", [2, 5])
def test_a_shift_is_its_length_over_the_root_of_the_dimensions(dimensions):
    rng = np.random.default_rng(0)
    a, shift = rng.standard_normal((30, dimensions)), rng.standard_normal(dimensions)
    expected = np.linalg.norm(shift) / np.sqrt(dimensions)
    found = measures.sliced_wasserstein(a, a + shift, directions=20000)
    assert found == pytest.approx(expected, rel=0.02)  # 20,000 random directions: within 1 %


def test_it_is_symmetric_seeded_and_wants_equal_shapes():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 30, 3))
    first = measures.sliced_wasserstein(a, b, seed=1)
    assert measures.sliced_wasserstein(b, a, seed=1) == pytest.approx(first)
    assert measures.sliced_wasserstein(a, b, seed=2) != first
    with pytest.raises(ValueError, match=r"shapes \(30, 3\) and \(29, 3\)"):
        measures.sliced_wasserstein(a, b[1:])


# The bound


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def test_the_bound_is_the_one_that_numpy_computes(vae, digits):
    x = digits[0][0][:50]
    moments = vae.encoder.predict(x, verbose=0)
    mean, variance = moments["z_mean"].astype("float64"), np.exp(moments["z_log_var"])
    kl = (np.log(2) - 0.5 * np.log(variance) + (variance + mean**2) / 8 - 0.5).sum(axis=1)
    noise = np.random.default_rng(3).standard_normal(mean.shape, np.float32)
    logits = vae.decoder.predict(mean + np.sqrt(variance) * noise, verbose=0).astype("float64")
    cross_entropy = (softplus(logits) - x * logits).sum(axis=(1, 2, 3))
    bound, divergence = measures.negative_bound(vae, x, seed=3)
    assert divergence == pytest.approx(kl.mean(), rel=1e-4)
    assert bound == pytest.approx((cross_entropy + kl).mean(), rel=1e-5)


def test_the_bound_is_that_of_the_training_loss(vae, digits):
    x = digits[0][0][:400]
    vae.compile()
    logs = vae.evaluate(x, verbose=0, return_dict=True)
    bound, divergence = measures.negative_bound(vae, x)
    assert divergence == pytest.approx(logs["kl"], rel=1e-4)
    assert bound == pytest.approx(logs["loss"], rel=0.02)  # each has draws of its own


def test_the_bound_of_a_conditional_model_takes_its_labels(cvae, digits):
    x, y = (part[:50] for part in digits[0])
    mean, log_var = (moment.astype("float64") for moment in cvae.posterior_moments(x, y))
    expected = stats.norm(0, 1)
    z = np.random.default_rng(0).standard_normal((20000, 1, 2))
    draws = mean[:5] + np.exp(log_var[:5] / 2) * z
    density = stats.norm(mean[:5], np.exp(log_var[:5] / 2)).logpdf(draws)
    sampled = (density - expected.logpdf(draws)).sum(axis=-1).mean()
    _, divergence = measures.negative_bound(cvae, x[:5], y[:5])
    assert divergence == pytest.approx(sampled, abs=0.05)
    assert measures.negative_bound(cvae, x, y) != measures.negative_bound(cvae, x, 9 - y)


# Codes


def test_units_are_active_where_their_means_vary():
    rng = np.random.default_rng(0)
    means = rng.standard_normal((5000, 4)) * np.array([1.0, 0.2, 0.05, 0.0]) + 7
    model = Codes(posterior_moments=lambda x, labels=None: (means, None))
    assert measures.active_units(model, None) == 2
    assert measures.active_units(model, None, threshold=0.5) == 1
    assert measures.active_units(model, None, threshold=0.0005) == 3


def test_the_reconstruction_error_is_that_of_pca(digits):
    (x, _), (x_test, _) = digits
    pca = PCA(5).fit(x.reshape(-1, 64))
    flat = x_test.reshape(-1, 64).astype("float64")
    images = pca.inverse_transform(pca.transform(flat)).reshape(x_test.shape)
    model = Codes(reconstruct=lambda x, labels=None: images)
    total = np.sum(((flat - pca.mean_) @ (np.eye(64) - pca.components_.T @ pca.components_)) ** 2)
    assert measures.reconstruction_error(model, x_test) == pytest.approx(total / 360)


def test_neighbours_vote_as_in_scikit_learn(vae, digits):
    (x, y), (x_test, y_test) = digits
    classifier = KNeighborsClassifier(5, algorithm="kd_tree").fit(vae.encode(x), y)
    expected = 100 * classifier.score(vae.encode(x_test), y_test)
    found = measures.neighbour_accuracy(vae, *digits)
    assert found == pytest.approx(expected, abs=0.3)  # one image, where distances tie


def test_codes_that_are_the_classes_are_always_right(digits):
    codes = {len(y): np.eye(10)[y] for _, y in digits}
    model = Codes(encode=lambda x: codes[len(x)])
    assert measures.neighbour_accuracy(model, *digits) == 100


# Judges


def judging(choose):
    """A judge that answers what `choose` makes of the classes that were asked for, in turn."""

    def predict(images, **options):
        del options
        return np.eye(10)[choose(np.arange(len(images)) % 10)]

    return Codes(predict=predict)


@pytest.mark.parametrize(
    ("choose", "accuracy"),
    [
        (lambda asked: asked, 100.0),
        (lambda asked: (asked + 1) % 10, 0.0),
        (lambda asked: np.zeros_like(asked), 10.0),
    ],
)
def test_generated_classes_are_counted(choose, accuracy, cvae):
    found = measures.generated_class_accuracy(cvae, judging(choose), n=200)
    assert found == pytest.approx(accuracy)


def test_the_classification_error_counts_other_labels():
    model = Codes(predict_labels=lambda x: np.array([0, 1, 2, 2]))
    assert measures.classification_error(model, np.zeros(4), np.array([0, 1, 1, 2])) == 25


def test_the_judge_sees_what_was_generated(cvae):
    seen = []

    def predict(images, **options):
        del options
        seen.append(images)
        return np.eye(10)[[0] * len(images)]

    measures.generated_class_accuracy(cvae, Codes(predict=predict), n=30, seed=4)
    labels = [*range(10)] * 3
    np.testing.assert_allclose(seen[0], cvae.generate(labels=labels, seed=4), atol=1e-6)


def test_a_judge_tells_ten_classes_of_28_by_28_apart():
    network = judge.build()
    assert (network.input_shape, network.output_shape) == ((None, 28, 28, 1), (None, 10))


def test_an_unknown_judge_is_refused():
    with pytest.raises(ValueError, match=r"no judge for 'digits'; there are: mnist"):
        evaluation.load_judge("digits")


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """A judge's weights in a folder of the test's own."""
    path = tmp_path / "judge_mnist.weights.h5"
    network = judge.build()
    network.save_weights(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(judge, "_path", lambda name: path)
    monkeypatch.setitem(judge.JUDGES, "mnist", {"sha256": digest, "test_accuracy": 99.0})
    return path, network


def test_a_judge_is_loaded_with_its_weights(shipped):
    _, network = shipped
    for old, new in zip(network.weights, evaluation.load_judge("mnist").weights, strict=True):
        np.testing.assert_array_equal(old.numpy(), new.numpy())


def test_an_altered_judge_is_refused(shipped):
    path, _ = shipped
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="was altered"):
        evaluation.load_judge("mnist")


# Which figures a model gets


def names_of(model):
    return [figure["name"] for figure in evaluation.evaluate(model, "digits")]


def test_every_model_gets_the_figures_that_fit_it(vae, cvae):
    first, last = "reconstruction error", "nearest-neighbour accuracy"
    bound = ["negative bound", "divergence", "active units"]
    assert names_of(vae) == [first, *bound, last]
    assert names_of(cvae) == [first, *bound]
    probes = [last, "linear probe accuracy"]
    assert names_of(zoo.Autoencoder((8, 8, 1), 2, hidden_units=(4,))) == [
        first,
        *probes,
        "Jacobian norm",
    ]
    linear = zoo.Autoencoder((8, 8, 1), 2, hidden_units=(), likelihood="squared_error")
    assert names_of(linear) == [first, *probes, "angle to PCA", "Jacobian norm"]
    contractive = zoo.ContractiveAutoencoder((8, 8, 1), 2)
    activity = ["mean activity", "saturation", "Jacobian norm"]
    assert names_of(contractive) == [first, *probes, *activity]
    target_prop = zoo.TargetPropAutoencoder((8, 8, 1), 2, hidden_units=(4,))
    assert names_of(target_prop) == [first, "reconstruction error of refined codes", last]
    denoising = zoo.DenoisingAutoencoder((8, 8, 1), 2, hidden_units=(4,))
    restored = [f"restored, {n}" for n in ("25 % masked", "50 % masked", "10 % salt and pepper")]
    assert names_of(denoising) == [first, *restored, *probes, "Jacobian norm"]
    m1 = zoo.M1((8, 8, 1), 2, hidden_units=(4,), num_classes=10)
    assert names_of(m1) == [first, "classification error", *bound, last]
    stacked = zoo.M1M2(m1, 2, hidden_units=(4,), num_classes=10)
    assert names_of(stacked) == [first, "classification error"]  # it bounds no images
    adversarial = zoo.AAE((8, 8, 1), 2, hidden_units=(4,))
    assert names_of(adversarial) == [first, "distance of codes to prior", last]
    noisy = {"num_classes": 10, "hidden_units": (4,), "corruption": {"masking": 0.1}}
    sorting = zoo.ClusteringAAE((8, 8, 1), 2, **noisy)  # damage makes it no model that restores
    assert names_of(sorting) == [first, "clustering error", "distance of codes to prior"]
    assert "restored, 25 % masked" in names_of(zoo.CVAE((8, 8, 1), 2, **noisy))


def test_a_conditional_model_is_judged_where_there_is_a_judge(cvae, digits, monkeypatch):
    monkeypatch.setitem(judge.JUDGES, "digits", {"test_accuracy": 98.5})
    monkeypatch.setattr(judge, "load_judge", lambda name: judging(lambda asked: asked))
    found = {figure["name"]: figure for figure in evaluation.evaluate(cvae, "digits")}
    assert found["generated class accuracy"]["value"] == 100
    assert "98.50 % of the test images" in found["generated class accuracy"]["protocol"]


def test_figures_are_reported_one_by_one_with_protocol_and_command(vae):
    reported = []
    found = evaluation.evaluate(vae, "digits", command="measure", report=reported.append)
    assert found == reported
    for figure in found:
        assert set(figure) == {"name", "value", "unit", "protocol", "command"}
        assert figure["command"] == "measure"
        assert figure["protocol"].endswith("(360 test images of digits, none left out)")


def test_figures_are_the_same_when_measured_again(vae):
    assert evaluation.evaluate(vae, "digits") == evaluation.evaluate(vae, "digits")


def test_values_keep_four_significant_digits():
    assert [measures.rounded(v) for v in (123.456, 0.0123456, 9.99996)] == [123.5, 0.01235, 10.0]


@pytest.mark.parametrize(
    "name", [n for n in zoo.list_models() if zoo.card(n)["recipe"]["data"] == "digits"]
)
def test_the_card_of_a_preset_on_bundled_data_can_be_measured_again(name):
    recorded = {figure["name"]: figure["value"] for figure in zoo.card(name)["figures"]}
    for figure in evaluation.evaluate(zoo.load(name), "digits"):
        assert figure["value"] == pytest.approx(recorded[figure["name"]], rel=2e-3)
