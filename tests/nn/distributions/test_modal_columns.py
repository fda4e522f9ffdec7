"""Columns with several modes: their density, and rows that are drawn from it."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy import integrate
from scipy.special import logsumexp, softmax
from scipy.stats import ks_2samp, norm

import export
import zoo
from zoo.nn.distributions.modal_columns import modes_of

MODES = [(0, [(0.3, 2.0, 0.5), (0.7, 10.0, 1.0)]), (2, [(0.5, 0.0, 1e-3), (0.2, 0.1, 2e-3),
         (0.3, 0.2, 4e-3)])]  # fmt: skip
MEANS, DEVIATIONS = [7.6, 50.0, 0.08, 0, 0], [3.8, 20.0, 0.09, 1, 1]
NAMES = ("wait", "age", "share", "kind=a", "kind=b")


def made(stddev=None, **options):
    return zoo.ModalColumns(MEANS, DEVIATIONS, [(3, 5)], MODES, NAMES, stddev=stddev, **options)


def parameters_of(columns, n, seed=0):
    (size,) = columns.parameter_shape((5,))
    return np.random.default_rng(seed).normal(size=(n, size)).astype("float32")


def parts(columns, parameters):
    """Return the weights, centers and widths of each number's mixture, from the formula."""
    found, fixed = {}, columns.stddev
    s = fixed or np.sqrt(0.05**2 * np.exp(np.logaddexp(0, parameters[:, 5:8] - 2 * np.log(0.05))))
    s = s * np.ones((len(parameters), 3))
    end = 5 if fixed else 8
    for j, some in MODES:
        w, c, d = np.array(some).T
        logits = parameters[:, end : end + len(some)]
        end += len(some)
        weights = softmax(logits + np.log(w), axis=1)
        found[j] = weights, c + d * parameters[:, [j]], s[:, [j]] * d
    found[1] = np.ones((len(s), 1)), 50 + 20 * parameters[:, [1]], 20 * s[:, [1]]
    assert end == parameters.shape[1]
    return found


@pytest.mark.backend
@pytest.mark.parametrize("stddev", [None, 0.5])
def test_the_density_and_the_mean_are_those_of_the_formula(stddev):
    columns = made(stddev)
    u = parameters_of(columns, 4)
    x = np.float32([[2, 40, 0.1, 1, 0], [9, 60, 0, 0, 1], [5, 50, 0.2, 1, 0], [3, 7, 0.05, 0, 1]])
    expected = np.log(softmax(u[:, 3:5], axis=1)[np.arange(4), [0, 1, 0, 1]])
    found = parts(columns, u.astype("float64"))
    for j, (w, c, d) in found.items():
        density = norm.logpdf(x[:, [j]].astype("float64"), c, d)
        expected += logsumexp(density, axis=1, b=w)
    rows, outputs = ops.convert_to_tensor(x), ops.convert_to_tensor(u)
    got = ops.convert_to_numpy(columns.log_prob(rows, outputs))
    np.testing.assert_allclose(got, expected, rtol=1e-3)
    mean = ops.convert_to_numpy(columns.mean(outputs))
    for j, (w, c, _) in found.items():
        np.testing.assert_allclose(mean[:, j], (w * c).sum(axis=1), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(mean[:, 3:], softmax(u[:, 3:5], axis=1), rtol=1e-4)


def test_the_density_of_a_column_integrates_to_one():
    modes = [(0, [(0.3, -3.0, 0.5), (0.7, 4.0, 1.0)])]
    columns = zoo.ModalColumns([1.9], [3.4], modes=modes)
    grid = np.linspace(-60, 60, 40_001, dtype="float32")[:, None]
    (size,) = columns.parameter_shape((1,))
    for u in np.random.default_rng(0).normal(size=(3, 1, size)).astype("float32"):
        many = np.repeat(u, len(grid), axis=0)
        density = np.exp(ops.convert_to_numpy(columns.log_prob(*map(_tensor, (grid, many)))))
        assert integrate.trapezoid(density, grid[:, 0].astype("float64")) == pytest.approx(
            1, abs=1e-3
        )


def _tensor(array):
    return ops.convert_to_tensor(array)


@pytest.mark.parametrize("stddev", [None, 0.5])
def test_rows_are_drawn_from_the_density(stddev):
    columns = made(stddev)
    u = parameters_of(columns, 1)
    drawn = columns.sample(np.repeat(u, 20_000, axis=0), np.random.default_rng(1))
    generator = np.random.default_rng(2)
    for j, (w, c, d) in parts(columns, u.astype("float64")).items():
        k = generator.choice(w.shape[1], 20_000, p=w[0] / w[0].sum())
        expected = generator.normal(c[0, k], np.broadcast_to(d, c.shape)[0, k])
        assert ks_2samp(drawn[:, j], expected).pvalue > 1e-3, j
    np.testing.assert_array_equal(drawn[:, 3:].sum(axis=1), 1)


def test_values_that_were_not_seen_do_not_count():
    columns = made(missing="learn")
    u = parameters_of(columns, 2)
    x = np.float32([[2, 40, 0.1, 1, 0], [9, 60, 0.0, 0, 1]])
    holes = x.copy()
    holes[:, 0], holes[1, 2] = np.nan, np.nan
    whole, some = (
        ops.convert_to_numpy(columns.log_prob(*map(_tensor, (a, u)))) for a in (x, holes)
    )
    found = parts(columns, u.astype("float64"))
    lost = [
        logsumexp(norm.logpdf(x[:, [j]].astype("float64"), found[j][1], found[j][2]), axis=1,
                  b=found[j][0])
        for j in (0, 2)
    ]  # fmt: skip
    np.testing.assert_allclose(whole - some, lost[0] + [0, 1] * lost[1], rtol=1e-3)
    layer = columns.normalization()
    seen = ops.convert_to_numpy(layer(_tensor(holes)))
    assert seen.shape == (2, 10 + 3 + 4) == tuple(layer.compute_output_shape((2, 5)))
    assert (seen[:, 10:13] == 0).all()
    np.testing.assert_allclose(seen[0, 13:16].sum(), 1, rtol=1e-5)
    np.testing.assert_array_equal(seen[1, 13:], 0)


def test_the_encoder_gets_the_probabilities_of_modes_and_the_place_in_them():
    columns = made()
    x = np.float32([[2.4, 40, 0.1, 1, 0], [6.0, 60, 0.2, 0, 1]])
    seen = ops.convert_to_numpy(columns.normalization()(_tensor(x)))
    np.testing.assert_allclose(seen[:, :5], (x - MEANS) / DEVIATIONS, rtol=1e-3, atol=1e-5)
    at = 5
    for j, some in MODES:
        w, c, d = np.array(some).T
        places = (x[:, [j]] - c) / d
        share = softmax(np.log(w) + norm.logpdf(x[:, [j]], c, d), axis=1)
        np.testing.assert_allclose(seen[:, at : at + len(some)], share, atol=2e-3)
        at += len(some)
        inside = np.clip((share * places).sum(axis=1), -4, 4)
        np.testing.assert_allclose(seen[:, at], inside, atol=0.02)
        at += 1
    assert seen.shape[1] == at


def two_modes(n=1500):
    """A bimodal column, whose mode decides the category and shifts a normal column."""
    generator = np.random.default_rng(0)
    high = generator.random(n) < 0.4
    wait = np.where(high, generator.normal(80, 2, n), generator.normal(50, 3, n))
    size = generator.normal(size=n) + 2 * high
    kind = np.eye(2)[high.astype(int)]
    return np.column_stack([wait, size, kind]).astype("float32"), high


def test_modes_are_found_and_a_normal_column_has_one():
    x, _ = two_modes()
    columns = zoo.ModalColumns.adapted(x, [(2, 4)], ("wait", "size", "kind=a", "kind=b"))
    modes = dict(columns.modes)
    expected = [(0.6, 50, 3), (0.4, 80, 2)]
    np.testing.assert_allclose(modes[0], expected, rtol=0.1)
    assert len(modes_of(np.random.default_rng(1).normal(size=1000), 10)) == 1
    assert len(modes_of(np.repeat([0.0, 1.0], 50), 10)) == 2
    again = zoo.ModalColumns.from_config(columns.get_config())
    assert again.get_config() == columns.get_config()
    assert again.ranges == columns.ranges


@pytest.mark.slow
def test_a_bimodal_column_is_generated_as_bimodal_and_goes_with_the_others(tmp_path):
    x, _ = two_modes()
    names = ("wait", "size", "kind=a", "kind=b")
    columns = zoo.ModalColumns.adapted(x, [(2, 4)], names)
    model = zoo.VAE((4,), 2, hidden_units=(32,), likelihood=columns, seed=1)
    model.compile(keras.optimizers.Adam(3e-3))
    model.fit(x, epochs=15, batch_size=50, verbose=0)
    drawn = model.generate(3000, seed=0)
    between = ((drawn[:, 0] > 60) & (drawn[:, 0] < 73)).mean()
    assert between < 0.01  # of 3,000 rows; 0.1 % are in the data
    assert ks_2samp(drawn[:, 0], x[:, 0]).statistic < 0.1
    assert np.mean((drawn[:, 0] > 66) == (drawn[:, 3] == 1)) > 0.85  # 0.52 if independent
    zoo.save(model, tmp_path / "saved")
    again = zoo.load(tmp_path / "saved")
    np.testing.assert_allclose(again.reconstruct(x), model.reconstruct(x), rtol=1e-3, atol=1e-2)
    export.export_model(model, tmp_path / "out", formats=("onnx",))
    z = model.encode(x[:9])
    decoded = export.load(tmp_path / "out" / "decoder")(z=z)["x"]
    np.testing.assert_allclose(decoded, model.decode(z), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("modes", "categories"),
    [
        ([(3, [(1.0, 0.0, 1.0)])], [(3, 5)]),  # a column of a category
        ([(0, [(1.0, 0.0, 0.0)])], ()),
        ([(0, [(-1.0, 0.0, 1.0)])], ()),
        ([(0, [(1.0, np.nan, 1.0)])], ()),
        ([(0, [])], ()),
        ([(0, [(1.0, 0.0)])], ()),
        ([(0, [(1.0, 0.0, 1.0)]), (0, [(1.0, 0.0, 1.0)])], ()),
        ("ab", ()),
    ],
)
def test_modes_that_fit_no_column_are_refused(modes, categories):
    with pytest.raises(ValueError, match="modes is not what these columns need"):
        zoo.ModalColumns(MEANS, DEVIATIONS, categories, modes)


def test_tied_weights_are_refused():
    with pytest.raises(ValueError, match="leave tie_weights out"):
        zoo.Autoencoder((5,), 2, hidden_units=(4,), tie_weights=True, likelihood=made())


@pytest.mark.slow
def test_tables_give_it(tmp_path):
    pandas = pytest.importorskip("pandas")
    x, high = two_modes(300)
    frame = pandas.DataFrame({"wait": x[:, 0], "kind": np.where(high, "b", "a")})
    table = zoo.data.from_table(frame)
    assert [j for j, _ in table.likelihood(modes=4).modes] == [0]
    numbers = zoo.data.from_table(frame[["wait"]]).likelihood(modes=4)
    assert (numbers.categories, len(numbers.modes)) == ((), 1)
    assert zoo.data.from_table(frame).likelihood(modes=1).modes == ()
    frame.to_csv(tmp_path / "table.csv", index=False)
    from zoo.cli.main import main

    command = ["train", "VAE", "--data", str(tmp_path / "table.csv"), "--epochs", "1"]
    settings = ["--latent-dim", "1", "--hidden-units", "8", "--likelihood", "modal"]
    assert main([*command, *settings, "--out", str(tmp_path / "model")]) == 0
    assert isinstance(zoo.load(tmp_path / "model").likelihood, zoo.ModalColumns)


@pytest.mark.parametrize("stddev", [None, 0.5])
def test_the_entropy_of_unseen_values_is_that_of_a_grid(stddev):
    columns = made(stddev, missing="learn")
    u = parameters_of(columns, 3)
    x = np.float32(
        [[np.nan, 40, 0.1, 1, 0], [9, np.nan, np.nan, 0, 1], [5, 50, 0.2] + 2 * [np.nan]]
    )
    rows, outputs = ops.convert_to_tensor(x), ops.convert_to_tensor(u)
    got = ops.convert_to_numpy(columns.unseen_entropy(rows, outputs))
    expected = np.zeros(3)
    for j, (w, c, d) in parts(columns, u.astype("float64")).items():
        for i in np.flatnonzero(np.isnan(x[:, j])):
            reach = (c[i] - 12 * d[i]).min(), (c[i] + 12 * d[i]).max()
            grid = np.linspace(*reach, 200_001)
            logs = logsumexp(norm.logpdf(grid[:, None], c[i], d[i]), axis=1, b=w[i])
            expected[i] -= np.trapezoid(np.exp(logs) * logs, grid)
    p = softmax(u[2, 3:5])
    expected[2] -= (p * np.log(p)).sum()
    np.testing.assert_allclose(got, expected, atol=0.02)


def test_columns_without_names_are_built_saved_and_loaded(tmp_path):
    generator = np.random.default_rng(0)
    x = np.where(generator.random((300, 2)) < 0.5, 0, 9) + generator.normal(size=(300, 2))
    columns = zoo.ModalColumns.adapted(x.astype("float32"))
    assert len(columns.modes) == 2
    model = zoo.VAE((2,), 1, hidden_units=(3,), likelihood=columns)
    zoo.save(model, tmp_path / "model")
    again = zoo.load(tmp_path / "model").likelihood
    assert (again.modes, again.names) == (columns.modes, None)


def test_the_entropy_of_a_narrow_mode_in_a_wide_one_is_near(monkeypatch):
    modes = [(0, [(0.5, 0.0, 0.02), (0.5, 0.5, 1.0)])]
    columns = zoo.ModalColumns([0.0], [1.0], modes=modes, stddev=1.0, missing="learn")
    u = np.zeros((1, *columns.parameter_shape((1,))), "float32")
    found = columns.unseen_entropy(ops.convert_to_tensor([[np.nan]]), ops.convert_to_tensor(u))
    grid = np.linspace(-12, 12, 400_001)
    logs = logsumexp(norm.logpdf(grid[:, None], [0, 0.5], [0.02, 1]), axis=1, b=0.5)
    expected = -np.trapezoid(np.exp(logs) * logs, grid)
    assert ops.convert_to_numpy(found)[0] == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(
    "modes",
    [
        [(0, [(1.0, 0.0, 1.0)] * 51)],
        [(0, [(1.0, 0.0, 1e-60)])],
        [(0, [(1.0, 1e300, 1.0)])],
        [(0, [(1e-60, 0.0, 1.0)])],
        [(float("inf"), [(1.0, 0.0, 1.0)])],
        [(0, [(1.0, 10**400, 1.0)])],
    ],
)
def test_modes_that_float32_or_memory_cannot_hold_are_refused(modes):
    with pytest.raises(ValueError, match="modes is not what these columns need"):
        zoo.ModalColumns([0.0], [1.0], modes=modes)
