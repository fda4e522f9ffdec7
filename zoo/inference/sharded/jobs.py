"""What is computed, shard by shard: the classes that the other modules share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

ENGINES = ("process", "ray")


class Shard(NamedTuple):
    """A piece of the work, whose rows are written into a file of their own.

    Attributes:
        number: from 0, in the order of the rows.
        first: the number of its first row among all rows.
        rows: how many rows it has.
        source: where the job reads its rows; None if it reads none.
    """

    number: int
    first: int
    rows: int
    source: Any = None


class Job(Protocol):
    """What runs on every shard. It is pickled, and so sent to the workers."""

    @property
    def schema(self) -> Any:
        """The `pyarrow.Schema` of the results."""
        ...

    def opened(self) -> Callable[[Shard], Iterator[Any]]:
        """Return a function from a shard to its results, as Arrow batches of this schema.

        Each worker calls this once, so a model should be loaded here.
        """
        ...
