"""The table of figures beside those of papers."""

import json
from pathlib import Path

import fidelity
import literature
import numpy as np
import pytest
import scipy.stats

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("figure", literature.FIGURES, ids=lambda figure: figure.name)
def test_what_is_behind_is_explained_by_a_table_that_is_there(figure):
    outcome = fidelity.row_of(figure, ROOT)[-1]
    if outcome.startswith("behind"):
        assert figure.why or ", within the 95 % interval" in outcome
        assert (ROOT / "results" / f"{figure.experiment}.json").is_file()
    else:
        assert outcome == "matched" or outcome.startswith("better by")


@pytest.mark.parametrize(
    ("value", "goal", "higher", "expected"),
    [
        (89.89, 89.9, False, "better by 0.01"),
        (89.9, 89.9, False, "matched"),
        (327.7, 338.0, True, "behind by 10.3. Why not ([table](#table))"),
        ("1.40 ± 0.02", 1.14, False, "behind by 0.26. Why not ([table](#table))"),
    ],
)
def test_outcomes_follow_from_the_two_numbers(tmp_path, value, goal, higher, expected):
    (tmp_path / "results").mkdir()
    record = {"columns": ["model", "error"], "rows": [["ours", value], ["other", 0.0]]}
    (tmp_path / "results" / "table.json").write_text(json.dumps(record), encoding="utf-8")
    obtained = fidelity.Obtained("table", "error", "ours")
    figure = fidelity.Figure(
        "a", "b", "c", goal, "d", obtained, "1", "Why not", "table", higher=higher
    )
    assert fidelity.row_of(figure, tmp_path)[-1] == expected


@pytest.mark.parametrize("images", [100, 2000, 10_000, 50_000])
def test_the_interval_of_a_reported_error_holds_what_a_binomial_draws(images):
    figure = fidelity.Figure("a", "b", "c", 4.0, "d", None, "1", images=images)
    low, high = 100 * np.array(scipy.stats.binom.interval(0.95, images, 0.04)) / images
    assert figure.interval() == pytest.approx((high - low) / 2, abs=100 / images)


@pytest.mark.parametrize(("value", "words"), [(1.34, ", within"), (1.36, ", more than")])
def test_an_error_behind_is_held_beside_the_interval_of_the_reported_one(tmp_path, value, words):
    (tmp_path / "results").mkdir()
    record = {"columns": ["model", "error"], "rows": [["ours", value]]}
    (tmp_path / "results" / "table.json").write_text(json.dumps(record), encoding="utf-8")
    obtained = fidelity.Obtained("table", "error", "ours")
    figure = fidelity.Figure("a", "b", "c", 1.14, "d", obtained, "1", images=10_000)
    behind = f"behind by {value - 1.14:.3g}{words} the 95 % interval of the reported error, ±0.21"
    assert fidelity.row_of(figure, tmp_path)[-1] == behind


def test_a_missing_row_is_an_error():
    with pytest.raises(LookupError, match="0 rows of the name 'nothing'"):
        fidelity.Obtained("clusters", "reported", "nothing").read(ROOT)
