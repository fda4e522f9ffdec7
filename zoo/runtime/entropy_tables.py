"""Probability tables of coefficients, as integers, and the bits that they become."""

from __future__ import annotations

import binascii
import hashlib
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .json_file import parse_object, shortened

HALF = 31  # symbols are -31 to 31, and one more for what lies beyond
SYMBOLS = 2 * HALF + 2
TOTAL = 2**16  # of the frequencies of a table
LARGEST = 2**15 - 1  # of a coefficient's absolute value
MOST_SHIFTED = 12
TABLES_FILE = "tables.json"
EARLIER = 24  # channels before a channel, whose coefficients tell how large the next ones may be
UNIT = 16  # the activity of coefficients of the usual size
LEAST_TYPICAL = 4
_MOST_ACTIVE = 8 * UNIT
# Activities are divided into contexts at these, from a fifth to three and a half of the usual one.
_ENDS = np.array([3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22, 27, 33, 40, 48])
CONTEXTS = len(_ENDS) + 1
_BITS_BEYOND = 17  # a distance beyond the symbols has 0 to 16 bits
_MOST = {"rates": 64, "channels": 4096, "tables": 4096}


class Tables(NamedTuple):
    """How the coefficients of a model become bits: integers, so that all machines agree.

    A coefficient c of a channel is divided by the channel's `step` and rounded to q. The symbol of
    q is (q - offset) / 2^shift, rounded down, whose probability is its frequency / 65536; the
    `shift` lowest bits of q - offset follow it, unless shift is 0. Symbols beyond -31 to 31 have
    one frequency together, and say by how much they lie beyond.

    The first coefficients of a block tell its mean color, which is nearly that of the block beside
    it. So channels with `differences` are written as the difference of q from that of the block on
    the left, and in the first column from that of the block above; this stands for q above.

    Where an image has much detail, coefficients of all channels are large. So channels are written
    one after the other, those with the largest coefficients first, and the table of a coefficient
    depends on its context: on how large the coefficients of the 24 channels before are at this
    place and around it, beside their `typical` size.

    Attributes:
        steps: float32 [rates, channels], above 0.
        differences: int32 [rates, channels], 1 for channels that are written as differences.
        offsets: int32 [rates, channels]; 0 for differences.
        shifts: int32 [rates, channels], 0 to 12.
        typical: int32 [rates, channels], the mean of 256 |q - offset|, at least 4.
        choices: int32 [rates, channels, contexts], the number of a table.
        frequencies: int32 [tables, 64], at least 1, with sum 65536; the last is that of all symbols
            beyond.
    """

    steps: np.ndarray
    differences: np.ndarray
    offsets: np.ndarray
    shifts: np.ndarray
    typical: np.ndarray
    choices: np.ndarray
    frequencies: np.ndarray

    @property
    def rates(self) -> int:
        return self.steps.shape[0]

    @property
    def channels(self) -> int:
        return self.steps.shape[1]

    def quantized(self, coefficients: np.ndarray, rate: int) -> np.ndarray:
        """Return coefficients [..., channels] divided by their steps and rounded, int32."""
        divided = np.asarray(coefficients, "float32") / self.steps[rate]
        return np.clip(np.rint(divided), -LARGEST, LARGEST).astype("int32")

    def dequantized(self, q: np.ndarray, rate: int) -> np.ndarray:
        """Return integers [..., channels] as coefficients, float32."""
        return q.astype("float32") * self.steps[rate]

    def encode(self, q: np.ndarray, rate: int) -> bytes:
        """Return integers [rows, columns, channels], from -32767 to 32767, as bytes."""
        encoder = entropy_coder().queue.RangeEncoder()
        q = self.as_written(q, rate)
        for channel, context in self._channels(q, rate):
            self._encode_channel(encoder, q[..., channel], context, rate, channel)
        return encoder.get_compressed().astype("<u4").tobytes()

    def decode(self, data: bytes, rows: int, columns: int, rate: int) -> np.ndarray:
        """Return the integers [rows, columns, channels] that `encode` was given.

        Raises:
            ValueError: the bytes are not those of so many integers.
        """
        words = np.frombuffer(data, "<u4").astype(np.uint32)
        decoder = entropy_coder().queue.RangeDecoder(words)
        q = np.zeros((rows, columns, self.channels), "int32")
        try:
            for channel, context in self._channels(q, rate):
                q[..., channel] = self._decode_channel(decoder, context, rate, channel)
        except AssertionError as error:  # by constriction, if no symbol has these bits
            raise ValueError("The bits do not fit the tables of the model.") from error
        if not decoder.maybe_exhausted():
            raise ValueError("There are more bits than the coefficients of the image have.")
        return self._summed(q, rate)

    def bits(self, q: np.ndarray, rate: int) -> float:
        """Return how many bits integers [rows, columns, channels] need; a stream is whole words."""
        total, q = 0.0, self.as_written(q, rate)
        for channel, context in self._channels(q, rate):
            symbols, _, beyond = self.symbols(q[..., channel], rate, channel)
            tables = self.choices[rate, channel][context]
            total -= np.log2(self.frequencies[tables, symbols] / TOTAL).sum()
            total += symbols.size * self.shifts[rate, channel]
            total += sum(np.log2(_BITS_BEYOND) + max(d.bit_length(), 1) for _, d in beyond)
        return float(total)

    def count(self, q: np.ndarray, rate: int, counts: np.ndarray) -> None:
        """Add how often symbols occur in integers [rows, columns, channels] to counts.

        Args: counts: [channels, contexts, 64], which changes.
        """
        q = self.as_written(q, rate)
        for channel, context in self._channels(q, rate):
            symbols, _, _ = self.symbols(q[..., channel], rate, channel)
            np.add.at(counts[channel], (context, symbols), 1)

    def as_written(self, q: np.ndarray, rate: int) -> np.ndarray:
        """Return integers [rows, columns, channels] with the differences of some channels."""
        chosen = self.differences[rate] > 0
        found = q.astype("int32")
        found[:, 1:, chosen] -= q[:, :-1, chosen]
        found[1:, :1, chosen] -= q[:-1, :1, chosen]
        return found

    def _summed(self, found, rate):
        """Return the integers of which `as_written` made these."""
        chosen = self.differences[rate] > 0
        q = found.astype("int64")
        if q.size:
            q[:, 0, chosen] = np.cumsum(q[:, 0, chosen], axis=0)
            q[:, :, chosen] = np.cumsum(q[:, :, chosen], axis=1)
        return np.clip(q, -LARGEST, LARGEST).astype("int32")

    def _channels(self, q, rate) -> Iterator[tuple[int, np.ndarray]]:
        """Yield each channel in the order of writing, and the context of its coefficients.

        The context [rows, columns] depends on channels of q that were yielded before.
        """
        order = np.argsort(-self.typical[rate], kind="stable")
        if not q[..., 0].size:
            return
        earlier: deque[np.ndarray] = deque(maxlen=EARLIER)
        for channel in order.tolist():
            activity = np.full(q.shape[:2], UNIT)
            if earlier:
                activity = _around(np.sum([*earlier], axis=0)) // (16 * len(earlier))
            yield channel, np.searchsorted(_ENDS, activity, side="right")
            size = np.abs(q[..., channel].astype("int64") - self.offsets[rate, channel])
            usual = size * (256 * UNIT) // self.typical[rate, channel]
            earlier.append(np.minimum(usual, _MOST_ACTIVE))

    def symbols(self, values: np.ndarray, rate: int, channel: int) -> tuple:
        """Return symbols from 0, the low bits, and for each symbol beyond its sign and distance."""
        shift = int(self.shifts[rate, channel])
        moved = values.astype("int64") - int(self.offsets[rate, channel])
        symbols = moved >> shift
        far = np.abs(symbols) > HALF
        beyond = [(int(s < 0), abs(int(s)) - HALF - 1) for s in symbols[far]]
        symbols = np.where(far, SYMBOLS - 1, symbols + HALF).astype("int32")
        return symbols, (moved & ((1 << shift) - 1)).astype("int32"), beyond

    def _encode_channel(self, encoder, values, context, rate, channel):
        stream = entropy_coder()
        symbols, low, beyond = self.symbols(values, rate, channel)
        for number in range(CONTEXTS):
            of_context = symbols[context == number]
            if of_context.size:
                encoder.encode(of_context, self._model(self.choices[rate, channel, number]))
        for negative, distance in beyond:
            length = distance.bit_length()
            encoder.encode(length, stream.model.Uniform(_BITS_BEYOND))
            if length > 1:  # the highest bit is 1
                encoder.encode(distance - (1 << length - 1), stream.model.Uniform(1 << length - 1))
            encoder.encode(negative, stream.model.Uniform(2))
        if shift := int(self.shifts[rate, channel]):
            encoder.encode(low.ravel(), stream.model.Uniform(1 << shift))

    def _decode_channel(self, decoder, context, rate, channel):
        stream = entropy_coder()
        symbols = np.zeros(context.shape, "int64")
        for number in range(CONTEXTS):
            here = context == number
            if n := int(here.sum()):
                symbols[here] = decoder.decode(self._model(self.choices[rate, channel, number]), n)
        far = symbols == SYMBOLS - 1
        symbols -= HALF
        for place in np.argwhere(far):
            length = decoder.decode(stream.model.Uniform(_BITS_BEYOND))
            distance = 1 << length - 1 if length else 0
            if length > 1:
                distance += decoder.decode(stream.model.Uniform(1 << length - 1))
            negative = decoder.decode(stream.model.Uniform(2))
            symbols[tuple(place)] = (distance + HALF + 1) * (-1 if negative else 1)
        values = symbols << (shift := int(self.shifts[rate, channel]))
        if shift:
            values += decoder.decode(stream.model.Uniform(1 << shift), values.size).reshape(
                values.shape
            )
        return np.clip(values + int(self.offsets[rate, channel]), -2 * LARGEST, 2 * LARGEST)

    def _model(self, table):
        # float32 holds multiples of 1 / 65536 exactly; `perfect=False` is arithmetic of integers.
        p = (self.frequencies[table] / TOTAL).astype("float32")
        return entropy_coder().model.Categorical(p, perfect=False)

    def to_json(self) -> dict[str, Any]:
        """Return the tables as numbers that JSON can hold; steps as hexadecimal float32."""
        steps = [[_hexadecimal(step) for step in row] for row in self.steps]
        others = {name: getattr(self, name).tolist() for name in self._fields[1:]}
        return {"steps": steps, **others}

    def digest(self) -> bytes:
        """Return the SHA-256 of the tables."""
        found = hashlib.sha256()
        for name, values in self._asdict().items():
            found.update(f"{name} {values.shape}".encode())
            kind = "<f4" if name == "steps" else "<i4"
            found.update(np.ascontiguousarray(values.astype(kind)).tobytes())
        return found.digest()


def tables_in(content: dict[str, Any]) -> Tables:
    """Return the tables in a JSON object, after checking every entry.

    Raises:
        ValueError: they are no tables.
    """
    steps = content.get("steps")
    if not isinstance(steps, list) or not all(
        isinstance(row, list) and len(row) == len(steps[0]) and row for row in steps
    ):
        raise ValueError(f"steps is {shortened(steps)}")
    shape = rates, channels = len(steps), len(steps[0]) if steps else 0
    if not 1 <= rates <= _MOST["rates"] or not 1 <= channels <= _MOST["channels"]:
        raise ValueError(f"there are {rates} rates and {channels} channels")
    held = content.get("frequencies")
    number = len(held) if isinstance(held, list) else 0
    if not 1 <= number <= _MOST["tables"]:
        raise ValueError(f"there are {number} tables")
    made = Tables(
        np.array([[_float32(step) for step in row] for row in steps], "float32"),
        _integers(content, "differences", shape),
        _integers(content, "offsets", shape),
        _integers(content, "shifts", shape),
        _integers(content, "typical", shape),
        _integers(content, "choices", (*shape, CONTEXTS)),
        _integers(content, "frequencies", (number, SYMBOLS)),
    )
    check_tables(made)
    return made


def read_tables(text: bytes, path: Any) -> tuple[Tables, dict[str, Any]]:
    """Return the tables in the bytes of a JSON file, and the whole object; errors name the path."""
    content = parse_object(text, path)
    try:
        return tables_in(content), content
    except ValueError as error:
        raise ValueError(f"{path} holds no tables of coefficients: {error}.") from error


def check_tables(tables: Tables) -> None:
    """Raise a ValueError unless all numbers are in their ranges."""
    if not (np.isfinite(tables.steps) & (tables.steps > 0.0)).all():
        raise ValueError("a step is not above 0")
    if not np.isin(tables.differences, (0, 1)).all():
        raise ValueError("differences are neither 0 nor 1")
    if (tables.offsets[tables.differences > 0] != 0).any():
        raise ValueError("differences have an offset")
    if (np.abs(tables.offsets) > LARGEST).any():
        raise ValueError("an offset is out of range")
    if ((tables.shifts < 0) | (tables.shifts > MOST_SHIFTED)).any():
        raise ValueError("a shift is out of range")
    if (tables.typical < LEAST_TYPICAL).any():
        raise ValueError("a typical size is out of range")
    if ((tables.choices < 0) | (tables.choices >= len(tables.frequencies))).any():
        raise ValueError("a choice is not the number of a table")
    if (tables.frequencies < 1).any() or (tables.frequencies.sum(axis=-1) != TOTAL).any():
        raise ValueError(f"frequencies are not at least 1 with the sum {TOTAL}")


def _around(values: np.ndarray) -> np.ndarray:
    """Return 16 times the mean of each value [rows, columns] and its neighbors, near ones first."""
    p = np.pad(values, 1, mode="edge")
    beside = p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:]
    across = p[:-2, :-2] + p[:-2, 2:] + p[2:, :-2] + p[2:, 2:]
    return 4 * values + 2 * beside + across


def entropy_coder() -> Any:
    """Return `constriction.stream`.

    Raises:
        ImportError: constriction is not installed.
    """
    try:
        import constriction
    except ImportError as error:
        raise ImportError(
            "Files are compressed by the entropy coder constriction, which is not installed: pip "
            "install constriction."
        ) from error
    return constriction.stream


def _hexadecimal(step) -> str:
    return binascii.hexlify(np.array(step, ">f4").tobytes()).decode()


def _float32(text: Any) -> float:
    try:
        return float(np.frombuffer(binascii.unhexlify(text), ">f4")[0])
    except (TypeError, ValueError, IndexError) as error:
        raise ValueError(f"a step is {shortened(text)}") from error


def _integers(content, name, shape) -> np.ndarray:
    held = content.get(name)
    flat: list[Any] = [held]
    for size in shape:
        if not all(isinstance(row, list) and len(row) == size for row in flat):
            raise ValueError(f"{name} does not have the shape {shape}")
        flat = [value for row in flat for value in row]
    if not all(type(value) is int and abs(value) < 2**31 for value in flat):
        raise ValueError(f"{name} holds values that are no integers, or too large")
    return np.array(flat, "int32").reshape(shape)
