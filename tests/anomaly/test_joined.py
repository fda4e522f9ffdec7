"""The score "joined" of rows: its formula, what it finds, its file, and its exported graph."""

import io
import json

import keras
import numpy as np
import pytest

import export
import zoo
from zoo.anomaly import Detector, load, neighbors_file, saving, scores
from zoo.anomaly.joined import Joined
from zoo.anomaly.neighbors import LEAST, NORMAL, WITH_ANOMALIES, Neighbors
from zoo.inference.compiled import run_in_batches
from zoo.presets.card import describe

TINY = {"latent_dim": 2, "hidden_units": (4,), "standardize": True}


def rows(n, seed, features=4):
    return np.random.default_rng(seed).normal(size=(n, features)).astype("float32")


def by_hand(neighbors, x, without=None):
    """Return s(x) of the formula, in loops; `without` is the number of x among the rows."""
    total = 0.0
    for group, (kept, sees) in enumerate(zip(neighbors.rows, neighbors.columns, strict=True)):
        found = []
        for i, row in enumerate(kept.astype("float64")):
            if without is not None and without in neighbors.sources[group][i]:
                continue
            found.append(sum((x[j] - row[j]) ** 2 for j in range(len(x)) if sees[j]) / sees.sum())
        total += 0.5 * np.log(min(found) + LEAST**2)
    return total / len(neighbors.rows)


@pytest.fixture(scope="module")
def detector():
    x = rows(80, 0) * [1, 10, 100, 1000]
    return Detector("VAE", quantile=0.9, **TINY).fit(x, epochs=1, verbose=0)


@pytest.mark.parametrize("normal", [False, True])
def test_distances_are_those_of_the_formula(normal):
    x, new = rows(70, 0), 3 * rows(8, 1)
    neighbors = Neighbors.drawn(x, 0, normal, np.arange(70) < 60)
    np.testing.assert_allclose(
        neighbors.distances_to(new), [by_hand(neighbors, row) for row in new], atol=1e-5
    )
    others = [by_hand(neighbors, row, without=i) for i, row in enumerate(x)]
    np.testing.assert_allclose(neighbors.distances_to_others(x), others, atol=1e-5)
    assert neighbors.rows.shape[:2] == (10, 60) if normal else WITH_ANOMALIES


def test_groups_see_half_of_the_columns_or_more_and_hold_means_of_three_near_rows():
    x = rows(400, 0, 10)
    neighbors = Neighbors.drawn(x, 0, True, np.ones(400, bool))
    assert neighbors.rows.shape == (*NORMAL, 10)
    seen = neighbors.columns.sum(axis=1)
    assert ((seen >= 5) & (seen <= 10)).all()
    assert len(set(seen)) > 2
    np.testing.assert_allclose(neighbors.rows, x[neighbors.sources].mean(axis=2), atol=1e-6)
    kept = {row.tobytes() for row in neighbors.rows.reshape(-1, 10)}
    assert not kept & {row.tobytes() for row in x}
    row, *alike = neighbors.sources[3, 7]
    nearest = np.argsort(((x - x[row]) ** 2).sum(axis=1))[:3]
    assert {row, *alike} == set(nearest.tolist())


def test_the_larger_score_counts_in_its_spread_over_the_training_rows():
    a, s = np.arange(101.0), -np.arange(101.0) / 50
    joined = Joined.fitted(None, a, s)
    assert (joined.centers, joined.scales) == ((50.0, -1.0), (40.0, pytest.approx(0.8)))
    found = keras.ops.convert_to_numpy(joined.larger(np.array([90.0, 50.0]), np.array([-1, 0.6])))
    np.testing.assert_allclose(found, [1.0, 2.0])
    alike = Joined.fitted(None, np.ones(9), np.zeros(9))
    assert min(alike.scales) > 0


@pytest.fixture(scope="module")
def apart():
    """Rows on a plane in eight dimensions with noise, and a few others near a point outside."""
    hidden = rows(600, 0, 2) @ rows(2, 1, 8) + 0.3 * rows(600, 2, 8)
    return np.concatenate([hidden, 0.3 * rows(30, 3, 8) + 3]), np.arange(630) >= 600


@pytest.mark.slow
def test_it_finds_what_lies_apart_though_a_network_learned_it(apart):
    from sklearn.metrics import roc_auc_score

    x, truth = apart
    settings = {"latent_dim": 4, "hidden_units": (16,), "contamination": 0.05, "standardize": True}
    detector = Detector("Autoencoder", **settings)
    detector.fit(x, trim=0, batch_size=32, epochs=10, verbose=0)
    alone = run_in_batches(detector.scored_by_model, x, batch_size=1024)
    assert roc_auc_score(truth, detector.scores(x)) > 0.85 > roc_auc_score(truth, alone)


@pytest.mark.parametrize("score", ["joined", "reconstruction"])
def test_what_lies_apart_is_not_learned(apart, score, monkeypatch):
    x, truth = apart
    seen, fit = [], zoo.Autoencoder.fit

    def noted(model, x, **options):
        seen.append(x)
        return fit(model, x, **options)

    monkeypatch.setattr(zoo.Autoencoder, "fit", noted)
    settings = {"latent_dim": 2, "hidden_units": (4,), "contamination": 0.1, "standardize": True}
    detector = Detector("Autoencoder", score=score, **settings).fit(x, epochs=1, verbose=0)
    (learned,) = seen
    left = {row.tobytes() for row in learned}
    kept = np.array([row.tobytes() in left for row in detector.standardized(x.astype("float32"))])
    assert (kept.sum(), kept[truth].sum() < 8) == (567, True)


@pytest.mark.parametrize("held_out", [0.0, 0.5])
def test_few_normal_rows_do_not_count_as_their_own_neighbors(held_out):
    x, new = rows(300, 0, 6), rows(4000, 1, 6)
    detector = Detector("Autoencoder", quantile=0.8, hidden_units=(8,), standardize=True)
    detector.fit(x, validation_split=held_out, epochs=3, verbose=0)
    assert 0.14 < (detector.predict(new) == -1).mean() < 0.26


@pytest.mark.parametrize("name", ["VAE", "Autoencoder", "AAE", "SparseAutoencoder"])
def test_rows_of_numbers_have_it_by_default(name):
    model = zoo.models.CLASSES[name]((4,), 2, hidden_units=(4,), likelihood="gaussian")
    assert Detector(model).score == "joined"


def test_other_items_do_not_have_it_by_default():
    categories = zoo.MixedColumns([0, 0, 0], [1, 1, 1], [(1, 3)])
    mixed = zoo.VAE((3,), 2, hidden_units=(4,), likelihood=categories)
    assert Detector(mixed).score == "elbo_at_mean"
    assert Detector(mixed, score="joined").own_score == "elbo_at_mean"
    assert Detector(zoo.RBM((4,), 2)).score == "energy"
    signals = zoo.VAE((16, 1), 2, hidden_units=(4,), likelihood="gaussian")
    assert Detector(signals).score == "elbo_at_mean"
    with pytest.raises(ValueError, match="score='joined' is for rows"):
        Detector(signals, score="joined")
    assert "joined" in scores.of_class(zoo.VAE)


@pytest.mark.slow
def test_a_new_threshold_keeps_the_rows_and_training_draws_them_again(detector):
    x = rows(80, 5) * [1, 10, 100, 1000]
    again = Detector("VAE", quantile=0.9, **TINY).fit(x, epochs=1, verbose=0)
    first = again.joined
    again.fit(2 * x)
    assert again.joined is first
    again.fit(2 * x, train=True, epochs=1, verbose=0)
    assert again.joined is not first


def test_a_training_that_is_refused_changes_no_score(detector):
    x = rows(80, 5) * [1, 10, 100, 1000]
    again = Detector("VAE", quantile=0.9, **TINY).fit(x, epochs=1, verbose=0)
    before = again.scores(x)
    with pytest.raises(ValueError, match="at least 10 are needed"):
        again.fit(x[:8], train=True, validation_split=0, verbose=0)
    np.testing.assert_array_equal(again.scores(x), before)


# Files


@pytest.fixture
def folder(detector, tmp_path):
    detector.save(tmp_path / "mine")
    return tmp_path / "mine"


def sealed(folder, content=None, **entries):
    """Change the file of the rows or entries of the detector's, and mend all checksums."""
    path = folder / saving.FILE
    found = json.loads(path.read_text())
    if content is not None:
        (folder / neighbors_file.FILE).write_bytes(content)
        found["joined"]["neighbors_sha256"] = describe(content)["sha256"]
    found["joined"] |= entries
    found["sha256"] = saving.digest(found)
    path.write_text(json.dumps(found))


def npy(array):
    written = io.BytesIO()
    np.save(written, array)
    return written.getvalue()


@pytest.mark.slow
def test_it_comes_back(detector, folder):
    again, x = load(folder), rows(30, 2) * [1, 10, 100, 1000]
    np.testing.assert_array_equal(again.scores(x), detector.scores(x))
    assert (again.joined.centers, again.own_score) == (detector.joined.centers, "elbo_at_mean")
    again.save(folder, overwrite=True)
    np.testing.assert_array_equal(load(folder).scores(x), detector.scores(x))


BOTH = np.ones((2, 3, 4), "float32")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        npy(BOTH)[:-1],
        npy(BOTH) + b"\0",
        npy(BOTH).replace(b"(2, 3, 4), }         ", b"(2, 3, 4000000000), }"),
        npy(BOTH.astype("float64")),
        npy(np.asfortranarray(BOTH)),
        npy(BOTH[0]),
        npy(BOTH[:, :1]),
        npy(BOTH[:0]),
        npy(BOTH[..., :3]),
        npy(BOTH * 0),
        npy(BOTH * np.float32(np.nan)),
        npy(BOTH * 2),
        npy(np.array([[[{}]]], object)),
    ],
)
def test_files_that_hold_anything_else_are_refused(folder, content):
    sealed(folder, content)
    with pytest.raises(ValueError, match=r"neighbors\.npy holds"):
        load(folder)


def test_a_file_that_was_changed_or_is_a_link_is_refused(folder, tmp_path):
    path = folder / neighbors_file.FILE
    content = path.read_bytes()
    path.write_bytes(content[:-4] + b"\0\0\0\1")
    with pytest.raises(ValueError, match="does not match the sha256"):
        load(folder)
    path.rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match="incomplete"):
        load(folder)
    (tmp_path / "elsewhere").write_bytes(content)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="is not a regular file of at most"):
        load(folder)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"own_score": "joined"}, "joins the unknown score 'joined'"),
        ({"own_score": "elbo"}, "joins the unknown score"),
        ({"own_score": "energy"}, "its model does not have"),
        ({"own_score": ["reconstruction"]}, "joins the unknown score"),
        ({"scales": [0.0, 1.0]}, "has an invalid joined"),
        ({"scales": [1.0]}, "has an invalid joined"),
        ({"centers": [0.0, 1e300]}, "has an invalid joined"),
        ({"centers": None}, "has an invalid joined"),
        ({"neighbors_sha256": 3}, "has an invalid joined"),
        ({"neighbors_sha256": "0" * 64}, "does not match the sha256"),
    ],
)
def test_entries_that_cannot_be_are_refused(folder, entries, said):
    sealed(folder, **entries)
    with pytest.raises(ValueError, match=said):
        load(folder)


@pytest.mark.slow
@pytest.mark.parametrize("variants", [(), ("float16", "int8")])
def test_the_exported_graph_has_the_same_scores(detector, tmp_path, variants):
    export.export_model(detector, tmp_path / "out", formats=("onnx",), variants=variants)
    x = (rows(30, 2) * [1, 10, 100, 1000]).astype("float32")
    found = export.load(tmp_path / "out" / "detector")(x=x)
    np.testing.assert_allclose(found["score"], detector.scores(x), atol=1e-4)
