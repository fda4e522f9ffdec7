"""Experiments on pre-training: what is chosen, and which weights and windows are taken."""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo import data
from zoo.data import variants
from zoo.experiments import (
    contractive_filters,
    drawn_pixels,
    regularized,
    regularized_lengths,
    regularized_photographs,
    regularized_search,
    regularized_strengths,
    representations,
    stacked_classifiers,
    variants_draws,
    variants_search,
    variants_widths,
)

ROOT = Path(__file__).parents[2]
generator = np.random.default_rng(0)


def table_rows(name):
    path = ROOT / "results" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))["rows"]


@pytest.mark.parametrize(
    ("images", "table"),
    [("mnist", "regularized_settings"), ("cifar", "regularized_cifar_settings")],
)
def test_the_settings_are_those_that_the_search_chose(images, table):
    chosen = {row[0]: row[-1] for row in table_rows(table)}
    settings = regularized.SETTINGS[images]
    assert {
        name: regularized_search.described(name, one) for name, one in settings.items()
    } == chosen


def test_the_best_candidate_of_each_step_is_kept_for_the_next(monkeypatch):
    """Errors that fall with the distance to one setting lead to this setting."""
    name = "denoising, masking noise"
    best = regularized.Settings(0.75, 2e-3, 1e-2)
    trained = []

    def pretrained(name, shape, settings, *rest):
        trained.append(settings[:2])
        return settings

    def fine_tuned(model, train, validation, epochs, rates, verbose):
        found = (*model[:2], *rates)
        return None, sum(abs(np.log(a / b)) for a, b in zip(found, best, strict=True))

    monkeypatch.setattr(regularized, "pretrained", pretrained)
    monkeypatch.setattr(regularized_search, "fine_tuned", fine_tuned)
    x = np.zeros((2, 4, 4, 1))
    *_, chosen = regularized_search.searched("mnist", name, (x, None), (x, None), 1, 0)
    assert chosen == regularized_search.described(name, best)
    assert len(trained) == len(set(trained)) == 5  # models are trained once


@pytest.mark.parametrize(("images", "longer"), [("mnist", 5), ("cifar", 10)])
def test_settings_are_searched_and_used_with_the_same_epochs(images, longer, monkeypatch):
    sets = ((np.zeros((4, 2, 2, 1)), np.zeros(4)),) * 3
    name = "denoising, masking noise"
    asked = []

    def fine_tuned(model, train, validation, epochs, rates, *rest):
        asked.append((model, len(train[0]), epochs, *rates))
        return None, 1.0

    monkeypatch.setattr(regularized, "pretrained", lambda *given: (given[2][:2], given[4]))
    monkeypatch.setattr(regularized_search, "fine_tuned", fine_tuned)
    monkeypatch.setattr(regularized_search, "SEARCHED", 3)
    regularized_search.chosen(images, *sets[:2], 5, [name], 0)
    assert len(asked) == 7
    assert {(model[1], *others) for model, *others, _ in asked} == {(5, 3, longer)}
    asked.clear()
    monkeypatch.setattr(regularized, "fine_tuned", fine_tuned)
    monkeypatch.setattr(regularized, "error_on", lambda *given: 7.0)
    monkeypatch.setattr(regularized.metrics, "jacobian_norm", lambda *given, squared: 9.0)
    monkeypatch.setattr(regularized.metrics, "saturation", lambda *given: 50.0)
    [row] = [r for r in regularized.compared(images, sets, 1e3, 5, [name], 0) if len(r) > 1]
    used = regularized.SETTINGS[images][name]
    assert asked == [((used[:2], 5), 4, longer, used.fine_tuning)] * 3
    error, jacobian, saturated = regularized.REPORTED[images][name]
    assert row == [name, error, 7.0, 0.0, jacobian, 9e3 / (4 * regularized.UNITS), saturated, 50.0]


def test_draws_are_held_out_as_the_data_set_is_and_differ(monkeypatch):
    digits = (256 * generator.random((40, 28, 28))).astype("uint8"), np.arange(40) % 10
    monkeypatch.setattr(variants_draws, "SIZES", {"training": 24, "testing": 10})
    seen = []

    def svm_error(train, validation, test):
        parts = [(len(x), x.dtype, x.max() <= 1, len(y)) for x, y in (train, validation, test)]
        seen.append((parts, train[0]))
        return float(len(seen))

    monkeypatch.setattr(variants_draws, "svm_error", svm_error)
    monkeypatch.setattr(variants_draws, "_digits", lambda: digits)
    table = variants_draws.mnist_variants_draws(only=["mnist_basic"], verbose=0)
    assert all([n for n, *_ in parts] == [20, 4, 10] for parts, _ in seen)
    assert all(part[1:3] == (np.float32, True) for parts, _ in seen for part in parts)
    assert len({images.tobytes() for _, images in seen}) == len(seen) == 4
    [row] = [row for row in table.rows if len(row) > 1]
    assert row == ["mnist_basic", 3.03, 2.5, 1.29, "1.00, 2.00, 3.00, 4.00"]
    x, y, *_ = variants.draw("mnist_basic", digits, seed=2, training=24, testing=10)
    (train, _, _) = variants_draws.drawn("mnist_basic", digits, 2)
    np.testing.assert_allclose(train[0], x[:20] / 255, rtol=1e-6)
    np.testing.assert_array_equal(train[1], y[:20])


def test_every_length_is_trained_with_the_settings_of_the_table(monkeypatch):
    sets = [(np.zeros((n, 2, 2, 1)), np.zeros(n)) for n in (4, 3, 2)]
    trained, tuned = [], []

    def pretrained(*given):
        trained.append(given)
        return len(trained)

    def fine_tuned(*given):
        tuned.append(given)
        return len(tuned), 2.0 + len(tuned)

    monkeypatch.setattr(regularized, "pretrained", pretrained)
    monkeypatch.setattr(regularized_lengths, "fine_tuned", fine_tuned)
    monkeypatch.setattr(
        regularized_lengths, "error_on", lambda network, test: len(test[0]) + network / 100
    )
    name = "contractive (CAE)"
    row, *others = regularized_lengths.errors_by_length(sets, [name], 0)
    errors = ["2.01 (3.00)", "2.02 (4.00)", "2.03 (5.00)", "2.04 (6.00)"]
    assert row == [name, regularized.REPORTED["mnist"][name][0], *errors]
    assert [len(other) for other in others] == [1] * (len(regularized_lengths.COMPARED) - 1)
    settings = regularized.SETTINGS["mnist"][name]
    assert [given[2] for given in trained] == [settings] * 2
    assert [given[4] for given in trained] == list(regularized_lengths.PRETRAINING)
    rates = (settings.fine_tuning, settings.fine_tuning / 3)
    lengths = list(regularized_lengths.FINE_TUNING)
    assert [(given[0], *given[3:5]) for given in tuned] == [
        (model, length, rates) for model in (1, 2) for length in lengths
    ]
    assert all(given[1] is sets[0] and given[2] is sets[1] for given in tuned)


def test_longer_pre_training_goes_on_and_the_best_in_validation_is_tested_once(monkeypatch):
    """A stand-in network's validation error is lowest for noise of 0.5 after 60 epochs."""
    sets = [(np.zeros((n, 2, 2, 1)), np.zeros(n)) for n in (4, 3, 2)]
    name, tested = "denoising, Gaussian noise", []

    class Model:
        def __init__(self, method, shape, strength, seed):
            assert (method, strength is None) in ((name, False), ("autoencoder", True))
            assert (shape, seed) == ((2, 2, 1), 1)
            self.strength, self.epochs, self.optimizer = strength, 0, None

        def compile(self, optimizer):
            assert self.optimizer is None
            self.optimizer = optimizer

        def fit(self, x, batch_size, epochs, verbose):
            assert x is sets[0][0]
            assert batch_size == 128
            self.epochs += epochs

    def fine_tuned(model, train, validation, epochs, rates, verbose):
        assert (train, validation, epochs) == (sets[0], sets[1], 30)
        assert rates == (3e-3, 1e-3)
        error = 50 + 10 * (model.strength != 0.5) + abs(model.epochs - 60) / 10
        return (model.strength, model.epochs), error

    def error_on(network, test):
        assert test is sets[2]
        tested.append(network)
        return 54.321

    candidates = (0.25, 0.5), (15, 60, 120)
    monkeypatch.setitem(regularized_photographs.CANDIDATES, name, candidates)
    monkeypatch.setattr(regularized, "one_layer", Model)
    monkeypatch.setattr(regularized_photographs, "fine_tuned", fine_tuned)
    monkeypatch.setattr(regularized_photographs, "error_on", error_on)
    only = [name, "autoencoder"]
    rows = {row[0]: row[1:] for row in regularized_photographs.rows_of(sets, only, 0)}
    assert tested == [(0.5, 60), (None, 60)]
    errors = (
        "noise 0.25 (15: 64.50, 60: 60.00, 120: 66.00), "
        "noise 0.5 (15: 54.50, 60: 50.00, 120: 56.00)"
    )
    assert rows.pop(name) == [54.81, errors, "noise 0.5, 60 epochs", 54.32]
    errors = "8: 65.20, 15: 64.50, 60: 60.00"
    assert rows.pop("autoencoder") == [55.47, errors, "60 epochs", 54.32]
    assert rows == {other: [] for other in regularized.REPORTED["cifar"] if other not in only}


def test_the_strength_with_the_smallest_validation_error_is_measured_with_all_seeds(monkeypatch):
    sets = [(np.zeros((n, 2, 2, 1)), np.zeros(n)) for n in (4, 3, 2)]
    name = "denoising, Gaussian noise"
    trained = []

    def pretrained(method, shape, settings, x, epochs, seed, verbose):
        trained.append((method, settings.strength, epochs, seed))
        assert settings[1:] == regularized.SETTINGS["mnist"][name][1:]
        assert x is sets[0][0]
        return settings.strength, seed

    def fine_tuned(model, train, validation, epochs, rates, verbose, seed):
        strength, pretrained_seed = model
        assert seed == pretrained_seed
        assert (train, validation, epochs) == (sets[0], sets[1], 30)
        assert rates == (1e-2, 1e-2 / 3)
        return model, 2 + abs(strength - 0.5)

    def error_on(network, test):
        assert test is sets[2]
        return 10 * network[0] + network[1]

    monkeypatch.setattr(regularized, "pretrained", pretrained)
    monkeypatch.setattr(regularized_strengths, "fine_tuned", fine_tuned)
    monkeypatch.setattr(regularized_strengths, "error_on", error_on)
    [other], row = regularized_strengths.errors_by_strength(sets, [name], 0)
    assert other == "contractive (CAE)"
    assert trained == [
        *((name, strength, 30, 1) for strength in (0.25, 0.5, 1)),
        *((name, 0.5, 30, seed) for seed in (2, 3, 4, 5)),
    ]
    by_strength = "noise 0.25: 2.25, 0.5: 2.00, 1: 2.50"
    errors = "6.00, 7.00, 8.00, 9.00, 10.00"
    assert row == [name, 1.18, by_strength, "noise 0.5", 8.0, 0.71, errors]


def test_the_first_length_is_that_of_the_table():
    epochs = inspect.signature(regularized.regularized).parameters["epochs"].default
    assert regularized_lengths.PRETRAINING[0] == epochs
    assert regularized_lengths.FINE_TUNING[0] == regularized.FINE_TUNED["mnist"] * epochs
    behind = {
        name
        for name, error, obtained, *_ in table_rows("regularized")
        if error and obtained > error
    }
    assert {*regularized_lengths.COMPARED} == behind


def test_only_the_plain_autoencoder_varies_its_epochs(monkeypatch):
    found = {}
    monkeypatch.setattr(regularized, "UNITS", 3)
    monkeypatch.setattr(
        regularized, "fit", lambda model, x, epochs, rate, verbose, seed: found.update(n=epochs)
    )
    x = np.zeros((2, 4, 4, 1), "float32")
    for name, expected in (("autoencoder", 20), ("contractive (CAE)", 10)):
        settings = regularized.Settings(2, 1e-3, 1e-3)
        regularized.pretrained(name, x.shape[1:], settings, x, 10, 1, 0)
        assert found["n"] == expected


def test_stacks_with_and_without_drawn_pixels_differ_in_nothing_else(monkeypatch):
    sets = [(generator.random((20, 4, 4, 1), "float32"), np.arange(20) % 2) for _ in range(3)]
    asked = []

    def stacked(x, layers, kind, options, *, epochs, verbose):
        asked.append((layers, kind, options, epochs))
        assert x is sets[0][0]
        return zoo.Autoencoder((4, 4, 1), 12, seed=len(asked), hidden_units=())

    def fine_tuned(model, train, validation, epochs, rates, verbose):
        assert (train, validation) == (sets[0], sets[1])
        assert (epochs, rates) == (drawn_pixels.FINE_TUNED, representations.RATES)
        return len(asked), 10.0 + len(asked)

    monkeypatch.setattr(representations, "split", lambda name: sets)
    monkeypatch.setattr(representations, "stacked", stacked)
    monkeypatch.setattr(representations, "fine_tuned", fine_tuned)
    monkeypatch.setattr(
        representations, "error_on", lambda network, test: network + (test is sets[2]) / 4
    )
    table = drawn_pixels.drawn_pixels(verbose=0)
    gray, drawn = (3, zoo.RBM, {}), (3, zoo.RBM, {"binarize": "dynamic"})
    assert asked == [(*kind, epochs) for kind in (gray, drawn) for epochs in drawn_pixels.EPOCHS]
    assert table.rows == [
        ["as they are, 20 epochs", 11.0, 1.25],
        ["as they are, 60 epochs", 12.0, 2.25],
        ["drawn anew, 20 epochs", 13.0, 3.25],
        ["drawn anew, 60 epochs", 14.0, 4.25],
    ]


def test_longer_pre_training_in_smaller_batches_has_a_rate_that_falls_within_each_layer(
    monkeypatch,
):
    sets = [(generator.random((50, 4, 4, 1), "float32"), np.arange(50) % 2) for _ in range(3)]
    asked = []

    def stacked(x, layers, kind, options, *, epochs, rate, verbose):
        size = options["batch_size"]
        steps = epochs * int(np.ceil(len(x) / size))
        assert x is sets[0][0]
        assert (layers, kind) == (3, zoo.RBM)
        assert options == {"binarize": "dynamic", "batch_size": size}
        assert float(rate(0)) == pytest.approx(1e-3)
        assert float(rate(steps)) == pytest.approx(2e-5)
        assert float(rate(steps // 2)) == pytest.approx((1e-3 + 2e-5) / 2, rel=0.05)
        asked.append((epochs, size, steps))
        return zoo.Autoencoder((4, 4, 1), 12, seed=len(asked), hidden_units=())

    def fine_tuned(model, train, validation, epochs, rates, verbose):
        assert (train, validation, epochs) == (sets[0], sets[1], drawn_pixels.FINE_TUNED)
        return len(asked), 10.0 + len(asked)

    monkeypatch.setattr(representations, "split", lambda name: sets)
    monkeypatch.setattr(representations, "stacked", stacked)
    monkeypatch.setattr(representations, "fine_tuned", fine_tuned)
    monkeypatch.setattr(representations, "error_on", lambda network, test: network + 0.25)
    rows = drawn_pixels.drawn_pixels_lengths(verbose=0).rows
    assert [tuple(pair) for pair in drawn_pixels.LENGTHS.values()] == [a[:2] for a in asked]
    names = [f"{epochs} epochs, batches of {size}" for epochs, size, _ in asked]
    assert [row[:2] for row in rows] == [
        [name, steps] for name, (_, _, steps) in zip(names, asked, strict=True)
    ]
    assert [row[2:] for row in rows] == [[11.0, 1.25], [12.0, 2.25], [13.0, 3.25], [14.0, 4.25]]
    one = drawn_pixels.drawn_pixels_lengths(names[2:3], verbose=0).rows
    assert [len(row) for row in one] == [1, 1, 4, 1]


def test_the_lowest_reported_error_decides_which_method_is_searched():
    columns = json.loads((ROOT / "results/mnist_variants.json").read_text("utf-8"))["columns"]
    assert columns == ["data", *representations.METHODS]
    assert {*variants_search.SEARCHES} == {*representations.REPORTED}
    for name, search in variants_search.SEARCHES.items():
        reported = representations.REPORTED[name]
        assert columns[1:][reported.index(min(reported))] == search.method
        assert search.method.endswith(f"-{representations.METHODS[search.method][0]}")


def test_a_stack_is_pre_trained_with_the_given_rate_and_width(monkeypatch):
    rates, widths = [], []

    def pretrain(model, x, kind, *, optimizer, **options):
        rates.append(float(optimizer.learning_rate))
        widths.append([layer.shape[-1] for layer in model.encoder.get_weights()[::2]])

    monkeypatch.setattr(zoo, "pretrain", pretrain)
    monkeypatch.setattr(representations, "UNITS", 3)
    x = np.zeros((2, 4, 4, 1), "float32")
    representations.stacked(x, 1, zoo.Autoencoder, {}, epochs=1, verbose=0)
    representations.stacked(x, 2, zoo.Autoencoder, {}, epochs=1, verbose=0, rate=4e-3, units=5)
    assert rates == pytest.approx([1e-3, 4e-3])
    assert widths == [[3], [5, 5]]


def test_wider_layers_have_the_settings_of_the_search(monkeypatch):
    sets = [(np.zeros((n, 4, 4, 1)), np.zeros(n)) for n in (4, 3, 2)]
    [chosen] = [row[5] for row in table_rows("mnist_variants_settings") if row[0] == "mnist_rot"]
    rate, masked, epochs = variants_widths.RATE, variants_widths.MASKED[1], variants_widths.EPOCHS
    assert f"{rate:g}, masked {masked:g}, {epochs} epochs" == chosen

    def stacked(x, layers, kind, options, *, epochs, rate, units, verbose):
        assert (layers, kind) == (3, zoo.DenoisingAutoencoder)
        assert (epochs, rate) == (variants_widths.EPOCHS, variants_widths.RATE)
        assert options["tie_weights"]
        return units, options["corruption"]["masking"]

    def fine_tuned(model, train, validation, epochs, rates, verbose):
        assert (train, validation) == (sets[0], sets[1])
        units, masked = model
        return model, 10 + 1000 / units + abs(masked - 0.25)

    def error_on(network, test):
        assert test is sets[2]
        return network[1] + network[0]

    monkeypatch.setattr(variants_widths, "split", lambda given: sets)
    monkeypatch.setattr(variants_widths, "stacked", stacked)
    monkeypatch.setattr(variants_widths, "fine_tuned", fine_tuned)
    monkeypatch.setattr(variants_widths, "error_on", error_on)
    assert variants_widths.mnist_variants_widths(verbose=0).rows == [
        ["1,000 units", 9.53, "masked 0.25: 11.00, 0.5: 11.25", "masked 0.25", 1000.25],
        ["2,000 units", 9.53, "masked 0.25: 10.50, 0.5: 10.75", "masked 0.25", 2000.25],
    ]


@pytest.mark.parametrize(
    "name", ["mnist_basic", "mnist_bg_rand", "mnist_rot", "rectangles", "rectangles_img"]
)
def test_settings_of_a_variant_are_searched_one_after_the_other(name, monkeypatch):
    """Errors that fall with the distance to one setting lead to it; no setting is tried twice."""
    sets = [(np.zeros((n, 4, 4, 1)), np.zeros(n)) for n in (4, 3, 2)]
    search, tried = variants_search.SEARCHES[name], []
    of_method = representations.METHODS[search.method][:2]
    times = 10 if name == "rectangles" else 1
    best = variants_search.Settings(4e-3, search.strengths[0], variants_search.EPOCHS[1])
    best_options = search.options(best.strength)

    def stacked(x, layers, kind, options, *, epochs, rate, verbose):
        assert (layers, kind) == of_method
        tried.append((rate, repr(options), epochs))
        distance = abs(np.log(rate / best.rate)) + (options != best_options)
        return distance + (epochs != times * best.epochs)

    def fine_tuned(model, train, validation, epochs, rates, verbose):
        assert (train, validation) == (sets[0], sets[1])
        assert (epochs, rates) == (times * variants_search.FINE_TUNED, variants_search.FINE_TUNING)
        return model, model

    monkeypatch.setattr(variants_search, "split", lambda given: sets)
    monkeypatch.setattr(variants_search, "stacked", stacked)
    monkeypatch.setattr(variants_search, "fine_tuned", fine_tuned)
    monkeypatch.setattr(
        variants_search, "error_on", lambda network, test: network + 7 * (test is sets[2])
    )
    cells, error = variants_search._searched(name, search, 0)
    assert error == 7
    assert cells[-1] == f"{best.rate:g}, {search.strength} {best.strength:g}, {best.epochs} epochs"
    assert len(tried) == len(set(tried)) == 3 + len(search.strengths) - 1 + 1
    assert (cells[0].count(":"), cells[1].count(":")) == (3, len(search.strengths))
    assert cells[2].endswith(f"{best.epochs}: 0.00")


def test_first_filters_are_gray_where_weights_are_zero():
    model = zoo.Autoencoder((2, 2, 1), 3, hidden_units=())
    kernel = np.array([[0.0, 1.0, -1.0], [2.0, 0.5, 1.0], [-4.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    model.encoder.set_weights([kernel, *model.encoder.get_weights()[1:]])
    expected = [[0.5, 0.75, 0.0, 0.625], [1.0, 0.75, 0.5, 0.5], [0.0, 1.0, 1.0, 0.5]]
    filters = drawn_pixels._first_filters(model)
    np.testing.assert_allclose(filters.reshape(3, 4), expected)


def test_gray_photographs_are_weighted_colors_in_another_order(monkeypatch):
    generator = np.random.default_rng(0)
    x, y = generator.random((50, 4, 4, 3)).astype("float32"), np.arange(50)
    monkeypatch.setattr(data, "load", lambda name: ((x, y), (x[:5], y[:5])))
    (train, labels), (held_out, others), (test, _) = regularized.gray_photographs()
    assert (train.shape, held_out.shape, test.shape) == ((40, 4, 4, 1), (10, 4, 4, 1), (5, 4, 4, 1))
    assert set(labels) | set(others) == set(range(50))
    assert not np.array_equal(np.concatenate([labels, others]), y)
    i = labels[7]
    expected = 0.299 * x[i, ..., 0] + 0.587 * x[i, ..., 1] + 0.114 * x[i, ..., 2]
    np.testing.assert_allclose(train[7, ..., 0], expected, rtol=1e-5)


def test_the_strongest_window_has_the_largest_sum_of_squares():
    some = np.random.default_rng(0).normal(size=(5, 9, 8))
    found = contractive_filters.strongest_windows(some, 3)
    for one, window in zip(some, found, strict=True):
        all_windows = [one[i : i + 3, j : j + 3] for i in range(7) for j in range(6)]
        expected = max(all_windows, key=lambda w: np.sum(w**2))
        np.testing.assert_array_equal(window, expected)


def test_a_deep_encoder_is_the_layers_one_after_the_other(monkeypatch):
    monkeypatch.setattr(stacked_classifiers, "UNITS", 5)
    x = np.random.default_rng(0).random((7, 4, 4, 1)).astype("float32")
    options = {"hidden_units": (), "code_activation": "sigmoid", "tie_weights": True}
    layers = [zoo.Autoencoder(shape, 5, **options) for shape in ((4, 4, 1), (5,), (5,))]
    codes = x
    for depth, one in enumerate(layers, 1):
        codes = one.encode(codes)
        deep = stacked_classifiers.of_layers((4, 4, 1), layers[:depth], depth)
        np.testing.assert_allclose(deep.encode(x), codes, rtol=1e-5)
