"""Changes to the structure of HDF5 files, by a seeded generator."""

import random
import re
import struct
import zlib

import h5py
import numpy as np


def change_weights(path, rng: random.Random, mark: str) -> str:
    """Change one thing in a file of weights, and return what was done; `mark` is a foreign file."""
    with h5py.File(path, "r+") as file:
        arrays, groups = [], []
        file.visititems(
            lambda name, item: (groups if isinstance(item, h5py.Group) else arrays).append(name)
        )
        name = rng.choice(arrays)
        way = rng.choice(list(_WEIGHTS))
        _WEIGHTS[way](file, name, rng.choice(groups), mark)
    return f"{way} at {name}"


def _replaced(**settings):
    def change(file, name, group, mark):
        old = file[name]
        values, shape = old[()], old.shape
        del file[name]
        chosen = {"data": values} | settings
        if "shape" in chosen or "external" in chosen:
            chosen.pop("data")
            chosen = {"shape": shape, "dtype": "float32"} | chosen
        if "external" in chosen:
            chosen["external"] = [(mark, 0, h5py.h5f.UNLIMITED)]
        file.create_dataset(name, **chosen)

    return change


def _of_type(dtype):
    def change(file, name, group, mark):
        values = file[name][()]
        del file[name]
        file[name] = values.astype(dtype)

    return change


def _flat(file, name, group, mark):
    values = file[name][()]
    del file[name]
    file[name] = values.reshape(-1)


def _delete_array(file, name, group, mark):
    del file[name]


def _delete_group(file, name, group, mark):
    del file[group]


def _empty(file, name, group, mark):
    del file[name]
    file[name] = h5py.Empty("float32")


def _group(file, name, group, mark):
    del file[name]
    file.create_group(name)


def _array(file, name, group, mark):
    del file[group]
    file[group] = np.zeros(3)


def _more(file, name, group, mark):
    file.create_dataset("more", data=np.zeros(3, "float32"))


def _outer_link(file, name, group, mark):
    del file[name]
    file[name] = h5py.ExternalLink(mark, "x")


def _soft_link(file, name, group, mark):
    del file[group]
    file[group] = h5py.SoftLink("/")


def _same_group(file, name, group, mark):
    file[f"{group}/again"] = file["/"]


def _renamed(file, name, group, mark):
    file.move(group, "elsewhere")


def _bomb(file, name, group, mark):
    """Put 32 MiB of zeros into a piece of a small array; HDF5 encodes no larger piece there."""
    shape = file[name].shape or (1,)
    del file[name]
    made = file.create_dataset(name, shape, "float32", chunks=shape, compression="gzip")
    packing = zlib.compressobj(9)
    packed = packing.compress(bytes(2**25)) + packing.flush()
    made.id.write_direct_chunk((0,) * len(shape), packed)


def _wide(file, name, group, mark):
    shape = file[name].shape
    del file[name]
    file.create_dataset(name, shape, "V67108864")


def _array_type(file, name, group, mark):
    del file[name]
    kind = h5py.h5t.array_create(h5py.h5t.IEEE_F32LE, (2**28,))
    h5py.h5d.create(file.id, name.encode(), kind, h5py.h5s.create(h5py.h5s.SCALAR))


def _packed_twice(file, name, group, mark):
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((2**20,))
    settings.set_deflate(9)
    settings.set_deflate(9)
    space = h5py.h5s.create_simple((2**24,))
    made = h5py.h5d.create(file.id, b"more", h5py.h5t.IEEE_F32LE, space, settings)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.zeros(2**24, "float32"))


def _long_attribute(file, name, group, mark):
    file[name].attrs["dtype"] = "bfloat16" * 100


_WEIGHTS = {
    "a bomb": _bomb,
    "wide values": _wide,
    "values of arrays": _array_type,
    "packed twice": _packed_twice,
    "an attribute": _long_attribute,
    "huge": _replaced(shape=(2**28,), chunks=(2**20,), compression="gzip"),
    "large pieces": _replaced(
        shape=(3, 3), maxshape=(None, None), chunks=(2**14, 2**14), compression="gzip"
    ),
    "integers": _of_type("int64"),
    "complex": _of_type("complex64"),
    "bytes": _replaced(data=b"weights"),
    "texts": _replaced(data=["a"], dtype=h5py.string_dtype()),
    "records": _replaced(data=np.zeros(3, "f4,i4")),
    "outside": _replaced(external=True),
    "flat": _flat,
    "an array less": _delete_array,
    "a group less": _delete_group,
    "no values": _empty,
    "a group for an array": _group,
    "an array for a group": _array,
    "an array more": _more,
    "a link out": _outer_link,
    "a link within": _soft_link,
    "a group in itself": _same_group,
    "a group elsewhere": _renamed,
}


def lying_sizes(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Return a file in which a number that may be a size is far larger, and what was done."""
    found = [
        (place.start(), size)
        for size in (4, 8)
        for place in re.finditer(rb"(?s)(?=[^\0].{1,3}\0%s)" % (b"\0" * (size - 4)), data)
    ]
    changed, done = bytearray(data), []
    for _ in range(rng.choice((1, 1, 2, 4))):
        place, size = rng.choice(found)
        old = int.from_bytes(data[place : place + size], "little")
        new = rng.choice((2**31 - 1, 2**30, 2**32 - 2, 2**40, 2 * old, 1000 * old, 2**63))
        packed = struct.pack("<Q", new % 2**64)[:size]
        changed[place : place + size] = packed
        done.append(f"{new} for {old} at {place}")
    return bytes(changed), "; ".join(done)
