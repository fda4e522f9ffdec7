"""Captions as rows of word numbers, and drawn scenes with captions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from zoo.checks.arguments import whole
from zoo.checks.names import suggestion
from zoo.data.source import SOURCES, Source


class Vocabulary:
    """A vocabulary that turns captions into rows of word numbers; the number 0 means no word.

    Args:
        words: known words, in lower case; their numbers are 1, 2, ...
        length: the length of a row, which is the largest number of words in a caption.

    Examples:
        >>> words = zoo.data.Vocabulary.of(["a dark cat", "two cats"])
        >>> words.numbers(["two dark cats"])
        array([[5, 4, 3]], dtype=int32)
        >>> words.captions([[5, 3, 0]])
        ['two cats']
    """

    def __init__(self, words: Iterable[str], length: int):
        if isinstance(words, str):
            raise TypeError(f"words is one string; give a list of words: {words.split()}.")
        self.words = tuple(word.lower() for word in words)
        self.length = whole("length", length, least=1)
        self._number = {word: number for number, word in enumerate(self.words, 1)}

    @classmethod
    def of(cls, captions: Iterable[str]) -> Vocabulary:
        """Return the vocabulary of all words in captions, in alphabetical order."""
        if isinstance(captions, str):
            raise TypeError(f"captions is one string; give a list of them: [{captions!r}].")
        rows = [_words(caption) for caption in captions]
        if not any(rows):
            raise ValueError("There are no words in the captions.")
        return cls(sorted({word for row in rows for word in row}), max(map(len, rows), default=1))

    def __len__(self) -> int:
        """Return the number of word numbers: all words, and 0 for no word."""
        return len(self.words) + 1

    def numbers(self, captions: Iterable[str]) -> np.ndarray:
        """Return captions as rows of word numbers, int32 [n, length], 0 after the last word.

        Raises:
            TypeError: one string instead of a list, or an element that is not a string.
            ValueError: a caption that is too long, or an unknown word; the error suggests the
                nearest known word.
        """
        if isinstance(captions, str):
            raise TypeError(f"captions is one string; give a list of them: [{captions!r}].")
        captions = list(captions)
        found = np.zeros((len(captions), self.length), "int32")
        for row, caption in zip(found, captions, strict=True):
            if not isinstance(caption, str):
                raise TypeError(f"A caption is {caption!r}; give strings.")
            words = _words(caption)
            if len(words) > self.length:
                raise ValueError(
                    f"The caption {caption!r} has {len(words)} words; at most "
                    f"{self.length} are allowed."
                )
            for i, word in enumerate(words):
                if word not in self._number:
                    raise ValueError(
                        f"The caption {caption!r} has the unknown word {word!r}"
                        f"{suggestion(word, self.words)}"
                    )
                row[i] = self._number[word]
        return found

    def captions(self, numbers: Any) -> list[str]:
        """Return rows of word numbers [n, at most length] as captions.

        Raises:
            ValueError: numbers out of range, or an array that is not [n, words].
        """
        known, numbers = ("", *self.words), np.asarray(numbers)
        right = numbers.ndim == 2 and numbers.dtype.kind in "iu"
        if not right or (numbers.size and not 0 <= numbers.min() <= numbers.max() < len(known)):
            raise ValueError(f"Give integers from 0 to {len(known) - 1} of shape [n, words].")
        return [" ".join(known[number] for number in row if number) for row in numbers]


def _words(caption):
    return re.findall(r"\w+", caption.lower())


# Drawn scenes

COUNTS, SIZES, SHADES = ("a", "two", "three"), ("small", "large"), ("light", "dark")
SHAPES = {"circle": "circles", "cross": "crosses", "square": "squares", "triangle": "triangles"}
ATTRIBUTES = (len(COUNTS), len(SIZES), len(SHADES), len(SHAPES))
SIDE = 32
WORDS = Vocabulary(
    (*COUNTS, *SIZES, *SHADES, *SHAPES, *SHAPES.values(), "above"), length=2 * len(ATTRIBUTES) + 1
)
TRAINING, TESTING = 30_000, 2_000
_FINER = 3  # images are drawn at this multiple of the resolution, then averaged


def training_and_test() -> list[np.ndarray]:
    """Return images and captions of 30,000 training scenes, and of 2,000 held-out test scenes."""
    (x, _, words), (x_test, _, words_test) = (
        draw(n, seed=seed, held_out=held_out)
        for n, seed, held_out in ((TRAINING, 0, False), (TESTING, 1, True))
    )
    return [x, words, x_test, words_test]


def draw(
    n: int, *, seed: int = 0, held_out: bool | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw scenes of one group of shapes above another, with their captions.

    A group has 1 to 3 shapes of the same kind, size and shade, at random places. Each caption
    leaves out the size, and likewise the shade, of a group with probability 0.3; the image may then
    show either.

    Args:
        n: the number of scenes.
        seed: seed of all random draws.
        held_out: True draws only held-out scenes (see `is_held_out`), False only the other scenes,
            None any scene.

    Returns:
        images, float32 [n, 32, 32, 1] in [0, 1]; the content of the scenes, int32 [n, 2, 4]: for
        the upper and the lower group the numbers of count, size, shade and shape; and the captions
        as word numbers, int32 [n, 9], see `WORDS`.

    Examples:
        >>> from zoo.data import captions
        >>> images, scenes, words = captions.draw(3)
        >>> images.shape
        (3, 32, 32, 1)
        >>> captions.WORDS.captions(words)[0]
        'three large light circles above two large dark crosses'
    """
    n, generator = whole("n", n, least=1), np.random.default_rng(seed)
    scenes = np.zeros((0, 2, 4), "int32")
    while len(scenes) < n:
        drawn = np.stack(
            [generator.integers(0, most, (2 * n, 2)) for most in ATTRIBUTES], axis=-1
        ).astype("int32")
        if held_out is not None:
            drawn = drawn[is_held_out(drawn) == held_out]
        scenes = np.concatenate([scenes, drawn])[:n]
    said = generator.random((n, 2, 2)) >= 0.3  # of size and shade
    words = WORDS.numbers(caption(*pair) for pair in zip(scenes, said, strict=True))
    return picture(scenes, generator), scenes, words


def is_held_out(scenes: np.ndarray) -> np.ndarray:
    """Return which scenes are held out for testing: about a sixth of the pairs of groups.

    Every group occurs in training, both as the upper and as the lower one.

    Args:
        scenes: int32 [n, 2, 4]; see `draw`.
    """
    upper, lower = (
        np.ravel_multi_index(tuple(scenes[:, i].T), ATTRIBUTES).astype("int64") for i in (0, 1)
    )
    return (7 * upper + 3 * lower + upper * lower) % 5 == 0


def caption(scene: np.ndarray, said: np.ndarray) -> str:
    """Return the caption of a scene [2, 4]; `said` [2, 2] says whether it names size and shade."""

    def words(group, says):
        count, size, shade, shape = group
        one, several = list(SHAPES.items())[shape]
        adjectives = [SIZES[size]] * int(says[0]) + [SHADES[shade]] * int(says[1])
        return " ".join([COUNTS[count], *adjectives, several if count else one])

    return f"{words(scene[0], said[0])} above {words(scene[1], said[1])}"


def picture(scenes: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw the images of scenes [n, 2, 4] at random places, float32 [n, 32, 32, 1]."""
    n = len(scenes)
    fine = ((np.arange(SIDE * _FINER) + 0.5) / _FINER).astype("float32")  # in pixels
    images = np.zeros((n, SIDE, SIDE), "float32")
    for half in (0, 1):
        count, size, shade, shape = scenes[:, half].T
        radius = np.where(size, 4.5, 2.5)
        gray = np.where(shade, 0.95, 0.4)
        middle = SIDE / 4 + half * SIDE / 2 + generator.uniform(-1, 1, n)
        for i in range(len(COUNTS)):
            width = SIDE / (count + 1)
            play = np.maximum(0.0, width / 2 - radius - 0.3)
            center = (i + 0.5) * width + generator.uniform(-1, 1, n) * np.minimum(play, 2.0)
            shown = i <= count
            for rows in np.array_split(np.flatnonzero(shown), -(-n // 256)):
                x, y = np.abs(fine - center[rows, None]), fine - middle[rows, None]
                inside = _inside(x[:, None], y[..., None], radius[rows], shape[rows])
                parts = inside.reshape(len(rows), SIDE, _FINER, SIDE, _FINER).mean(axis=(2, 4))
                images[rows] = np.maximum(images[rows], parts * gray[rows, None, None])
    return images[..., None]


def _inside(x, y, radius, shape):
    """Return whether fine pixels lie in a shape; x is the distance from its vertical axis."""
    r = radius[:, None, None]
    shape = shape[:, None, None]
    circle = x**2 + y**2 < r**2
    cross = (np.maximum(x, np.abs(y)) < r) & (np.minimum(x, np.abs(y)) < r / 3)
    square = np.maximum(x, np.abs(y)) < 0.85 * r
    triangle = (y < 0.8 * r) & (y > -r) & (x < (y + r) / 1.8)
    return np.select([shape == 0, shape == 1, shape == 2], [circle, cross, square], triangle)


SOURCES["scenes"] = Source(
    "Drawn scenes with captions, such as 'two large dark circles above a cross', 32x32",
    "Apache-2.0",
    "autoencoder-zoo",
    (),
    images=TRAINING,
    read=lambda name: training_and_test(),
)
