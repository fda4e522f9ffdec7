"""The pages that are written from cards and results."""

import json

from generated_pages import presets_page, results_page, with_presets

import zoo


def test_every_preset_has_one_row_on_the_page_of_all():
    text = presets_page()
    for name in zoo.list_models():
        assert text.count(f"| [`{name}`]({name}/README.md)") == 1


def test_the_page_of_a_family_lists_its_presets_and_keeps_the_rest():
    page = "before\n<!-- presets: CVAE -->\nold\n<!-- end of presets -->\nafter\n"
    text = with_presets(page)
    assert text.startswith("before\n<!-- presets: CVAE -->\n| preset |")
    assert text.endswith("\n<!-- end of presets -->\nafter\n")
    assert "\nold\n" not in text
    assert text.count("| [`cvae_") == len(zoo.list_models("cvae*"))
    assert with_presets(text) == text


def test_every_result_has_its_table_its_protocol_and_its_picture(tmp_path):
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
    text = results_page(tmp_path)
    assert "- [A comparison](#it)" in text
    assert "| PCA |  | 13.87 |" in text
    assert "MNIST." in text
    assert "![A comparison](it.png)" in text
