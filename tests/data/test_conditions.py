"""Conditions on rows of a table, read from text."""

import numpy as np
import pytest

from zoo.data.conditions import Condition, condition

pandas = pytest.importorskip("pandas")
SOURCES = [
    ("age", ()),
    ("age<5", ("yes", "no")),
    ("kind=", ("a", "b=c")),
    ("member", ("False", "True")),
]
FRAME = pandas.DataFrame(
    {
        "age": [3, 40, 41, 70],
        "age<5": pandas.Categorical(["yes", "no", "no", "no"]),
        "kind=": ["a", "b=c", "a", "b=c"],
        "member": [True, False, False, True],
    }
)


@pytest.mark.parametrize(
    ("text", "column", "held"),
    [
        ("age<40", "age", [1, 0, 0, 0]),
        ("age <= 40", "age", [1, 1, 0, 0]),
        (" age>=41 ", "age", [0, 0, 1, 1]),
        ("age>4.1e1", "age", [0, 0, 0, 1]),
        ("age=41", "age", [0, 0, 1, 0]),
        ("age==41", "age", [0, 0, 1, 0]),
        ("age<5", "age", [1, 0, 0, 0]),
        ("age<5=no", "age<5", [0, 1, 1, 1]),
        ("kind==b=c", "kind=", [0, 1, 0, 1]),
        ("member=True", "member", [1, 0, 0, 1]),
    ],
)
def test_a_condition_holds_where_it_says(text, column, held):
    found = condition(text, SOURCES)
    assert found.column == column
    assert found.holds(FRAME).astype(int).tolist() == held
    assert condition(str(found), SOURCES) == found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("size<3", "is no condition on a column: .* such as 'age<10'; the columns are 'age'"),
        ("age", "is no condition"),
        ("age!3", "is no condition"),
        ("age<ten", "'age' holds numbers, and 'ten' is none"),
        ("age<nan", "'nan' is none"),
        ("kind=<a", "is no condition|not ordered"),
        ("member<True", "not ordered; use ="),
        ("kind==d", "'kind=' has the values 'a', 'b=c'"),
    ],
)
def test_other_texts_are_refused(text, told):
    with pytest.raises(ValueError, match=told):
        condition(text, SOURCES)


def test_what_no_number_of_a_range_fulfills_is_known():
    cases = {
        "<2": False,
        "<=2": True,
        "<3": True,
        ">9": False,
        ">=9": True,
        "=5": True,
        "=1": False,
    }
    for text, possible in cases.items():
        assert condition(f"age{text}", SOURCES).possible(2, 9) is possible, text
        values = np.linspace(2, 9, 71).round(1)
        held = condition(f"age{text}", SOURCES).holds(pandas.DataFrame({"age": values}))
        assert held.any() == possible, text
    assert Condition("kind=", "=", "a").possible(0, 0)
