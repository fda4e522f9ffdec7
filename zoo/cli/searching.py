"""`zoo search` finds the items that are nearest to a query; it writes a table and a picture."""

from __future__ import annotations

import csv
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from zoo import plots
from zoo.anomaly.folders import read_folder
from zoo.checks.words import printable
from zoo.cli.detection import for_model, read_array
from zoo.data import decoding
from zoo.data.decoding import printable_name
from zoo.data.folders import ENDINGS
from zoo.data.word_counts import decoded, texts
from zoo.files.atomic_writes import publish_folder
from zoo.nn.distributions import Multinomial
from zoo.presets.loading import load as load_preset
from zoo.search import Index
from zoo.search.loading import load as load_index
from zoo.search.saving import FILE

TABLE, PICTURE = "hits.csv", "hits.png"
MOST_SHOWN = 8  # queries in the picture and on the screen


class Items(NamedTuple):
    """Items of one kind, and their names: files, numbers, or a few words."""

    x: Any
    names: list


def search(options: Any, custom_objects: dict) -> None:
    """Run `zoo search` with the options of the command line."""
    model = load_preset(options.name, custom_objects=custom_objects)
    start = time.perf_counter()
    items = None
    if Path(options.data, FILE).is_file():
        if options.metric:
            raise ValueError(f"{options.data} is an index with a metric: leave out --metric.")
        index = load_index(options.data, model, custom_objects=custom_objects)
    else:
        index = Index(model, options.metric)
        items = read(options.data, model, options)
        index.add(items.x, items.names)
    print(f"{index!r} after {time.perf_counter() - start:.1f} s", flush=True)
    queries, itself = queries_of(options, model, items)
    k = min(options.k, len(index) - itself)
    if k < 1:
        what = "only the query itself" if itself else "no items"
        raise ValueError(f"{options.data} holds {what}, so that there is nothing to find.")
    if k < options.k:
        print(f"there are only {k} items to find", flush=True)
    start = time.perf_counter()
    hits = index.query(queries.x, k + itself)
    if itself:  # an item of the data finds itself
        (number,) = queries.names
        kept = hits.rows[0] != number
        kept &= np.cumsum(kept) <= k
        hits = type(hits)(*(values[:, kept] for values in hits))
    taken = time.perf_counter() - start
    print(f"{len(queries.names)} queries in {1000 * taken:.0f} ms", flush=True)
    with publish_folder(options.out, options.overwrite) as folder:
        _write_table(folder / TABLE, queries, hits)
        shown = _write_picture(folder / PICTURE, queries, items, hits)
    if options.save:
        index.save(options.save, overwrite=options.overwrite)
        print(f"{options.save} is the index: zoo search {options.name} {options.save} QUERY")
    for name, ids, distances in list(zip(queries.names, hits.ids, hits.distances, strict=True))[:1]:
        print(f"nearest to {printable(printable_name(str(name)))}:")
        for one, distance in zip(ids.tolist(), distances.tolist(), strict=True):
            print(f"  {distance:10.4f}  {printable(printable_name(str(one)))}")
    written = [TABLE, *([PICTURE] if shown else [])]
    verb = "are" if shown else "is"
    print(f"{' and '.join(str(Path(options.out, name)) for name in written)} {verb} written.")


def read(path: Any, model: Any, options: Any) -> Items:
    """Return the items in a file or folder in the form that the model takes.

    Raises:
        OSError, ValueError: there is no such file, or it does not fit the model.
    """
    if counts_words(model):
        found = texts(path, words=model.likelihood, validation=0, encoding=options.encoding)
        print(found.recognized, flush=True)
        return Items(found.counts, list(map(str, found.names)))
    if Path(path).is_dir():
        folder = read_folder(path, model, cache=options.cache)
        return Items(folder.images, list(map(printable_name, folder.files)))
    x = for_model(read_array(path, options.array), model)
    return Items(x, list(range(len(x))))


def queries_of(options: Any, model: Any, items: Items | None) -> tuple[Items, bool]:
    """Return the queries, and whether the query is one of the items.

    Raises:
        OSError, ValueError: there is no such query, or it does not fit the model.
    """
    query = options.query
    if os.path.exists(query):
        if Path(query).is_dir() or Path(query).suffix in (".npy", ".npz"):
            return read(query, model, options), False
        return Items(*_one(Path(query), model, options)), False
    if query.isdecimal():
        if items is None:
            raise ValueError(
                f"The query is the number {query}, but an index holds codes and no items: give a "
                "file, or the data in place of the index."
            )
        if int(query) >= len(items.names):
            raise ValueError(
                f"The query is {query}, but there are {len(items.names)} items, numbered from 0."
            )
        number = int(query)
        return Items(items.x[number : number + 1], [number]), True
    if not counts_words(model):
        raise FileNotFoundError(
            f"{query} does not exist: give an image, a folder, an .npy or .npz file, or a number."
        )
    return _of_words(query, query, model), False


def counts_words(model: Any) -> bool:
    """Return whether a model takes word counts and knows the words."""
    likelihood = model.likelihood
    return isinstance(likelihood, Multinomial) and likelihood.names is not None


def _one(path, model, options):
    """Return one query from a file, and its name."""
    if counts_words(model):
        return _of_words(decoded(path, options.encoding), path.name, model)
    shape = tuple(model.image_shape)
    if len(shape) != 3 or shape[-1] not in (1, 3) or path.suffix.lower() not in ENDINGS:
        raise ValueError(
            f"{path} is not a query for this model, which takes items of shape {shape}: give an "
            f"image ({', '.join(ENDINGS)}) for a model of images, else an .npy file."
        )
    x = decoding.pixels(path, shape[:2], shape[-1])
    return x[None].astype("float32") / np.float32(255), [path.name]


def _of_words(text, name, model) -> Items:
    found = texts([text], words=model.likelihood, validation=0)
    print(f"{100 * found.known_share:.0f} % of the query's words are known", flush=True)
    return Items(found.counts, [name])


def _write_table(path, queries, hits):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["query", "rank", "item", "distance"])
        for name, ids, distances in zip(queries.names, hits.ids, hits.distances, strict=True):
            for rank, (one, far) in enumerate(
                zip(ids.tolist(), distances.tolist(), strict=True), 1
            ):
                item = printable_name(str(one))
                writer.writerow([printable_name(str(name)), rank, item, f"{far:.6g}"])


def _write_picture(path, queries, items, hits) -> bool:
    """Write the picture if the items are images that are at hand; return whether they are."""
    if items is None or len(items.x.shape) != 4 or items.x.shape[-1] not in (1, 3):
        return False
    shown = np.asarray(queries.x[:MOST_SHOWN])
    found = np.stack(
        [np.asarray(items.x[np.sort(rows)])[_ranks(rows)] for rows in hits.rows[:MOST_SHOWN]]
    )
    plots.hits(shown, found, hits.distances[:MOST_SHOWN]).savefig(path)
    return True


def _ranks(rows) -> np.ndarray:
    """Return where each row is among the sorted rows, because files are read in their order."""
    return np.argsort(np.argsort(rows))
