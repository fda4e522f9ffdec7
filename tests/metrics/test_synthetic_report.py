"""The page about generated rows."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import zoo
from zoo.cli.main import main
from zoo.metrics.synthetic_report import summary

pandas = pytest.importorskip("pandas")


def people(n, seed):
    generator = np.random.default_rng(seed)
    size = generator.normal(size=n)
    frame = pandas.DataFrame({"height <cm>": (170 + 8 * size).round(1)})
    frame["age"] = generator.integers(18, 80, n)
    frame["kind"] = np.where(size > 0, "tall & strong", "short")
    return frame


class Page(HTMLParser):
    """Collects the tags, the addresses and the cells of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.cells, self.inside = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href")]
        self.inside = tag

    def handle_data(self, data):
        if self.inside in ("td", "th"):
            self.cells.append(data)
        self.inside = ""


@pytest.mark.slow
def test_a_page_has_the_measures_and_needs_no_other_file(tmp_path):
    real, held, tables = people(200, 0), people(100, 1), {"<b>mine": people(150, 2)}
    path = tmp_path / "rows.html"
    options = {"held_out": held, "target": "kind"}
    found = zoo.metrics.write_synthetic_report(real, tables, path, **options)
    same = zoo.metrics.compare_synthetic(real, tables, **options)
    assert found == same
    page = Page(path.read_text("utf-8"))
    assert len(page.addresses) == page.tags.count("img") == 2
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert not {"b", "script", "link", "iframe"} & {*page.tags}
    for name, measures in found.items():
        at = page.cells.index(name)
        assert page.cells[at + 1] == f"{measures.marginal:.3f}"
        assert page.cells[at + 2] == f"{measures.pair:.3f}"
        assert page.cells[at + 3] == f"{measures.nearer:.3f}"
    assert f"{found['<b>mine'].real_score:.3f}" in page.cells
    assert "area under the ROC curve" in page.cells
    with pytest.raises(FileExistsError):
        zoo.metrics.write_synthetic_report(real, tables, path)
    zoo.metrics.write_synthetic_report(real, tables, path, overwrite=True)
    text = path.read_text("utf-8")
    assert "Without held-out rows nothing is said about privacy or use." in text
    assert "nearer" not in Page(text).cells


def test_a_table_of_measures_has_what_was_measured():
    real, tables = people(100, 0), {"mine": people(100, 2)}
    titles, lines = summary(zoo.metrics.compare_synthetic(real, tables))
    assert titles == ("rows", "marginals", "pairs", "copies")
    assert [line[0] for line in lines] == ["mine", "Gaussian copula"]
    options = {"held_out": people(60, 1), "target": "age"}
    titles, lines = summary(zoo.metrics.compare_synthetic(real, tables, **options))
    assert titles == ("rows", "marginals", "pairs", "nearer", "copies", "R squared")
    assert [line[0] for line in lines][2:] == ["held-out rows", "training rows"]
    assert {len(line) for line in lines} == {6}


@pytest.mark.slow
@pytest.mark.parametrize("columns", [1, 30])
def test_tables_of_few_and_many_columns_have_pages(columns, tmp_path):
    generator = np.random.default_rng(0)
    names = [f"column number {j}" for j in range(columns)]
    frames = [pandas.DataFrame(generator.normal(size=(60, columns)), columns=names) for _ in "ab"]
    zoo.metrics.write_synthetic_report(frames[0], {"b": frames[1]}, tmp_path / "rows.html")
    text = (tmp_path / "rows.html").read_text("utf-8")
    assert ("The 12 columns that are farthest apart" in text) == (columns > 12)
    assert text.count("<img") == 1 + (columns > 1)


@pytest.mark.slow
def test_the_command_prints_the_measures_and_writes_the_page(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    real = people(200, 0)
    real["id"] = np.arange(200)
    real.to_csv("real.csv", index=False, sep=";", decimal=",")
    people(100, 1).to_csv("held.csv", index=False, sep=";", decimal=",")
    people(150, 2).to_csv("mine.csv", index=False)
    command = ["compare", "real.csv", "mine.csv", "--held-out", "held.csv", "--target", "age"]
    command += ["--drop", "id", "--decimal", ",", "--delimiter", ";"]
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.split("  +", lines[0]) == [
        *("rows", "marginals", "pairs", "nearer", "copies", "R squared")
    ]
    assert [re.split("  +", line)[0] for line in lines[1:5]] == [
        *("mine", "Gaussian copula", "held-out rows", "training rows")
    ]
    assert lines[-1] == "rows.html is written."
    assert main(command) == 1
    assert "rows.html" in capsys.readouterr().err
    twice = ["compare", "real.csv", "mine.csv", "mine.csv", "--out", "other.html"]
    assert main(twice) == 1
    assert "given twice" in capsys.readouterr().err
    assert main(["compare", "real.csv", "mine.csv", "--out", "page"]) == 1
    assert "a .html file, and --out is page" in capsys.readouterr().err
