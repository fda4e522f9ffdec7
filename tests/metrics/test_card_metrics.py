"""Which metrics a model has, and how they stand on a card."""

import pytest
from support.stand_in import classifier_that

import zoo
from zoo import metrics
from zoo.metrics import card_metrics
from zoo.models import CLASSES


def names_of(model):
    return [metric["name"] for metric in metrics.evaluate(model, "digits")]


@pytest.mark.slow
def test_every_model_gets_the_metrics_that_fit_it(vae, cvae):
    first, last = "reconstruction error", "nearest-neighbor accuracy"
    elbo = ["negative ELBO", "KL divergence", "active units"]
    assert names_of(vae) == [first, *elbo, last]
    assert names_of(cvae) == [first, *elbo]
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
    restored = [f"PSNR at {n}" for n in ("25 % masking", "50 % masking", "10 % salt and pepper")]
    assert names_of(denoising) == [first, *restored, *probes, "Jacobian norm"]
    options = {"hidden_units": (4,), "corruption": zoo.GaussianNoise(0.1)}
    noisy = zoo.DenoisingAutoencoder((8, 8, 1), 2, **options)
    restored.append("PSNR at Gaussian noise of 0.2")
    assert names_of(noisy) == [first, *restored, *probes, "Jacobian norm"]
    m1 = zoo.M1((8, 8, 1), 2, hidden_units=(4,), num_classes=10)
    assert names_of(m1) == [first, "classification error", *elbo, last]
    stacked = zoo.M1M2(m1, 2, hidden_units=(4,), num_classes=10)
    assert names_of(stacked) == [first, "classification error"]  # it bounds no images
    to_prior = "sliced Wasserstein distance to the prior"
    adversarial = zoo.AAE((8, 8, 1), 2, hidden_units=(4,))
    assert names_of(adversarial) == [first, to_prior, last]
    noisy = {"num_classes": 10, "hidden_units": (4,), "corruption": {"masking": 0.1}}
    sorting = zoo.ClusteringAAE((8, 8, 1), 2, **noisy)  # damage makes it no model that restores
    assert names_of(sorting) == [first, "clustering error", to_prior]
    assert "PSNR at 25 % masking" in names_of(zoo.CVAE((8, 8, 1), 2, **noisy))


def test_generated_classes_are_counted_if_there_is_a_reference_classifier(
    cvae, digits, monkeypatch
):
    monkeypatch.setitem(metrics.REFERENCE_CLASSIFIERS, "digits", {"test_accuracy": 98.5})
    always_right = classifier_that(lambda asked: asked)
    monkeypatch.setattr(card_metrics, "load_reference_classifier", lambda name: always_right)
    found = {metric["name"]: metric for metric in metrics.evaluate(cvae, "digits")}
    assert found["generated class accuracy"]["value"] == 100
    assert "98.50 % of the test images" in found["generated class accuracy"]["protocol"]


def test_classes_name_only_registered_metrics_each_once():
    for cls in CLASSES.values():
        assert set(cls.card_metrics) <= set(metrics.CARD_METRICS), cls
        assert len(set(cls.card_metrics)) == len(cls.card_metrics), cls


def test_every_registered_metric_is_named_by_a_class():
    named = {name for cls in CLASSES.values() for name in cls.card_metrics}
    assert named == set(metrics.CARD_METRICS)
    assert all(name == metric.name for name, metric in metrics.CARD_METRICS.items())


@pytest.mark.parametrize("name", zoo.list_models())
def test_a_card_has_metrics_that_its_class_names_in_their_order(name):
    card = zoo.card(name)
    found = [metric["name"] for metric in card["figures"]]
    named = CLASSES[card["class"]].card_metrics
    in_order = [name for name in metrics.CARD_METRICS if name in named]
    assert found == [name for name in in_order if name in found]


def test_a_class_with_an_unknown_metric_is_refused():
    class Misspelled(zoo.VAE):
        card_metrics = (*zoo.VAE.card_metrics, "negative elbow")

    with pytest.raises(ValueError, match="Misspelled.card_metrics names 'negative elbow'"):
        metrics.evaluate(Misspelled((8, 8, 1), 2, hidden_units=(4,)), "digits")


def test_without_labels_no_metric_that_needs_them_is_measured(vae, digits, monkeypatch):
    (x, _), (x_test, _) = digits
    monkeypatch.setattr(zoo.data, "load", lambda name: ((x, None), (x_test, None)))
    assert "nearest-neighbor accuracy" not in names_of(vae)
    m1 = zoo.M1((8, 8, 1), 2, hidden_units=(4,), num_classes=10)
    assert "classification error" not in names_of(m1)
    clustering = zoo.ClusteringAAE((8, 8, 1), 2, hidden_units=(4,), num_classes=10)
    assert "clustering error" not in names_of(clustering)
    contractive = names_of(zoo.ContractiveAutoencoder((8, 8, 1), 2))
    assert contractive == ["reconstruction error", "mean activity", "saturation", "Jacobian norm"]


@pytest.mark.slow
def test_log_likelihoods_are_measured_on_binary_pixels_with_more_samples_where_they_matter(
    digits, monkeypatch
):
    x, y = digits[1][0][:20], digits[1][1][:20]
    monkeypatch.setattr(zoo.data, "load", lambda name: ((x, y), (x, y)))
    few, many = (f"negative log-likelihood, {samples} samples" for samples in (200, 5000))
    options = {"hidden_units": (4,), "binarize": "threshold"}
    assert {few, many} <= set(names_of(zoo.VAE((8, 8, 1), 2, **options)))
    assert {few, many} <= set(names_of(zoo.VAE((8, 8, 1), 2, likelihood="categorical")))
    found = names_of(zoo.M1((8, 8, 1), 2, num_classes=10, **options))  # compared by its error
    assert few in found
    assert many not in found
    for likelihood in ("bernoulli", "gaussian"):  # gray pixels, and a density of real ones
        assert few not in names_of(zoo.VAE((8, 8, 1), 2, likelihood=likelihood))


def test_metrics_are_reported_one_by_one_with_protocol_and_command(vae):
    reported = []
    found = metrics.evaluate(vae, "digits", command="measure", report=reported.append)
    assert found == reported
    for metric in found:
        assert set(metric) == {"name", "value", "unit", "protocol", "command"}
        assert metric["command"] == "measure"
        assert metric["protocol"].endswith("(360 test images of digits, none left out)")


def test_metrics_are_the_same_when_measured_again(vae):
    assert metrics.evaluate(vae, "digits") == metrics.evaluate(vae, "digits")


def test_values_keep_four_significant_digits():
    assert [card_metrics.rounded(v) for v in (123.456, 0.0123456, 9.99996)] == [
        123.5,
        0.01235,
        10.0,
    ]


@pytest.mark.parametrize(
    "name", [n for n in zoo.list_models() if zoo.card(n)["recipe"]["data"] == "digits"]
)
def test_the_card_of_a_preset_on_bundled_data_can_be_measured_again(name):
    recorded = {metric["name"]: metric["value"] for metric in zoo.card(name)["figures"]}
    for metric in metrics.evaluate(zoo.load(name), "digits"):
        assert metric["value"] == pytest.approx(recorded[metric["name"]], rel=2e-3)
