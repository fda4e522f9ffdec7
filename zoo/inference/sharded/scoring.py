"""Run an exported part on every row of Parquet files, or on every image."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from zoo.checks.words import printable
from zoo.data import decoding
from zoo.data.decoding import printable_name
from zoo.inference.sharded.jobs import Shard
from zoo.inference.sharded.sources import file_system
from zoo.runtime import Session
from zoo.runtime.arrow import array_of, to_arrow

ROW, FILE = "row", "file"  # the column that says which row or which image this was
_BYTES_AT_ONCE = 2**26  # of inputs that are in memory at the same time
_MOST_AT_ONCE = 8192


class Reading(NamedTuple):
    """How the rows of Parquet files become the inputs of a part.

    Attributes:
        kind: "rows" for a table whose columns the part knows by name, "list" for one column of
            lists or tensors, "numbers" for columns of numbers in the order of the file.
        columns: the columns that become x.
        label: the column of labels, or None. id: the column that names the rows, or None.
    """

    kind: str
    columns: tuple[str, ...]
    label: str | None = None
    id: str | None = None

    @property
    def names(self) -> list[str]:
        """The columns to read, each once."""
        return list(dict.fromkeys((*self.columns, *filter(None, (self.label, self.id)))))


def reading_of(
    session: Session,
    schema: Any,
    *,
    column: str | None = None,
    label: str | None = None,
    id_column: str | None = None,
) -> Reading:
    """Return how Parquet files are read for a part.

    Args:
        session: the part. schema: the `pyarrow.Schema` of the files.
        column: the column of lists that becomes x; None takes the columns that the part knows by
            name, else the only column of lists, else all columns of numbers.
        label: the column of labels, if the part takes labels.
        id_column: the column that names the rows.

    Raises:
        ValueError: a column is not there, or no columns fit the part.
    """
    (x, *others) = session.inputs
    for option, name in (("--column", column), ("--label", label), ("--id", id_column)):
        if name is not None and name not in schema.names:
            raise ValueError(
                f"{option} {printable(name)}: there is no such column; the columns are "
                f"{_listed(schema.names)}."
            )
    if twice := [name for name in schema.names if schema.names.count(name) > 1]:
        raise ValueError(f"Two columns have the name {printable(twice[0])!r}: rename one of them.")
    _check_label(session, others, label)
    free = [n for n in schema.names if n not in (label, id_column)]
    lists = [n for n in free if _is_list(schema.field(n).type)]
    numbers = [n for n in free if _is_number(schema.field(n).type)]
    known = session.columns.get("x", ())
    if column is not None:
        return Reading("list", (column,), label, id_column)
    if known and set(known) <= set(free):
        return Reading("rows", tuple(known), label, id_column)
    if len(lists) == 1:
        return Reading("list", (lists[0],), label, id_column)
    if not known and not lists and x.shape == (len(numbers),):
        return Reading("numbers", tuple(numbers), label, id_column)
    if known:
        missing = [name for name in known if name not in free]
        raise ValueError(
            f"The columns {_listed(missing)} are missing; there are {_listed(free)}. Give all "
            "columns that the model learned from, or one column of lists with --column."
        )
    raise ValueError(
        f"The {session.signature['part']} takes {x}: give these values as one column of lists, and "
        f"name it with --column if there are several; there are {len(lists)} columns of lists and "
        f"{len(numbers)} of numbers: {_listed(free)}."
    )


def _check_label(session, others, label):
    wanted = [str(tensor) for tensor in others]
    if wanted and (len(others) > 1 or others[0].name != "label"):
        raise ValueError(
            f"The part takes more than x and a label: {'; '.join(wanted)}. Run it in Python, with "
            "a session of export.load."
        )
    if wanted and label is None:
        raise ValueError(f"The part also takes {wanted[0]}: name the column with --label.")
    if label is not None and not wanted:
        raise ValueError(
            "--label is for models that take labels, and this one takes none: leave it out."
        )


def _is_list(kind) -> bool:
    import pyarrow

    lists = (pyarrow.types.is_list, pyarrow.types.is_large_list, pyarrow.types.is_fixed_size_list)
    return isinstance(kind, pyarrow.FixedShapeTensorType) or any(one(kind) for one in lists)


def _is_number(kind) -> bool:
    import pyarrow

    return pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind)


def _listed(names) -> str:
    names = [printable(name) for name in names]
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if names[20:] else "")


@dataclass(frozen=True)
class Scoring:
    """Runs an exported part on the rows of files: a `jobs.Job`.

    Attributes:
        session: the part; a worker gets its folder, and opens it anew.
        address: the path or URL of the files.
        reading: how rows of Parquet files are read; None for images.
        schema: of the results: the number, name or file of each row, then the outputs.
        outputs: the outputs to keep, in this order.
    """

    session: Session
    address: str
    reading: Reading | None
    schema: Any
    outputs: tuple[str, ...]

    @classmethod
    def of(
        cls,
        session: Session,
        address: str,
        reading: Reading | None,
        columns: Any = None,
        outputs: Sequence[str] | None = None,
    ) -> Scoring:
        """Return the job for a part.

        Args:
            session, address, reading: as the attributes.
            columns: the `pyarrow.Schema` of Parquet files. outputs: those to keep; None for all.

        Raises:
            ValueError: an output is not there, or the part does not take images from files.
        """
        import pyarrow

        known = [tensor.name for tensor in session.outputs]
        outputs = tuple(outputs or known)
        if unknown := [name for name in outputs if name not in known]:
            raise ValueError(
                f"There is no output {unknown[0]!r}; --outputs takes some of {', '.join(known)}."
            )
        if reading is None:
            _check_takes_images(session, address)
            first = pyarrow.field(FILE, pyarrow.string())
        elif reading.id is None:
            first = pyarrow.field(ROW, pyarrow.int64())
        else:
            first = columns.field(reading.id).with_nullable(True)
        if first.name in outputs:
            raise ValueError(
                f"The column of ids is {first.name!r}, which is also an output: rename the column."
            )
        fields = {tensor.name: _field(tensor) for tensor in session.outputs}
        schema = pyarrow.schema([first, *(fields[name] for name in outputs)])
        return cls(session, address, reading, schema, outputs)

    def opened(self) -> Callable[[Shard], Iterator[Any]]:
        """Return the function from a shard to its results; see `jobs.Job`."""
        return self._of_images if self.reading is None else self._of_parquet

    @property
    def at_once(self) -> int:
        """How many rows are read before they run."""
        size = 4 * math.prod(self.session.inputs[0].shape)
        return max(1, min(_MOST_AT_ONCE, _BYTES_AT_ONCE // size))

    def _of_parquet(self, shard):
        import pyarrow
        import pyarrow.parquet

        assert self.reading is not None
        path, name, groups = shard.source
        system, _ = file_system(self.address)
        first = shard.first
        with system.open(path, "rb") as opened:
            file = pyarrow.parquet.ParquetFile(opened)
            options = {"row_groups": list(groups), "columns": self.reading.names}
            for batch in file.iter_batches(self.at_once, **options):
                try:
                    outputs = self.session(**self._inputs(batch))
                except (ValueError, TypeError) as error:
                    last = first + len(batch) - 1
                    place = f"{printable(name)}, among rows {first} to {last} of all"
                    place += f" (row numbers count from row {first})"
                    raise type(error)(f"{place}: {error}") from error
                if self.reading.id is None:
                    ids = pyarrow.array(np.arange(first, first + len(batch)))
                else:
                    ids = batch.column(self.reading.id)
                yield self._results(ids, outputs)
                first += len(batch)

    def _inputs(self, batch):
        assert self.reading is not None
        tensor, kind = self.session.inputs[0], self.reading.kind
        if kind == "rows":
            x = batch.select(list(self.reading.columns))
        elif kind == "list":
            x = array_of(batch.column(self.reading.columns[0]), tensor.shape)
            if x.dtype == np.uint8 and tensor.is_image and len(tensor.shape) == 3:
                x = x.astype("float32") / np.float32(255)
        else:
            columns = [array_of(batch.column(name)) for name in self.reading.columns]
            x = np.stack([column.astype("float32") for column in columns], axis=1)
        given = {tensor.name: x}
        if self.reading.label is not None:
            given["label"] = batch.column(self.reading.label)
        return given

    def _of_images(self, shard):
        system, _ = file_system(self.address)
        for start in range(0, shard.rows, self.at_once):
            yield self._of_some_images(system, shard.source[start : start + self.at_once])

    def _of_some_images(self, system, files):
        import pyarrow

        tensor = self.session.inputs[0]
        first = tensor.layout == "channels_first"
        channels, height, width = tensor.shape if first else np.roll(tensor.shape, 1).tolist()
        x, places = [], []
        for path, _ in files:
            content = system.cat_file(path)
            try:
                with decoding.own_limit():
                    pixels = decoding.pixels(io.BytesIO(content), (height, width), channels)
            except MemoryError:
                raise
            except Exception:  # decoders raise errors of many kinds for broken files
                places.append(None)
                continue
            places.append(len(x))
            x.append(np.moveaxis(pixels, -1, 0) if first else pixels)
        shape = (len(x), *tensor.shape)
        given = np.array(x, "float32").reshape(shape) / np.float32(255)
        try:
            outputs = self.session(**{tensor.name: given})
        except (ValueError, TypeError) as error:
            raise type(error)(f"{printable_name(files[0][1])} and later: {error}") from error
        names = pyarrow.array([printable_name(name) for _, name in files])
        return self._results(names, outputs, pyarrow.array(places, pyarrow.int64()))

    def _results(self, ids, outputs, places=None):
        """Return ids and outputs as a batch; a place that is null becomes a row of nulls."""
        import pyarrow

        batch = to_arrow({name: outputs[name] for name in self.outputs})
        if places is not None and places.null_count:
            batch = batch.take(places)
        columns = [ids, *batch.columns]
        cast = [c.cast(f.type) for c, f in zip(columns, self.schema, strict=True)]
        return pyarrow.RecordBatch.from_arrays(cast, schema=self.schema)


def _check_takes_images(session, address):
    tensor = session.inputs[0]
    shape = tensor.shape
    channels = shape[0 if tensor.layout == "channels_first" else -1] if len(shape) == 3 else None
    if len(session.inputs) > 1 or not tensor.is_image or channels not in (1, 3):
        wanted = "; ".join(map(str, session.inputs))
        raise ValueError(
            f"{printable(address)} is a folder of images, but the {session.signature['part']} "
            f"takes {wanted}: give .parquet files with these values."
        )


def _field(tensor) -> Any:
    """Return the column of an output: numbers, or lists of a fixed size."""
    import pyarrow

    kind = pyarrow.float32() if tensor.dtype == "float32" else pyarrow.int32()
    if tensor.shape:
        kind = pyarrow.list_(kind, math.prod(tensor.shape))
    return pyarrow.field(tensor.name, kind)
