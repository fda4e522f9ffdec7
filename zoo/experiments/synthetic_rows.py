"""Generated rows of tables: VAEs beside a Gaussian copula and real rows."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from zoo.data.frames import matched
from zoo.data.own import OwnData
from zoo.data.tables import Read
from zoo.experiments.anomaly_tables import rows_of
from zoo.experiments.registry import experiment
from zoo.experiments.table import Table
from zoo.metrics.synthetic import COPULA, SyntheticRows, Tables, copula_rows, written_like
from zoo.models import VAE
from zoo.plots.picture import Picture
from zoo.recipes import own_data, training
from zoo.training.callbacks import KeepBest

PIMA = ("pregnancies", "glucose", "pressure", "skin", "insulin", "bmi", "pedigree", "age")
SEEDS = (1,)
REAL = "real rows"
COLUMNS = ("table, rows", "marginals", "pairs", "nearer", "copies", "score")
MATCHED = ", matched"
DEFAULT, MODAL = "VAE", "VAE with modes"
SETTINGS: dict[str, dict] = {DEFAULT: {}, MODAL: {"likelihood": own_data.MODAL}}


def breast_cancer() -> Read:
    """569 tumors: 30 numbers, and the diagnosis."""
    from sklearn.datasets import load_breast_cancer

    found: Any = load_breast_cancer()
    return table_of(found.data, found.feature_names, {"diagnosis": found.target})


def diabetes() -> Read:
    """442 patients: nine numbers, the sex, and the progression of the disease."""
    from sklearn.datasets import load_diabetes

    found: Any = load_diabetes(scaled=False)
    sex = list(found.feature_names).index("sex")
    numbers = np.column_stack([np.delete(found.data, sex, axis=1), found.target])
    names = [*(n for n in found.feature_names if n != "sex"), "progression"]
    return table_of(numbers, names, {"sex": found.data[:, sex] - 1})


def pima() -> Read:
    """768 women: eight numbers, some of which are 0 where nothing was measured, and diabetes."""
    x, y = rows_of("Pima")
    return table_of(x, PIMA, {"diabetes": y})


TABLES: dict[str, tuple[Callable[[], Read], str]] = {
    "breast cancer": (breast_cancer, "diagnosis"),
    "diabetes": (diabetes, "progression"),
    "Pima": (pima, "diabetes"),
}
QUICK: dict[str, Any] = {
    "TABLES": {"diabetes": TABLES["diabetes"]},
    "SETTINGS": {name: {**more, "hidden_units": [16]} for name, more in SETTINGS.items()},
}


def table_of(numbers: np.ndarray, names: Any, categories: dict[str, np.ndarray]) -> Read:
    """Return a table of numbers [n, k] and categories of integers [n] from 0, by name."""
    x, columns, pairs = [numbers], [*map(str, names)], []
    for name, codes in categories.items():
        size = int(np.max(codes)) + 1
        pairs.append((len(columns), len(columns) + size))
        columns += [f"{name}={value}" for value in range(size)]
        x.append(np.eye(size)[np.asarray(codes, int)])
    rows = np.concatenate(x, axis=1).astype("float32")
    return Read(rows, tuple(columns), tuple(pairs), category_names=tuple(categories))


def split(table: Read, seed: int) -> tuple[Read, Read, Read]:
    """Return 60 % of the rows for training, 20 % for choices, and 20 % for the test."""
    order = np.random.default_rng(seed).permutation(len(table.x))
    first, second = int(0.6 * len(order)), int(0.8 * len(order))
    parts = order[:first], order[first:second], order[second:]
    train, validation, test = (replace(table, x=table.x[part]) for part in parts)
    return train, validation, test


def generated(
    table: Read, n: int, seed: int, settings: dict, epochs: int | None, verbose: int | str
) -> Read:
    """Train a VAE as `zoo train VAE --data` does, and return n rows that it generates."""
    recipe = own_data.recipe_of_class(VAE, table.x.shape[1:], len(table.x), settings)
    recipe = replace(recipe, seed=seed)
    own = OwnData(
        table.x,
        columns=table.columns,
        categories=table.categories,
        category_names=table.category_names,
    )
    recipe, own, _ = own_data.adapted(recipe, own, None, "rows", epochs=epochs)
    cut = len(own.x) - recipe.validation
    keras.utils.set_random_seed(seed)
    model = training.make_model(recipe)
    steps = recipe.epochs * -(-cut // recipe.batch_size)
    model.compile(training.make_optimizer(model, recipe, steps))
    with tempfile.TemporaryDirectory() as folder:
        model.fit(
            own.x[:cut],
            validation_data=own.x[cut:],
            batch_size=recipe.batch_size,
            epochs=recipe.epochs,
            callbacks=[KeepBest(folder)],
            verbose=verbose,
        )
    return written_like(table, model.generate(n, seed=seed))


def matched_rows(table: Read, rows: Read) -> Read:
    """Return rows whose numbers have the distributions of a table, by ranks."""
    x = rows.x.copy()
    inside = {j for start, stop in table.categories for j in range(start, stop)}
    for j in range(x.shape[1]):
        if j not in inside:
            x[:, j] = matched(x[:, j], table.x[:, j].astype("float64"))
    return written_like(table, x)


def measured(
    name: str, seed: int, epochs: int | None, verbose: int | str
) -> dict[str, SyntheticRows]:
    """Return the measures of rows for a table and a seed, by the source of the rows."""
    read, target = TABLES[name]
    train, _, test = split(read(), seed)
    known, n = Tables(train, test, target, seed=seed), len(train.x)
    found = {}
    for source, settings in SETTINGS.items():
        rows = generated(train, n, seed, settings, epochs, verbose)
        found[source] = known.measured(rows)
        found[f"{source}{MATCHED}"] = known.measured(matched_rows(train, rows))
    found[COPULA] = known.measured(copula_rows(train, n, seed))
    found[REAL] = replace(known.measured(test), score=known.real_score)
    return found


@experiment(minutes=5)
def synthetic_rows(epochs: int | None = None, verbose: int | str = 0) -> Table:
    """Generate rows of three real tables by VAEs and a Gaussian copula, and measure them."""
    found = {name: [measured(name, seed, epochs, verbose) for seed in SEEDS] for name in TABLES}
    rows = []
    for name, by_seed in found.items():
        rows += [
            [f"{name}, {source}", *_means([one[source] for one in by_seed])]
            for source in by_seed[0]
        ]
    return Table("Synthetic rows of three tables", _protocol(epochs), COLUMNS, rows, _figure(rows))


def _means(measures) -> list[float]:
    """Return the means over seeds of the five figures, rounded."""
    figures = [[m.marginal, m.pair, m.nearer, m.copies, m.score] for m in measures]
    return [round(float(value), 4) for value in np.mean(figures, axis=0)]


def _protocol(epochs) -> str:
    length = "as many epochs as make 3,000 steps" if epochs is None else f"{epochs} epochs"
    return (
        "Each table is split into 60 % training rows, 20 % validation rows and 20 % test rows, and "
        "as many rows as for training are generated. Means of the seeds "
        f"{', '.join(map(str, SEEDS))}, which draw split, weights and rows. {DEFAULT}: the recipe "
        f"of `zoo train VAE --data`, {length}, and of these that with the lowest loss on a sixth "
        f"of the training rows. {MODAL}: the same with `--likelihood modal`. Matched: with the "
        "training rows' distribution of each number, by ranks (`zoo generate --match`). "
        f"{COPULA}: `zoo.density.GaussianCopula`. "
        f"{REAL.capitalize()}: for marginals, pairs and copies the test rows, for the score the "
        "training rows. Marginals, pairs: mean distance of columns and pairs of columns from the "
        "training rows (`zoo.metrics.synthetic`). Nearer: how often a generated row lies nearer to "
        "a training row than a test row does, 0.5 for new rows. Copies: the share of rows that "
        "equal a training row. Score: of a forest that learned from the rows, on the test rows: R "
        "squared of the progression for diabetes, the area under the ROC curve of the category for "
        "the others. Nothing was chosen for these tables; the validation rows are left out."
    )


def _figure(rows) -> Picture:
    """Draw marginals, pairs, nearer and score, by table and source of the rows."""
    figure = Picture(figsize=(11, 6), dpi=100, layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    names = [*TABLES]
    sources = [f"{name}{more}" for name in SETTINGS for more in ("", MATCHED)] + [COPULA, REAL]
    found = {row[0]: row[1:] for row in rows}
    titles = ("marginals", "pairs", "nearer (0.5 for new rows)", "score on test rows")
    for axes, title, k in zip(panels, titles, (0, 1, 2, 4), strict=True):
        for i, source in enumerate(sources):
            at = np.arange(len(names)) + (i - (len(sources) - 1) / 2) / (len(sources) + 1)
            heights = [found[f"{name}, {source}"][k] for name in names]
            axes.bar(at, heights, 1 / (len(sources) + 1), color=f"C{i}", label=source)
        axes.set_title(title)
        axes.set_xticks(range(len(names)), names)
    panels[2].axhline(0.5, color="0.3", linewidth=0.8)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure
