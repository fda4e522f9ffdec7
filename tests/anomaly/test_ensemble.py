"""Means of several detectors, which differ only in their seeds."""

import json

import numpy as np
import pytest
from support.scores import assert_same_scores

import export
import zoo
from zoo.anomaly import Detector, DetectorEnsemble, load, saving
from zoo.cli.main import main
from zoo.presets.card import describe
from zoo.presets.hashed_files import digest

generator = np.random.default_rng(0)
ROWS = generator.normal(size=(120, 3)) @ generator.normal(size=(3, 6))
IMAGES = generator.random((60, 16, 16, 1), np.float32)
SIGNALS = generator.normal(size=(40, 16, 2)).astype("float32")
DATA = {"rows": ROWS.astype("float32"), "images": IMAGES, "signals": SIGNALS}
SETTINGS = {
    "rows": {"latent_dim": 2, "hidden_units": (8,), "standardize": True, "names": list("abcdef")},
    "images": {"latent_dim": 2, "hidden_units": (8,), "score": "calibrated_error"},
    "signals": {"latent_dim": 2, "hidden_units": (8,), "network": "dense"},
}
pytestmark = pytest.mark.filterwarnings("ignore:quantile=")
FIT = {"epochs": 2, "verbose": 0}


@pytest.fixture(scope="module", params=DATA)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def ensemble(kind):
    made = DetectorEnsemble("Autoencoder", members=3, seed=4, quantile=0.7, **SETTINGS[kind])
    return made.fit(DATA[kind], **FIT)


@pytest.mark.slow
def test_scores_and_maps_are_means_of_detectors_with_these_seeds(kind, ensemble):
    x = DATA[kind]
    order = np.random.default_rng(4).permutation(len(x))  # as of one detector with this seed
    held_out = x[np.sort(order[: round(0.1 * len(x))])]
    kept = x[np.sort(order[round(0.1 * len(x)) :])]
    alone = [
        Detector("Autoencoder", quantile=0.7, seed=seed, **SETTINGS[kind]).fit(
            kept, validation_data=held_out, **FIT
        )
        for seed in (4, 5, 6)
    ]
    found = [one.scores(x) for one in alone]
    assert not np.allclose(found[0], found[1], rtol=1e-3)
    np.testing.assert_allclose(ensemble.scores(x), np.mean(found, axis=0), rtol=1e-4)
    rated = np.mean([one.scores(held_out) for one in alone], axis=0)
    assert ensemble.threshold == pytest.approx(
        zoo.anomaly.thresholds.of_scores("quantile", 0.7, rated)
    )
    for method in ("explain", "reconstruct", *(["maps"] if kind == "images" else [])):
        expected = np.mean([getattr(one, method)(x) for one in alone], axis=0)
        np.testing.assert_allclose(getattr(ensemble, method)(x), expected, rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(
        ensemble.predict(x) == -1, ensemble.scores(x) > np.float32(ensemble.threshold)
    )


@pytest.mark.slow
def test_it_is_exported_as_one_graph(kind, ensemble, tmp_path):
    x = DATA[kind]
    export.export_model(ensemble, tmp_path / "out", formats="onnx", images=x)
    assert len([*(tmp_path / "out").rglob("*.onnx")]) == 1
    found = export.load(tmp_path / "out" / "detector")(x=x)
    assert_same_scores(found["score"], ensemble.scores(x))
    np.testing.assert_array_equal(found["is_anomaly"] == 1, ensemble.predict(x) == -1)
    shown = ensemble.maps(x) if kind == "images" else ensemble.explain(x)
    np.testing.assert_allclose(found["map"], shown, rtol=1e-3, atol=1e-5)
    stated = json.loads((tmp_path / "out" / "detector" / "signature.json").read_text())
    normal = [m.normal_error for m in ensemble.members]
    expected = np.mean(normal, axis=0).tolist() if kind == "signals" else None
    assert stated["outputs"][2].get("normal_error") == expected
    other = export.load(tmp_path / "out" / "detector")(x=x, threshold=0.0)
    assert other["is_anomaly"].sum() > found["is_anomaly"].sum()


def test_it_is_saved_and_loaded(kind, ensemble, tmp_path):
    ensemble.save(tmp_path / "mine")
    again = load(tmp_path / "mine")
    np.testing.assert_array_equal(again.scores(DATA[kind]), ensemble.scores(DATA[kind]))
    assert (again.threshold, again.rule_value) == (ensemble.threshold, 0.7)
    assert again.names == ensemble.names
    assert repr(again) == repr(ensemble)
    again.threshold = 1.5  # what a user may set
    with pytest.raises(AttributeError, match="cannot be set, because a saved detector"):
        again.quantile = 0.8


def test_the_rule_can_be_set_again(ensemble):
    before = ensemble.threshold
    ensemble.quantile = 0.5
    assert ensemble.threshold == pytest.approx(np.median(ensemble.calibration), rel=0.2)
    assert ensemble.threshold < before
    ensemble.quantile = 0.7
    assert ensemble.threshold == before


@pytest.mark.slow
def test_anomalies_in_the_training_data_are_trimmed_by_each_member():
    x = ROWS.astype("float32").copy()
    x[:6] *= 20
    made = DetectorEnsemble("Autoencoder", members=2, contamination=0.05, latent_dim=2)
    made.fit(x, epochs=5, verbose=0)
    np.testing.assert_array_equal(np.flatnonzero(made.predict(x) == -1), np.arange(6))


@pytest.mark.slow
def test_after_an_interrupted_fit_there_is_no_threshold(monkeypatch):
    """The old one would belong to other members."""
    made = DetectorEnsemble("Autoencoder", members=2, quantile=0.9, **SETTINGS["rows"])
    made.fit(DATA["rows"], **FIT)
    before = made.threshold
    with pytest.raises(ValueError, match="x has 1 row"):
        made.fit(DATA["rows"][:1], **FIT)
    assert made.threshold == before
    fit = Detector.fit

    def interrupted(member, x, **options):
        if member is made.members[1]:
            raise KeyboardInterrupt
        return fit(member, x, **options)

    monkeypatch.setattr(Detector, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        made.fit(DATA["rows"], train=True, **FIT)
    with pytest.raises(ValueError, match=r"call fit\(x\) first"):
        made.predict(DATA["rows"])


def test_worst_channels_are_those_of_the_mean_errors():
    x = SIGNALS.copy()
    made = DetectorEnsemble("Autoencoder", members=2, quantile=0.9, **SETTINGS["signals"]).fit(
        x, **FIT
    )
    x[3, 5:8, 1] += 30
    assert made.worst_channels(x[3:4])[0].channel == 1


@pytest.mark.slow
def test_a_report_is_written_from_a_saved_ensemble(tmp_path, capsys):
    made = DetectorEnsemble("Autoencoder", members=2, quantile=0.9, **SETTINGS["rows"])
    made.fit(DATA["rows"], **FIT).save(tmp_path / "mine")
    np.savetxt(
        tmp_path / "new.csv", DATA["rows"][:20], delimiter=",", header="a,b,c,d,e,f", comments=""
    )
    folder, table = str(tmp_path / "mine"), str(tmp_path / "new.csv")
    main(["detect", folder, table, "--out", str(tmp_path / "report")])
    assert "of 20 items are above" in capsys.readouterr().out
    page = (tmp_path / "report" / "report.html").read_text()
    assert "mean over 2 models" in page
    assert main(["renew", folder, table, "--out", str(tmp_path / "new")]) == 1
    assert "is a DetectorEnsemble: fit it on the new data" in capsys.readouterr().err


def test_arguments_are_checked():
    with pytest.raises(TypeError, match=r"give the name of a class .*DetectorEnsemble\("):
        DetectorEnsemble(zoo.Autoencoder((4,), 2, hidden_units=(4,)))
    for members in (1, 101):
        with pytest.raises(ValueError, match="members"):
            DetectorEnsemble("VAE", members=members)
    with pytest.raises(ValueError, match=r"call fit\(x\) first"):
        DetectorEnsemble("VAE").parts()


@pytest.fixture
def folder(tmp_path):
    made = DetectorEnsemble("Autoencoder", members=2, quantile=0.9, **SETTINGS["rows"])
    made.fit(DATA["rows"], **FIT).save(tmp_path / "mine")
    return tmp_path / "mine"


def changed(folder, **entries):
    """Write entries into the file of an ensemble, with the hash that belongs to them."""
    content = json.loads((folder / saving.FILE).read_text()) | entries
    content["sha256"] = digest(content)
    (folder / saving.FILE).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"members": []}, "invalid members"),
        ({"members": ["0" * 64] * 2}, "does not match the sha256"),
        ({"members": [1, 2]}, "invalid members"),
        ({"threshold": 1e39}, "invalid rule or threshold"),
        ({"rule": "never"}, "invalid rule or threshold"),
        ({"rule_value": 7}, "invalid rule of the threshold"),
    ],
)
def test_altered_files_are_refused(folder, entries, said):
    changed(folder, **entries)
    with pytest.raises(ValueError, match=said):
        load(folder)


def test_an_altered_file_is_refused_by_its_hash(folder):
    path = folder / saving.FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"threshold": 1.0}))
    with pytest.raises(ValueError, match="does not match the sha256 that it states"):
        load(folder)


def hashes(folder):
    """Return the SHA-256 of the two members in a folder, which its own file must state."""
    files = [(folder / number / saving.FILE).read_bytes() for number in ("1", "2")]
    return [describe(content)["sha256"] for content in files]


@pytest.mark.parametrize(
    "other",
    [{"score": "reconstruction"}, {"model": "VAE"}, {"names": list("abcdez")}],
    ids=["score", "class", "names"],
)
def test_members_that_do_not_belong_together_are_refused(folder, other):
    member = Detector(quantile=0.9, **SETTINGS["rows"] | {"model": "Autoencoder"} | other)
    member.fit(DATA["rows"], **FIT).save(folder / "2", overwrite=True)
    changed(folder, members=hashes(folder))
    with pytest.raises(ValueError, match="differ in class, shape, score or names"):
        load(folder)


def test_an_ensemble_of_ensembles_is_refused(folder):
    """A member is a detector with one model, so that a file cannot make loading recurse."""
    (folder / "2" / saving.FILE).write_bytes((folder / saving.FILE).read_bytes())
    changed(folder, members=hashes(folder))
    with pytest.raises(ValueError, match="has an invalid score"):
        load(folder)
