"""Detectors of anomalies on thirteen tables: the zoo's beside PyOD's, on the same splits.

    ZOO_DATA=folder python tests/benchmarks/anomalies.py [--areas areas.jsonl] [--out results]

It takes an hour of one core, and needs `pip install pyod torch tqdm`. The areas under the ROC curve
are kept in a file, a line each; what is there is not measured again. The table that it writes is
`results/anomaly_tables.json`; `zoo reproduce anomaly_tables` makes it without the columns of PyOD.
"""

import argparse
import importlib
import importlib.metadata
import json
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the networks are too small for more

from zoo import experiments
from zoo.experiments import anomaly_tables as tables

# Module, class, and what is not a default: seeds, and silence.
PYOD = {
    "AE": ("auto_encoder", "AutoEncoder", lambda seed: {"random_state": seed, "verbose": 0}),
    "VAE": ("vae", "VAE", lambda seed: {"random_state": seed, "verbose": 0}),
    "IForest": ("iforest", "IForest", lambda seed: {"random_state": seed}),
    "KNN": ("knn", "KNN", lambda seed: {}),
}


def scores_of_pyod(detector):
    """Return a function to the scores of a detector of PyOD with its defaults."""

    def scores(x, x_test, trial):
        module, name, options = PYOD[detector]
        made = getattr(importlib.import_module(f"pyod.models.{module}"), name)
        return made(**options(trial)).fit(x).decision_function(x_test)

    return scores


DETECTORS = {"zoo": tables.scores_of_vae, **{name: scores_of_pyod(name) for name in PYOD}}
TITLES = {"zoo": tables.OURS, **{name: f"PyOD {name}" for name in PYOD}}


def measure(path, trials, names, detectors):
    """Return areas by table, trial and detector; each is written to a file as soon as it is known.

    Args:
        path: of the file. trials: their seeds. names: of the tables. detectors: their names.
    """
    lines = path.read_text().splitlines() if path.exists() else []
    found = {tuple(key): area for *key, area, _ in map(json.loads, lines)}
    for trial in trials:
        for name in names:
            for detector in detectors:
                if (name, trial, detector) in found:
                    continue
                start = time.perf_counter()
                area = tables.area(name, trial, DETECTORS[detector])
                found[name, trial, detector] = area
                seconds = round(time.perf_counter() - start, 1)
                with path.open("a") as file:
                    file.write(json.dumps([name, trial, detector, area, seconds]) + "\n")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--areas", type=Path, default=Path("areas.jsonl"), help="what is measured")
    parser.add_argument("--out", default="results", help="folder of the table")
    parser.add_argument("--trials", type=int, default=tables.TRIALS)
    parser.add_argument("--tables", nargs="+", default=list(tables.REPORTED))
    parser.add_argument("--detectors", nargs="+", default=list(DETECTORS), choices=DETECTORS)
    options = parser.parse_args()
    trials = range(1, options.trials + 1)
    found = measure(options.areas, trials, options.tables, options.detectors)
    if set(options.tables) != {*tables.REPORTED} or set(options.detectors) != {*DETECTORS}:
        return  # a part, to be completed later
    by_title = {
        (name, TITLES[d]): [found[name, trial, d] for trial in trials]
        for name in tables.REPORTED
        for d in DETECTORS
    }
    about = (
        f"PyOD {importlib.metadata.version('pyod')}: its classes AutoEncoder, VAE, IForest and KNN "
        "with their defaults, measured here on the same rows. "
    )
    table = tables.table_of(by_title, TITLES.values(), tables.EPOCHS, about)
    command = "python tests/benchmarks/anomalies.py"
    experiments.write_table(table, "anomaly_tables", options.out, command)


if __name__ == "__main__":
    main()
