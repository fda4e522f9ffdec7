"""The tables of the README."""

import json

import zoo
from zoo.readme_tables import END, RESULTS_END, RESULTS_START, START, with_tables


def test_the_tables_have_a_row_for_every_preset_and_every_result(tmp_path):
    record = {
        "title": "A comparison",
        "command": "zoo reproduce it",
        "seed": 1,
        "columns": ["model", "reported", "obtained"],
        "rows": [["PCA", None, 13.87]],
        "protocol": "MNIST.",
        "picture": "it.png",
    }
    (tmp_path / "it.json").write_text(json.dumps(record), encoding="utf-8")
    marks = f"{START}\nold\n{END}\n{RESULTS_START}{RESULTS_END}"
    text = with_tables(f"before\n{marks}\nafter\n", tmp_path)
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "\nold\n" not in text
    for name in zoo.list_models():
        assert text.count(f"| [`{name}`](pretrained/{name}/README.md)") == 1
    assert "| PCA |  | 13.87 |" in text
    assert "![A comparison](results/it.png)" in text
    assert with_tables(text, tmp_path) == text
