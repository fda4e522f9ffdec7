"""A detector in use: trained again, compared with another one, watched by month."""

import csv
import datetime

import keras
import numpy as np
import pytest
from scipy import stats
from support.command_line import run

import zoo
from zoo.anomaly import Detector, compare, drift, periods, retraining, write_report
from zoo.anomaly import comparison as comparisons

MIXING = np.random.default_rng(5).normal(size=(2, 4))
SCALE = np.array([1.0, 10.0, 100.0, 1e-3])


def rows(n, seed, shift=0.0):
    """Return rows of four columns in units of their own."""
    generator = np.random.default_rng(seed)
    noise = 0.3 * generator.normal(size=(n, 4))
    return (generator.normal(size=(n, 2)) @ MIXING + noise + shift) * SCALE


def fitted(epochs=5, **settings):
    fixed = {"latent_dim": 2, "hidden_units": (8,), "standardize": True, "score": "elbo_at_mean"}
    settings = {**fixed, **settings}
    detector = Detector("VAE", **{"quantile": 0.9, **settings})
    return detector.fit(rows(200, 0), epochs=epochs, verbose=0)


@pytest.fixture(scope="module")
def detector():
    return fitted()


# Training again


def copied(detector, folder):
    detector.save(folder)
    return zoo.anomaly.load(folder)


def loss_of(detector, x):
    keras.utils.set_random_seed(0)
    detector.model.seed_generator.state.assign([1, 1])
    return detector.model.evaluate(detector.standardized(x), verbose=0, return_dict=True)["loss"]


@pytest.mark.slow
def test_a_training_that_loses_ground_gives_the_earlier_weights_back(detector, tmp_path):
    again, new = copied(detector, tmp_path / "detector"), rows(60, 1)
    before = again.model.get_weights()
    uphill = keras.optimizers.Adam(-1e-2)
    with pytest.warns(UserWarning, match="has not lowered the loss on held-out") as caught:
        again.fit(new, train=True, epochs=2, validation_data=new, optimizer=uphill, verbose=0)
    (warned,) = [w for w in caught if "held-out items" in str(w.message)]
    assert warned.filename == __file__
    for one, other in zip(before, again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    low, high = again.retrained
    assert high > low
    assert again.threshold != detector.threshold  # which is set on the new rows all the same


@pytest.mark.slow
def test_a_detector_in_use_learns_in_small_steps_and_on_all_but_a_tenth(
    detector, tmp_path, monkeypatch
):
    again = copied(detector, tmp_path / "detector")
    assert again.retrained is None
    seen, fit = [], again.model.fit

    def watched(x, **options):
        seen.append((len(x), len(options["validation_data"][0])))
        return fit(x, **options)

    monkeypatch.setattr(again.model, "fit", watched)
    again.fit(rows(60, 1, 1.0), train=True, epochs=2, validation_split=0, verbose=0)
    assert seen == [(54, 6)]
    assert float(again.model.optimizer.learning_rate) == pytest.approx(retraining.LEARNING_RATE)
    before, after = again.retrained
    assert after < before
    monkeypatch.setattr(again.model, "fit", fit)
    seen.clear()
    adam = keras.optimizers.Adam(3e-3)
    again.fit(rows(60, 1, 1.0), train=True, epochs=1, optimizer=adam, verbose=0)
    assert float(again.model.optimizer.learning_rate) == pytest.approx(3e-3)


def test_columns_keep_their_scale_and_order_in_later_trainings(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(rows(60, 0), columns=list("abcd"))
    detector = Detector("VAE", latent_dim=2, hidden_units=(4,), standardize=True)
    detector.fit(frame, epochs=1, verbose=0)
    mean, deviation = detector.mean, detector.deviation
    detector.fit(2 * frame[list("dcba")], train=True, epochs=1, verbose=0)
    assert detector.names == tuple("abcd")
    np.testing.assert_array_equal(detector.mean, mean)
    np.testing.assert_array_equal(detector.deviation, deviation)


def test_held_out_items_are_usual_ones(detector):
    x = rows(40, 2)
    x[:4] *= 5
    again = retraining.Again(detector, x, detector.standardized(x), 0.1)
    assert again.held_out.sum() == 4
    highest = np.argsort(detector.scores(x))[-4:]
    assert not again.held_out[highest].any()
    assert again.before == again._loss()  # the same draws each time


def test_too_few_items_to_train_again_are_refused(detector):
    with pytest.raises(ValueError, match="x has 9 items.*train=False"):
        detector.fit(rows(9, 0), train=True, validation_data=rows(20, 0), verbose=0)


# Two detectors


def test_flags_gained_and_lost_are_those_of_the_predictions(detector):
    x, other = rows(150, 3, 0.2), fitted(epochs=1, quantile=0.8)
    found = compare(detector, other, x)
    before, after = detector.predict(x) == -1, other.predict(x) == -1
    assert sorted(found.gained) == np.flatnonzero(after & ~before).tolist()
    assert sorted(found.lost) == np.flatnonzero(before & ~after).tolist()
    assert found.kept == (before & after).sum()
    assert len(found.gained) > 1
    assert (np.diff(other.scores(x)[found.gained]) <= 0).all()
    assert (found.old_share, found.new_share) == (before.mean(), after.mean())
    expected = stats.spearmanr(detector.scores(x), other.scores(x)).statistic
    assert found.rank_correlation == pytest.approx(expected)
    assert f"{len(found.gained)} are gained" in found.described()
    assert len(found.figure().axes[0].collections) == 3


def test_a_correlation_counts_equal_scores_by_their_mean_rank():
    first, second = np.array([1.0, 1, 2, 3, 3, 3]), np.array([2.0, 1, 2, 2, 5, 4])
    ranks = [stats.rankdata(a) for a in (first, second)]
    expected = np.corrcoef(*ranks)[0, 1]
    assert comparisons.rank_correlation(first, second) == pytest.approx(expected)
    assert np.isnan(comparisons.rank_correlation(first, np.ones(6)))
    found = comparisons.comparison(np.ones(6, "f"), np.ones(6, "f"), 2.0, 2.0)
    assert "correlation" not in found.described()
    assert found.figure() is not None


def test_a_detector_without_a_threshold_is_not_compared(detector):
    fresh = Detector(zoo.load("vae_digits"))
    with pytest.raises(ValueError, match="new detector has no threshold"):
        compare(detector, fresh, rows(5, 0))


# Months


def test_months_have_shares_and_medians_with_their_intervals(detector):
    x = rows(120, 4)
    when = np.array(["2026-01-31", "2026-02-01", "2026-02-28"])[np.arange(120) % 3]
    found = drift(detector, x, when)
    january, february = found.periods
    assert (january.name, january.items) == ("2026-01", 40)
    assert (february.name, february.items) == ("2026-02", 80)
    own = detector.scores(x)[np.arange(120) % 3 > 0].astype("float64")
    assert february.anomalies == (own > detector.threshold).sum()
    exact = stats.binomtest(february.anomalies, 80).proportion_ci(0.95, method="exact")
    assert (february.share_low, february.share_high) == (exact.low, exact.high)
    assert february.median == np.median(own)
    assert found.promised == pytest.approx(0.1)
    assert found.unlike == ()


def test_an_interval_of_the_median_holds_it_as_often_as_it_says():
    """By brute force: all positions of the true median among 20 scores, by their probability."""
    n, level = 20, 0.9
    low, high = periods.median_interval(np.arange(n), level)
    below = np.arange(n + 1)  # scores below the true median, binomial with 1/2
    holds = (below > low) & (below <= high)  # it lies between score below-1 and score below
    probability = stats.binom.pmf(below, n, 0.5)[holds].sum()
    narrower = stats.binom.pmf(below, n, 0.5)[(below > low + 1) & (below <= high - 1)].sum()
    assert probability >= level > narrower
    assert periods.median_interval(np.array([3.0, 1.0])) == (1.0, 3.0)  # too few for any level


def test_an_interval_of_a_share_holds_it_as_often_as_it_says():
    for n, share in ((7, 0.2), (40, 0.01), (40, 0.5)):
        counts = np.arange(n + 1)
        ends = np.array([periods.share_interval(count, n, 0.9) for count in counts])
        holds = (ends[:, 0] <= share) & (share <= ends[:, 1])
        assert stats.binom.pmf(counts, n, share)[holds].sum() >= 0.9


def test_a_drift_is_seen(detector):
    x = np.concatenate([rows(60, 5), rows(60, 6, 3.0)])
    found = drift(detector, x, np.repeat(["before", "later"], 60), every="value")
    assert [p.name for p in found.unlike] == ["later"]
    assert found.described().endswith(
        "1 of 2 periods does not contain this share: later (100.00% of 60)."
    )


@pytest.mark.parametrize(
    ("every", "names"),
    [
        ("year", ["2025", "2026"]),
        ("month", ["2025-12", "2026-03"]),
        ("week", ["2025-12-29", "2026-03-09", "2026-03-16"]),
        ("day", ["2025-12-31", "2026-03-14", "2026-03-16"]),
    ],
)
def test_dates_of_all_kinds_are_taken(every, names):
    days = ["2026-03-14", "2025-12-31", "2026-03-16", "2026-03-14"]
    texts = ["2026-03-14 23:30", "2025-12-31T12:00:00Z", "2026-03-16T01:00+02:00", "2026-03-14"]
    kinds = [days, texts, np.array(days, "M8[ns]"), [datetime.date.fromisoformat(d) for d in days]]
    for when in kinds:
        found, numbers = periods.periods_of(when, every)
        assert found == names
        monday = {"2026-03-14": "2026-03-09", "2025-12-31": "2025-12-29"}
        start = {"year": 4, "month": 7}.get(every, 10)
        starts = [monday.get(d, d) if every == "week" else d[:start] for d in days]
        assert [found[i] for i in numbers] == starts


@pytest.mark.parametrize(
    ("when", "every", "said"),
    [
        (["14.03.2026"], "month", "not a date such as 2026-03-14"),
        (["2026-13-01"], "month", "not a date"),
        ([20260314], "month", "not a date"),
        (np.array(["NaT"], "M8[D]"), "month", "missing"),
        (["2026-03-14"], "quarter", "every is 'quarter'"),
        ([["2026-03-14"]], "month", "shape"),
        (np.arange(501), "value", "501 periods"),
    ],
)
def test_what_is_no_date_is_refused(when, every, said):
    with pytest.raises(ValueError, match=said):
        periods.periods_of(when, every)


def test_as_many_dates_as_items_are_expected(detector):
    with pytest.raises(ValueError, match="2 dates for 3 items"):
        drift(detector, rows(3, 0), ["2026-01-01", "2026-01-02"])
    with pytest.raises(ValueError, match="level is 95"):
        drift(detector, rows(1, 0), ["2026-01-01"], level=95)


# The report and the commands


def table_of(path, x, days):
    lines = [
        f"{i},{day},{','.join(map(repr, row.tolist()))}"
        for i, (row, day) in enumerate(zip(x, days, strict=True))
    ]
    path.write_text("\n".join(["part,date,a,b,c,d", *lines]) + "\n")


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_detector_is_renewed_compared_and_watched_by_commands(detector, tmp_path, capsys):
    x = rows(60, 7)
    days = np.datetime64("2026-01-20") + np.arange(60)
    table_of(tmp_path / "new.csv", x, days)
    pandas = pytest.importorskip("pandas")
    named = Detector(detector.model, standardize=True, quantile=0.9)
    named.fit(pandas.DataFrame(rows(200, 0), columns=list("abcd")), train=False)
    named.save(tmp_path / "old")
    data = (tmp_path / "new.csv", "--drop", "part")
    new = tmp_path / "new"
    code, printed, err = run(
        capsys, "renew", tmp_path / "old", *data, "date", "--train", "--epochs", 1, "--out", new
    )
    assert code == 0, err
    assert "of 60 items are above the threshold in use" in printed
    assert "after training" in printed
    renewed = zoo.anomaly.load(new)
    assert renewed.threshold != named.threshold
    assert renewed.names == named.names
    out = tmp_path / "report"
    watched = ("--by", "date", "--compare", tmp_path / "old", "--out", out)
    code, printed, err = run(capsys, "detect", new, *data, *watched)
    assert (code, err) == (0, "")
    found = compare(named, renewed, x)
    assert found.described() in printed
    months = read(out / "drift.csv")
    assert [row["name"] for row in months] == ["2026-01", "2026-02", "2026-03"]
    assert [int(row["items"]) for row in months] == [12, 28, 20]
    table = read(out / "scores.csv")
    np.testing.assert_allclose([float(r["old_score"]) for r in table], named.scores(x), rtol=1e-4)
    flags = np.array([row["flag"] for row in table])
    assert sorted(np.flatnonzero(flags == "gained")) == sorted(found.gained)
    assert sorted(np.flatnonzero(flags == "lost")) == sorted(found.lost)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "<h2>By month</h2>" in page
    assert "<h2>Compared with the earlier detector</h2>" in page


@pytest.mark.slow
def test_arrays_and_folders_are_watched_too(tmp_path, capsys):
    x = zoo.data.load("digits")[1][0][:20]
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "days.npy", np.datetime64("2026-01-20") + np.arange(20))
    for i, image in enumerate(x):
        folder = tmp_path / "images" / ("line 1" if i < 15 else "line 2")
        folder.mkdir(parents=True, exist_ok=True)
        keras.utils.save_img(folder / f"{i}.png", image)
    Detector(zoo.load("vae_digits")).fit(x).save(tmp_path / "detector")
    for data, by in (("x.npy", tmp_path / "days.npy"), ("images", "from_subfolders")):
        out = tmp_path / f"report of {data}"
        every = ("--every", "value") if data == "images" else ()
        arguments = (tmp_path / "detector", tmp_path / data, "--by", by, *every, "--out", out)
        code, _, err = run(capsys, "detect", *arguments)
        assert (code, err) == (0, "")
        found = [(row["name"], row["items"]) for row in read(out / "drift.csv")]
        page = (out / "report.html").read_text(encoding="utf-8")
        assert page.count("<h2>The most unusual items</h2>") == 1
        months = [("2026-01", "12"), ("2026-02", "8")]
        assert found == (months if data == "x.npy" else [("line 1", "15"), ("line 2", "5")])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("detect", "{detector}", "{x}", "--by", "date", "--out", "{out}"),
            "date was not found",
        ),
        (
            ("detect", "{detector}", "{x}", "--compare", "{x}", "--out", "{out}"),
            "not the folder",
        ),
        (("renew", "vae_digits", "{x}", "--out", "{out}"), "not the folder of a detector"),
        (("renew", "{detector}", "{x}", "--epochs", "2", "--out", "{out}"), "add --train"),
    ],
)
def test_what_the_commands_cannot_do_is_refused(arguments, said, tmp_path, capsys):
    x = zoo.data.load("digits")[1][0][:20]
    np.save(tmp_path / "x.npy", x)
    Detector(zoo.load("vae_digits")).fit(x).save(tmp_path / "detector")
    paths = {name: tmp_path / name for name in ("detector", "out")} | {"x": tmp_path / "x.npy"}
    code, _, err = run(capsys, *(a.format(**paths) for a in arguments))
    assert code == 1
    assert said in err
    assert not (tmp_path / "out").exists()


def test_a_comparison_of_other_items_is_refused(detector, tmp_path):
    found = compare(detector, detector, rows(5, 0))
    with pytest.raises(ValueError, match="compared= is for 5 items, but x has 6"):
        write_report(detector, rows(6, 0), tmp_path / "report", compared=found)
