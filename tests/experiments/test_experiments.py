"""Comparisons run from end to end on little data, and write what they found."""

import inspect
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import zoo
from zoo import data, experiments, recipes
from zoo.checks.names import UnknownNameError
from zoo.experiments import (
    adversarial,
    anomaly_tables,
    defaults,
    few_labels,
    glyphs,
    inspection,
    quick,
    representations,
    six_channels,
    super_resolution,
    table,
)

RESULTS = Path(__file__).parents[2] / "results"


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) for name in experiments.EXPERIMENTS]
)
def test_an_experiment_writes_its_table_with_protocol_and_command(name, few_images, tmp_path):
    trains = "epochs" in inspect.signature(experiments.EXPERIMENTS[name].run).parameters
    table = experiments.reproduce(name, tmp_path, quick=True, verbose=0)
    record = json.loads((tmp_path / f"{name}.json").read_text())
    assert record["command"].endswith(f"{name} --epochs 1 --quick" if trains else f"{name} --quick")
    assert (" 1 epochs" in record["protocol"]) == trains
    assert [len(row) for row in record["rows"]] == [len(record["columns"])] * len(table.rows)
    assert record["versions"].keys() == {"autoencoder-zoo", "keras", keras.backend.backend()}
    if record["picture"]:
        assert (tmp_path / record["picture"]).stat().st_size > 1000
    if table.animation:
        assert (tmp_path / record["animation"]).read_bytes()[:6] == b"GIF89a"


def test_a_table_is_split_and_standardized_by_its_training_rows(folder_of_tables, monkeypatch):
    monkeypatch.setenv("ZOO_DATA", str(folder_of_tables))
    x, x_test, y_test = anomaly_tables.split("few", 1)
    assert (x.shape, x_test.shape) == ((42, 2), (28, 2))  # without the constant column
    np.testing.assert_allclose(x.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(x.std(0), 1, rtol=1e-5)
    assert anomaly_tables.area("few", 1, lambda x, x_test, trial: x_test[:, 0]) == 1.0
    assert 0 < y_test.sum() < 7
    monkeypatch.setattr(anomaly_tables, "MOST_ROWS", 50)
    first, again, other = (anomaly_tables.split("few", trial)[0] for trial in (1, 1, 2))
    assert first.shape == (30, 2)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    with pytest.raises(FileNotFoundError, match="adbench/other.npz"):
        anomaly_tables.split("other", 1)


def test_so_many_labels_of_each_class_are_drawn():
    y = np.repeat(np.arange(10), 100)
    counts = few_labels.unequal(10, 1)
    assert (sorted(counts)[0], sorted(counts)[-1]) == (3, 60)
    assert not np.array_equal(counts, few_labels.unequal(10, 2))
    few = few_labels.draw(y, counts, 1)
    np.testing.assert_array_equal(np.bincount(few[few >= 0], minlength=10), counts)
    np.testing.assert_array_equal(few[few >= 0], y[few >= 0])
    np.testing.assert_array_equal(few, few_labels.draw(y, counts, 1))
    assert not np.array_equal(few, few_labels.draw(y, counts, 2))


def test_no_test_row_has_a_part_in_the_scale_of_a_table(folder_of_tables, monkeypatch):
    monkeypatch.setenv("ZOO_DATA", str(folder_of_tables))
    x, few, x_test, _ = few_labels.SPLITS["cardio, 3 and 60"](1)
    assert (x.shape, x_test.shape) == ((52, 3), (18, 3))
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(x[:, :2].std(axis=0), 1)
    assert (x[:, 2] == 0).all()  # constant
    assert (few == 1).sum() == 3


def test_a_painted_defect_is_a_small_part_of_each_image():
    images = np.full((40, 64, 64, 1), 0.5, "float32")
    painted = defaults.paint(images, 1)
    changed = painted != images
    np.testing.assert_allclose(np.unique(painted), [0.15, 0.5, 0.85], rtol=1e-5)
    counts = changed.sum(axis=(1, 2, 3))
    assert counts.min() >= 16
    assert counts.max() <= 64
    assert (defaults.paint(images, 1) == painted).all()
    assert (images == 0.5).all()


def test_the_largest_window_of_pca_is_that_of_the_detectors_score():
    x = np.random.default_rng(0).random((3, 9, 8, 2)).astype("float32")
    model = zoo.Autoencoder((9, 8, 2), 2, hidden_units=(4,))
    detector = zoo.anomaly.Detector(model, score="largest_error")
    found = defaults._largest_window(detector.explain(x))
    np.testing.assert_allclose(found, detector.scores(x), rtol=1e-5)


def test_rows_are_run_alone_and_the_others_kept(tmp_path, monkeypatch):
    def run(only=(), verbose=0):
        names = ["first", "second", "third"]
        chosen = table.chosen_rows(only, names)
        rows = [[n, len(only)] if n in chosen else [n] for n in names]
        return experiments.Table("T", "P", ("data", "value"), rows)

    rows = ["first", "second", "third"]
    toy = experiments.Experiment("toy", run, 1, "A toy.", lambda: rows)
    monkeypatch.setitem(experiments.EXPERIMENTS, "toy", toy)
    few = experiments.reproduce("toy", tmp_path, only=["third"])
    assert few.rows == [["third", 1]]
    (tmp_path / "toy.json").unlink()
    experiments.reproduce("toy", tmp_path)
    found = experiments.reproduce("toy", tmp_path, only=["third", "first"], overwrite=True)
    assert found.rows == [["first", 2], ["second", 0], ["third", 2]]
    assert json.loads((tmp_path / "toy.json").read_text())["rows"] == found.rows
    with pytest.raises(FileExistsError):
        experiments.reproduce("toy", tmp_path, only=["third"])
    with pytest.raises(UnknownNameError, match="did you mean 'third'"):  # not: it exists already
        experiments.reproduce("toy", tmp_path, only=["thirt"])
    with pytest.raises(ValueError, match="all rows together"):
        experiments.reproduce("energy", tmp_path, only=["x"])


def test_experiments_whose_rows_run_alone_know_the_names_of_these_rows(tmp_path, monkeypatch):
    alone = {name: one for name, one in experiments.EXPERIMENTS.items() if one.rows}
    taking = {
        name
        for name, one in experiments.EXPERIMENTS.items()
        if "only" in inspect.signature(one.run).parameters
    }
    assert alone.keys() == taking
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))  # names are known without data
    monkeypatch.setattr(data, "load", lambda name: pytest.fail(f"{name} was loaded"))
    for name in alone:
        rows = experiments.rows_of(name)
        assert len(rows) == len(set(rows)) >= 2, name
        with pytest.raises(UnknownNameError, match="did you mean"):
            experiments.reproduce(name, tmp_path, only=[f"{rows[0]}x"])
    measured = json.loads((RESULTS / "spread.json").read_text())["rows"]
    assert {row[0] for row in measured} <= set(experiments.rows_of("spread"))


def test_rows_that_two_runs_measure_at_the_same_time_are_kept(tmp_path, monkeypatch):
    def run(only=(), verbose=0):
        if only == ("first",):  # another run ends while this one measures
            experiments.reproduce("toy", tmp_path, only=["second"], overwrite=True)
        rows = [[n, 1] if n in only else [n] for n in ("first", "second")]
        return experiments.Table("T", "P", ("data", "value"), rows)

    toy = experiments.Experiment("toy", run, 1, "A toy.", lambda: ["first", "second"])
    monkeypatch.setitem(experiments.EXPERIMENTS, "toy", toy)
    found = experiments.reproduce("toy", tmp_path, only=["first"], overwrite=True)
    assert found.rows == [["first", 1], ["second", 1]]


def test_faults_of_six_channels_are_in_one_channel_each():
    normal = six_channels.normal(400, 0)
    assert (normal.dtype, normal.shape) == (np.float32, (400, 128, 6))
    deviation = normal.std(axis=(0, 1))
    assert (deviation / six_channels.SIZES > 0.3).all()
    assert (deviation / six_channels.SIZES < 3).all()
    x, channels, kinds = six_channels.faulty(400, 1)
    np.testing.assert_array_equal(six_channels.faulty(400, 1)[0], x)
    assert set(kinds) == set(six_channels.FAULTS)
    still = (np.diff(x, axis=1) == 0).sum(axis=1)  # [400, 6], steps without a change
    dropouts = kinds == "dropout"
    assert (still[dropouts].argmax(axis=1) == channels[dropouts]).all()
    assert (still[dropouts].max(axis=1) >= 20).all()
    assert still[~dropouts].max() < 3


def test_views_of_a_part_show_the_same_and_squares_anything(folder_of_tables, monkeypatch):
    monkeypatch.setenv("ZOO_DATA", str(folder_of_tables))
    generator = np.random.default_rng(0)
    views = inspection.views_of_a_part(3, 2, generator)
    files = inspection.files_of_bsds()
    squares = inspection.squares(3, files, generator)
    for x in (views, squares):
        assert (x.dtype, x.shape) == (np.float32, (3, 64, 64, 3))
        assert 0 <= x.min() < x.max() <= 1
    assert len(files) == 5
    with pytest.raises(FileNotFoundError, match=r"kodak/03.png .*01.png to 24.png"):
        inspection.views_of_a_part(1, 3, generator)


def test_gray_pixels_are_those_between_dark_and_bright_among_the_marked():
    images = np.array([[0.0, 0.05, 0.5, 0.95], [0.1, 0.11, 1.0, 0.89]])
    assert adversarial.gray_pixels(images) == 60.0  # 0.5, 0.11 and 0.89 of five


@pytest.mark.slow
def test_an_experiment_has_the_same_result_after_other_random_numbers(few_images, tmp_path):
    first = experiments.reproduce("penalties", tmp_path, quick=True, verbose=0)
    keras.utils.set_random_seed(77)
    again = experiments.reproduce("penalties", tmp_path, quick=True, overwrite=True, verbose=0)
    assert first.rows == again.rows


def test_edges_are_the_differences_of_neighbors_along_both_sides():
    stripes = np.tile([0.0, 1.0], (1, 4, 2))[..., None]  # columns differ by 1, rows by nothing
    assert super_resolution.edges(stripes) == 0.5


def test_the_linear_regression_solves_its_normal_equations():
    generator = np.random.default_rng(0)
    x, y = generator.random((50, 2, 2, 1)), 0.4 + 0.1 * generator.random((50, 4, 4, 1))
    a, b = x.reshape(50, -1), y.reshape(50, -1)
    centered = a - a.mean(0)
    inverse = np.linalg.inv(centered.T @ centered + super_resolution.SHRINKAGE * np.eye(4))
    expected = b.mean(0) + centered[:7] @ inverse @ centered.T @ (b - b.mean(0))
    found = super_resolution.regression(x, y, x[:7])
    np.testing.assert_allclose(found.reshape(7, -1), expected, atol=1e-5)


def test_bicubic_enlargement_keeps_a_plain_image_and_its_range():
    plain = np.full((1, 4, 4, 1), 0.3, "float32")
    found = super_resolution.bicubic(plain, (16, 16))
    np.testing.assert_allclose(found, np.full((1, 16, 16, 1), 0.3), atol=1e-6)
    steps = np.kron(np.eye(2), np.ones((2, 2))).reshape(1, 4, 4, 1).astype("float32")
    found = super_resolution.bicubic(steps, (16, 16))
    assert (found.min(), found.max()) == (0, 1)


def test_epochs_are_refused_for_experiments_without_training(tmp_path):
    with pytest.raises(ValueError, match="energy trains nothing"):
        experiments.reproduce("energy", tmp_path, epochs=7)


def test_the_error_for_an_unknown_experiment_has_the_nearest(tmp_path):
    with pytest.raises(UnknownNameError, match="sparsity"):
        experiments.reproduce("sparsty", tmp_path)


def test_the_error_of_pca_is_that_of_its_definition():
    x = np.random.default_rng(0).random((50, 4, 4, 1))
    flat = x.reshape(50, 16)
    mean = flat.mean(0)
    _, _, axes = np.linalg.svd(flat - mean)
    restored = mean + (flat - mean) @ axes[:3].T @ axes[:3]
    expected = np.sum((flat - restored) ** 2) / 50
    assert table.pca_error(x, x, 3) == pytest.approx(expected, rel=1e-3)


def test_the_support_vector_machine_is_the_best_on_validation_of_those_tried():
    from sklearn.svm import SVC

    (x, y), (x_test, y_test) = data.load("digits")
    train, validation, test = (x[:300], y[:300]), (x[300:400], y[300:400]), (x_test, y_test)

    def machine(gamma, c):
        return SVC(C=c, gamma=gamma).fit(x[:300].reshape(300, -1), y[:300])

    widths = (0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.1)
    machines = [machine(gamma, c) for gamma in widths for c in (1, 10)]
    best = max(machines, key=lambda m: m.score(x[300:400].reshape(100, -1), y[300:400]))
    expected = 100 * (1 - best.score(x_test.reshape(360, -1), y_test))
    assert representations.svm_error(train, validation, test) == pytest.approx(expected, abs=0.01)


@pytest.mark.slow
def test_fine_tuning_reports_the_test_error_of_the_best_validation_epoch():
    (x, y), test = data.load("digits")
    train, validation = (x[:1000], y[:1000]), (x[1000:], y[1000:])
    model = zoo.Autoencoder((8, 8, 1), 32, hidden_units=(), seed=1)
    slow, fast, both = (
        representations.fine_tuned_error(model, train, validation, test, 12, rates, verbose=0)
        for rates in ((1e-9,), (1e-2,), (1e-9, 1e-2))
    )
    assert fast == both < 20
    assert slow > 50


@pytest.mark.slow
def test_a_recipe_that_has_no_preset_is_trained(few_images, monkeypatch):
    """And the one that has one is loaded, where labels and seed are those of its recipe."""
    monkeypatch.setattr(zoo, "list_models", lambda: ["aae_mnist"])
    few = recipes.get
    monkeypatch.setattr(recipes, "get", lambda name: replace(few(name), epochs=1, validation=0))
    model, (x, y) = adversarial.trained("aae_mnist_swiss_roll", 1, 0, None, 0)
    assert isinstance(model, zoo.LabelInformedAAE)
    assert model.optimizer.iterations > 0
    assert len(x) == len(y) == 100
    model, _ = adversarial.trained("aae_mnist", recipes.get("aae_mnist").seed, 0, None, 0)
    assert model is zoo.load("aae_mnist")


def test_parzen_windows_lie_around_different_training_images_as_they_are_and_blurred(monkeypatch):
    """A point becomes a Gaussian: its sum stays, and its middle is known."""
    monkeypatch.setattr(adversarial, "GENERATED", 20)
    x = np.zeros((30, 28, 28, 1), "float32")
    x[:, 14, 14, 0] = np.arange(30)
    sharp, blurred = (
        adversarial._images_for_windows(name, x, 1, 0) for name in adversarial.WINDOWS[-2:]
    )
    assert len({*sharp[:, 14, 14, 0]}) == 20
    np.testing.assert_allclose(blurred.sum((1, 2, 3)), sharp.sum((1, 2, 3)), rtol=1e-5)
    at = np.exp(-0.5 * np.square(np.arange(-3, 4)) / adversarial.BLUR**2)
    np.testing.assert_allclose(
        blurred[:, 14, 14, 0], sharp[:, 14, 14, 0] * (at[3] / at.sum()) ** 2, rtol=1e-3
    )


def test_aaes_of_parzen_windows_are_trained_as_the_protocol_says(few_images, monkeypatch):
    monkeypatch.setattr(adversarial, "WIDE", (8, 8))
    monkeypatch.setattr(adversarial, "GENERATED", 50)
    trained, fit = [], adversarial.fit_adversarially

    def kept(model, *arguments):
        trained.append(model)
        fit(model, *arguments)

    monkeypatch.setattr(adversarial, "fit_adversarially", kept)
    protocol = adversarial.parzen_windows(1, tuple(adversarial.DROPPED), verbose=0).protocol
    assert [model.input_dropout for model in trained] == [0.0, 0.2]
    for update, rate in (("reconstruction", 1e-3), ("discriminator", 2e-4), ("generator", 5e-4)):
        assert f"{rate:g} ({update})" in protocol
        for model in trained:
            schedule = model.optimizer[update].get_config()["learning_rate"]["config"]
            assert schedule["initial_learning_rate"] == rate


def test_windows_around_one_kind_of_images_are_measured_alone(few_images, monkeypatch):
    asked = []

    def images(name, x, epochs, verbose):
        asked.append(name)
        return x[:5]

    monkeypatch.setattr(adversarial, "_images_for_windows", images)
    rows = adversarial.parzen_windows(only=("preset vae_mnist",), verbose=0).rows
    assert asked == ["preset vae_mnist"]
    assert [row[0] for row in rows] == [*adversarial.WINDOWS]
    assert [len(row) for row in rows] == [1, 1, 1, 5, 1, 1]


@pytest.mark.parametrize("run", [adversarial.adversarial_labels, adversarial.two_dimensions])
def test_beside_the_paper_no_discriminator_of_styles_sees_the_class(run, few_images, monkeypatch):
    trained = []

    def fit_recipe(recipe, *rest, states):
        trained.append(recipe.model["conditional_discriminator"])
        return SimpleNamespace(represent=lambda x: np.zeros((len(x), 2)))

    monkeypatch.setattr(adversarial, "fit_recipe", fit_recipe)
    monkeypatch.setattr(adversarial, "error", lambda model, x: 1.0)
    for measure in ("classification_error", "clustering_error"):
        monkeypatch.setattr(zoo.metrics, measure, lambda model, x, y: 1.0)
    with quick.little_data():
        run(verbose=0)
    assert trained == [False] * 3


@pytest.mark.slow
def test_a_preset_is_compared_with_new_weights_on_other_classes(monkeypatch):
    few = glyphs.draw
    monkeypatch.setattr(glyphs, "draw", lambda each, seed: few(min(each, 2), seed))
    monkeypatch.setattr(glyphs, "LENGTHS", (3,))
    monkeypatch.setattr(glyphs, "SEEDS", (1,))
    found = glyphs.glyphs(epochs=1)
    assert [len(row) for row in found.rows] == [len(found.columns)] == [5]
    assert found.rows[0][0] == 3


def test_characters_of_a_class_are_alike_and_the_same_for_a_seed():
    x, y = glyphs.draw(3, seed=1)
    assert x.shape == (60, 28, 28, 1)
    assert (x.min(), x.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(x, glyphs.draw(3, seed=1)[0])
    distances = np.square(x[:, None] - x[None]).sum(axis=(2, 3, 4))
    same = y[:, None] == y[None]
    assert distances[same & (distances > 0)].mean() < 0.7 * distances[~same].mean()


@pytest.mark.parametrize("start", ["", "mean"])
def test_a_recipe_that_starts_at_the_mean_does_so_in_experiments_too(start):
    """After steps of rate 0 the last biases are still those of the start."""
    (x, _), _ = data.load("digits")
    recipe = replace(recipes.get("vae_digits"), optimizer={"learning_rate": 0.0}, start=start)
    model = table.fit_recipe(recipe, x, None, 1, 0)
    bias = keras.ops.convert_to_numpy(model.decoder.get_layer("pixels").bias)
    expected = x.mean(axis=0).ravel().clip(0.001, 0.999) if start else 0.5
    np.testing.assert_allclose(1 / (1 + np.exp(-bias)), expected, atol=1e-4)
