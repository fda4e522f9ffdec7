"""Texts as counts of words: from a folder of text files, a column of a table, or strings."""

from __future__ import annotations

import os
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from zoo.checks.arguments import number, whole
from zoo.data.decoding import printable_name
from zoo.data.folders import FROM_SUBFOLDERS
from zoo.data.table_cells import cells_of, is_frame, is_table, listed

LARGEST = 2**24  # bytes of a text file
_MOST_WORDS = 100_000
_WORD = re.compile(r"[^\W\d_]{2,}")  # two letters or more of any script
# What is left of English contractions, such as "don't", after the apostrophe is cut off.
_CONTRACTIONS = {
    *("aren", "couldn", "didn", "doesn", "don", "hadn", "hasn", "haven", "isn", "ll"),
    *("re", "shouldn", "ve", "wasn", "weren", "wouldn"),
}


class Texts(tuple):
    """The word counts of texts: unpacks into `(x, y), (x_val, y_val)`; see `zoo.data.texts`.

    Attributes:
        words: the words that are counted, in the order of the columns; stems, if there is a
            stemmer.
        counts: the counts of all texts, float32 [n, words], in the order of `names`.
        labels: the labels of all texts, int32 [n], or None.
        class_names: what the labels mean, in order; () without labels.
        names: the files of all texts inside the folder, or the numbers of rows or strings.
        empty: texts that have none of the words and are left out, as `names`.
        broken: files that cannot be read, as {path: reason}.
        counting: the stemmer and the stop words: `stem` and `stop_words`.
        known_share: the share of all words, except stop words, that are counted, from 0 to 1.
        recognized: how many texts and words there are, in words.
    """

    words: tuple[str, ...]
    counts: np.ndarray
    labels: np.ndarray | None
    class_names: tuple[str, ...]
    names: tuple
    empty: tuple
    broken: dict[str, str]
    counting: dict[str, Any]
    known_share: float
    recognized: str

    def likelihood(self) -> Any:
        """Return the likelihood of these words, a `zoo.Multinomial` adapted to the training texts.

        It stores the words and how they were counted, so that
        `zoo.data.texts(others, words=model.likelihood)` counts in the same way.
        """
        from zoo.nn.distributions import Multinomial  # reading needs no Keras

        (x, _), _ = self
        return Multinomial.adapted(x, self.words, self.counting)


def texts(
    source: Any,
    *,
    words: int | Sequence[str] | Any = 2000,
    column: str | None = None,
    labels: str | None = None,
    stem: str | None = "auto",
    stop_words: str | Iterable[str] | None = "auto",
    encoding: str = "utf-8",
    validation: float = 0.1,
    seed: int = 0,
) -> Texts:
    """Count the words of texts, as data for `fit`.

    A word is two letters or more, of any script, in lower case. Stop words are left out, then
    words are cut to their stems, and the commonest stems are counted. Hidden files, files of more
    than 16 MiB, and files that hold the byte 0, which are no texts, are left out.

    Args:
        source: a folder of text files with any endings, with its subfolders; a list of strings; or
            a table, see `zoo.data.from_table`.
        words: how many of the commonest words to count; or the words, in the order of the columns:
            a sequence, or the likelihood of a trained model, which has them as `names`.
        column: the column of the table that holds the texts.
        labels: for a folder, "from_subfolders": the class of a text is the folder right below
            `source` that holds it, in alphabetical order. For a table, the column of labels.
        stem: the language of snowballstemmer (`pip install 'autoencoder-zoo[texts]'`), or None for
            whole words; "auto" is what the likelihood in `words` was counted with, else "english".
        stop_words: "english" for scikit-learn's list, words, or None; "auto" as for `stem`.
        encoding: of the files; "latin-1" reads any file.
        validation: the share of the texts that is kept for validation, drawn by `seed`; from 0 to
            below 1.
        seed: seed of that draw.

    Returns:
        `(x, y), (x_val, y_val)`, with the attributes of `Texts`: counts float32 [n, words], labels
        int32 [n] or None. Warnings name texts that are left out.

    Raises:
        OSError: there is no such file or folder. ImportError: snowballstemmer is needed.
        TypeError: strings are expected.
        ValueError: no texts, no words, an unknown language or column, or a file in another
            encoding.

    Examples:
        >>> found = zoo.data.texts(
        ...     ["Cats chase mice.", "A cat chased a mouse!", "Stocks fell."], words=3, stem=None)
        >>> found.words
        ('cat', 'cats', 'chase')
        >>> found.empty  # texts without any of these words
        (2,)
        >>> found.counts
        array([[0., 1., 1.],
               [1., 0., 0.]], dtype=float32)
    """
    validation = number("validation", validation, least=0, below=1)
    given, names, classes, broken = _read(source, column, labels, encoding)
    known_counting = getattr(words, "counting", None) or {}
    if isinstance(stem, str) and stem == "auto":
        stem = known_counting.get("stem", "english")
    if isinstance(stop_words, str) and stop_words == "auto":
        stop_words = known_counting.get("stop_words", "english")
    elif not isinstance(stop_words, str | None):
        stop_words = sorted(map(str, stop_words))
    stemmed, stopped = _stemmer(stem), _stop_words(stop_words)
    found = [_counted(text, stemmed, stopped) for text in given]
    vocabulary = _vocabulary(words, found)
    place = {word: i for i, word in enumerate(vocabulary)}
    counts = np.zeros((len(found), len(vocabulary)), "float32")
    for row, one in zip(counts, found, strict=True):
        for word, count in one.items():
            if word in place:
                row[place[word]] = count
    total, known = sum(one.total() for one in found), float(counts.sum(dtype="float64"))
    full = np.asarray(counts.any(axis=1))
    empty = tuple(name for name, some in zip(names, full, strict=True) if not some)
    if not full.any():
        raise ValueError(
            f"None of the {len(found):,} texts has one of the {len(vocabulary):,} words: were the "
            "words made with the same stem=?"
        )
    if empty or broken:
        warnings.warn(_left_out(empty, broken), stacklevel=2)
    made = _split(counts[full], _labels_of(classes, full), validation, seed)
    made.words, made.counts, made.broken, made.empty = vocabulary, counts[full], broken, empty
    made.names = tuple(name for name, some in zip(names, full, strict=True) if some)
    made.known_share = known / total
    made.counting = {"stem": stem, "stop_words": stop_words}
    made.recognized = (
        f"{int(full.sum()):,} texts of {total / len(found):,.0f} words on average, without stop "
        f"words; {len(vocabulary):,} words are counted, {100 - 100 * made.known_share:.1f} % of "
        "the words are others"
    )
    return made


def _split(counts, labels, validation, seed) -> Texts:
    y, classes = labels
    order = np.random.default_rng(whole("seed", seed)).permutation(len(counts))
    kept = min(max(1, round(validation * len(counts))), len(counts) - 1) if validation else 0
    rows = np.sort(order[kept:]), np.sort(order[:kept])
    made = Texts((counts[part], None if y is None else y[part]) for part in rows)
    made.counts, made.labels, made.class_names = counts, y, classes
    return made


def _labels_of(classes, full) -> tuple[np.ndarray | None, tuple[str, ...]]:
    if classes is None:
        return None, ()
    names, y = np.unique(classes, return_inverse=True)
    return y.astype("int32")[full], tuple(map(str, names.tolist()))


# Words


def _counted(text: str, stemmed: Callable, stopped: frozenset) -> Counter:
    """Return the counts of a text's words."""
    return Counter(stemmed(word) for word in _WORD.findall(text.lower()) if word not in stopped)


def _stemmer(language: str | None) -> Callable[[str], str]:
    """Return a function from words to their stems, which remembers them."""
    if language is None:
        return str
    try:
        import snowballstemmer
    except ImportError as error:
        raise ImportError(
            "snowballstemmer, which cuts words to their stems, is not installed: pip install "
            "'autoencoder-zoo[texts]', or give stem=None to count whole words."
        ) from error
    if language not in snowballstemmer.algorithms():
        known = ", ".join(snowballstemmer.algorithms())
        raise ValueError(f"stem is {language!r}; choose None or one of {known}.")
    stem, known_stems = snowballstemmer.stemmer(language).stemWord, {}

    def stemmed(word):
        if word not in known_stems:
            known_stems[word] = stem(word)
        return known_stems[word]

    return stemmed


def _stop_words(words) -> frozenset[str]:
    if words is None:
        return frozenset()
    if isinstance(words, str):
        if words != "english":
            raise ValueError(
                f'stop_words is {words!r}; give "english", a list of words, or None for none.'
            )
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        return ENGLISH_STOP_WORDS | _CONTRACTIONS
    return frozenset(str(word).lower() for word in words)


def _vocabulary(words, found) -> tuple[str, ...]:
    """Return the words to count: given, or the commonest of these counts, then by alphabet."""
    names = getattr(words, "names", words)
    if names is None:
        raise ValueError(f"{words!r} has no names of words: give the words themselves.")
    if not isinstance(names, Real):
        if isinstance(names, str) or not hasattr(names, "__iter__"):
            raise TypeError(
                f"words is {names!r}; give a number, a list of words, or a zoo.Multinomial "
                "with names."
            )
        names = tuple(map(str, names))
        if len(set(names)) != len(names) or not names:
            raise ValueError("words holds a word twice, or none.")
        return names
    most = whole("words", names, least=1)
    if most > _MOST_WORDS:
        raise ValueError(f"words is {most}; give at most {_MOST_WORDS:,}.")
    totals: Counter = Counter()
    for one in found:
        totals.update(one)
    if not totals:
        raise ValueError("The texts have no words of two letters, except stop words.")
    ranked = sorted(totals, key=lambda word: (-totals[word], word))
    return tuple(ranked[:most])


# Sources


def _read(source, column, labels, encoding) -> tuple[list[str], tuple, Any, dict[str, str]]:
    """Return texts, their names, classes or None, and the broken files."""
    if is_frame(source) or (isinstance(source, str | os.PathLike) and is_table(source)):
        return _of_table(source, column, labels)
    if column is not None:
        raise ValueError(f"column={column!r} is for a table: leave it out.")
    if isinstance(source, str | os.PathLike):
        return _of_folder(Path(source), labels, encoding)
    if labels is not None:
        raise ValueError("labels= is for a folder or a table: keep labels of strings yourself.")
    given = list(source)
    if wrong := [text for text in given if not isinstance(text, str)]:
        raise TypeError(f"A text is {wrong[0]!r}; strings, a folder or a table are expected.")
    if not given:
        raise ValueError("There are no texts.")
    return given, tuple(range(len(given))), None, {}


def _of_table(table, column, labels):
    cells = cells_of(table, None, None)
    if column is None:
        raise ValueError(
            f"{cells.origin} is a table: name the column of texts, column=, of "
            f"{listed(cells.columns)}."
        )
    for name in filter(None, (column, labels)):
        if name not in cells.columns:
            raise ValueError(
                f"{cells.origin} has no column {name!r}; it has {listed(cells.columns)}."
            )
    given = ["" if cell is None else str(cell) for cell in cells.columns[column]]
    classes = None if labels is None else list(map(str, cells.columns[labels]))
    return given, tuple(range(len(given))), classes, {}


def _of_folder(folder, labels, encoding):
    if labels not in (None, FROM_SUBFOLDERS):
        raise ValueError(f'labels is {labels!r}; give "{FROM_SUBFOLDERS}", or None for no labels.')
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise NotADirectoryError(f"{folder} {what}; give a folder of text files, or a table.")
    given, names, broken = [], [], {}
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for file in files:
            path = Path(place, file)
            name = path.relative_to(folder).as_posix()
            if file.startswith(".") or not path.is_file():
                continue
            if reason := _no_text(path):
                broken[name] = reason
                continue
            names.append(name)
            given.append(decoded(path, encoding))
    if not given:
        raise ValueError(f"{folder} holds no text files.")
    order = sorted(range(len(names)), key=names.__getitem__)
    names = tuple(names[i] for i in order)
    classes = None
    if labels:
        beside = [name for name in names if "/" not in name]
        if beside:
            raise ValueError(
                f"{len(beside)} texts lie in {folder} itself and have no class, such as "
                f"{printable_name(beside[0])}: move them into one of the class folders, or leave "
                "labels out."
            )
        classes = [printable_name(name.split("/")[0]) for name in names]
    return [given[i] for i in order], names, classes, broken


def _no_text(path) -> str:
    """Return why a file is not read as a text, or ""."""
    size = path.stat().st_size
    if size > LARGEST:
        return f"{size / 1e6:.0f} MB, more than {LARGEST / 2**20:.0f} MiB"
    with open(path, "rb") as file:
        return "no text, as it holds the byte 0" if b"\0" in file.read() else ""


def decoded(path: Path, encoding: str) -> str:
    """Return the content of a text file.

    Raises:
        ValueError: it is not a text in this encoding, or the encoding is unknown.
    """
    try:
        return path.read_text(encoding=encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise ValueError(
            f'{path} is not a text in {encoding} ({error}): give encoding=, such as "latin-1", '
            "which reads any file."
        ) from error


def _left_out(empty, broken) -> str:
    said = []
    if empty:
        some = ", ".join(printable_name(str(name)) for name in empty[:5])
        said.append(f"{len(empty)} texts have none of the words and are left out: {some}")
    if broken:
        some = "; ".join(f"{printable_name(n)} ({why})" for n, why in list(broken.items())[:5])
        said.append(f"{len(broken)} files are left out: {some}")
    return ". ".join(said) + "."
