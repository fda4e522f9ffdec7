"""Search by codes: an index of encoded items, and the items whose codes are nearest to others."""

from zoo.search.index import Hits, Index
from zoo.search.loading import load

__all__ = ["Hits", "Index", "load"]
