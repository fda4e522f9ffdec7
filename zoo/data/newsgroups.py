"""20 Newsgroups: postings of twenty groups as counts of words, split by date."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

import numpy as np

from zoo.data.source import SOURCES, Source, in_folder
from zoo.data.word_counts import texts

FILE = "20newsgroups.tar.xz"
PARTS = ("20news-bydate-train", "20news-bydate-test")
GROUPS = (
    *("alt.atheism", "comp.graphics", "comp.os.ms-windows.misc", "comp.sys.ibm.pc.hardware"),
    *("comp.sys.mac.hardware", "comp.windows.x", "misc.forsale", "rec.autos", "rec.motorcycles"),
    *("rec.sport.baseball", "rec.sport.hockey", "sci.crypt", "sci.electronics", "sci.med"),
    *("sci.space", "soc.religion.christian", "talk.politics.guns", "talk.politics.mideast"),
    *("talk.politics.misc", "talk.religion.misc"),
)
WORDS = 2000


def postings(part: str) -> tuple[list[str], np.ndarray]:
    """Return the texts of one part, and the number of each text's group, int32 [n].

    Args:
        part: one of `PARTS`.

    Raises:
        OSError: the file is not in the folder that ZOO_DATA names. ValueError: it is another file.
    """
    path = in_folder(FILE)
    if path is None:
        raise OSError(
            f"The data set newsgroups was not found; the zoo does not download it. Put {FILE}, "
            f"with the folders {' and '.join(PARTS)}, into a folder and set ZOO_DATA to that "
            "folder. scikit-learn downloads the same postings, "
            "sklearn.datasets.fetch_20newsgroups(); count their words with zoo.data.texts."
        )
    source = SOURCES["newsgroups"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != source.sha256[FILE]:
        raise ValueError(f"{path} is not {source.title}: it has the sha256 {digest[:12]}...")
    found = []
    with tarfile.open(path, "r:xz") as archive:
        for entry in archive:
            place = Path(entry.name).parts
            if entry.isfile() and place[-3:-2] == (part,):
                content = archive.extractfile(entry)
                assert content is not None  # a file
                text = content.read().decode("latin-1")
                found.append((GROUPS.index(place[-2]), place[-1], text))
    found.sort()
    return [text for *_, text in found], np.array([group for group, *_ in found], "int32")


def _counts(name: str = "newsgroups") -> tuple:
    """Return the counts of the 2,000 commonest words of the training part, and the groups."""
    (train, y), (test, y_test) = map(postings, PARTS)
    counted = texts(train, words=WORDS, validation=0)
    y = y[list(counted.names)]
    order = np.random.default_rng(0).permutation(len(y))  # they are sorted by group
    counted_test = texts(test, words=counted.words, validation=0)
    x, y_test = counted.counts[order], y_test[list(counted_test.names)]
    return x, y[order], counted_test.counts, y_test


def words() -> tuple[str, ...]:
    """Return the words whose counts are the columns of the data set: stems, the commonest first."""
    return texts(postings(PARTS[0])[0], words=WORDS, validation=0).words


SOURCES["newsgroups"] = Source(
    "20 Newsgroups: 18,846 postings of twenty groups as counts of 2,000 words, split by date",
    "none stated",
    "K. Lang; J. Rennie for the split by date",
    GROUPS,
    {FILE: "c9bdc9ac4e397f1939f2e3bfbf7ae51da1dfa317a08e96168d7edcf1d3f88c6c"},
    11_314,
    read=_counts,
    columns=words,
)
