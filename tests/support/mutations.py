"""Changes that somebody might make to the files of presets and exports, by a seeded generator."""

import copy
import json
import math
import random
import struct
from pathlib import Path

ODD = (
    *(None, True, False, 0, 1, -1, 2, 1000, 2**31, 2**63, 10**30, 0.5, -2.5, 1e300),
    *(math.inf, math.nan, "", "x", "\0", "\ud800", "\x1b[2J", "../../secret", "batch", "x" * 3000),
    *([], {}, [[]], [1, "a"], [None], {"a": 1}, {"class_name": "function"}),
)
NAMES = (
    *("Lambda", "TFSMLayer", "function", "relu", "exec", "os", "builtins", "keras.layers", "keras"),
    *("keras.ops", "keras.src.ops.core", "Switch", "keras.visualization", "plot_image_gallery"),
    *("Dense", "Dropout", "Functional", "Sequential", "Adam", "SGD", "tanh", "zeros", "float16"),
    *(
        "zoo>VAE",
        "zoo>Bernoulli",
        "Bernoulli",
        "Gaussian",
        "zoo.nn.distributions.likelihoods",
        "VAE",
        "AAE",
    ),
    *("__lambda__", "__tensor__", "__numpy__", "__typespec__", "StringLookup", "mixed_float16"),
    *("model.weights.h5", "normal", "mixture", "sphere", "flow", "float32", "int32", "uniform"),
)
OBJECTS = (
    {"class_name": {}, "config": {}, "module": "keras.layers", "registered_name": None},
    {"class_name": ["os"], "config": {}, "module": [], "registered_name": 3},
    {"class_name": 3, "config": 3},
    {"class_name": "function", "config": "exec", "module": "builtins", "registered_name": "exec"},
    {"class_name": "function", "config": {}, "module": "builtins", "registered_name": "function"},
    {"class_name": "Popen", "config": {"args": ["touch", "{mark}"]}, "module": "subprocess"},
    {"class_name": "Lambda", "config": {"function": "x"}, "module": "keras.layers"},
    {
        "class_name": "Dense",
        "config": {"units": 3},
        "module": "keras.layers",
        "registered_name": None,
    },
    {
        "class_name": "StringLookup",
        "config": {"vocabulary": "{mark}"},
        "module": "keras.layers",
        "registered_name": None,
    },
    {"class_name": "__tensor__", "config": {"value": [1], "dtype": "float32"}},
    {"class_name": "__numpy__", "config": {"value": [["a"]], "dtype": "O"}, "module": "builtins"},
)


def changed_json(text: bytes, rng: random.Random, mark: str) -> tuple[bytes, str]:
    """Return a JSON file with one to three things in it changed, and what was done.

    `mark` is a foreign file that some of the changes name.
    """
    if rng.random() < 0.15:
        return _changed_text(text, rng)
    content = json.loads(text)
    done = [_change_entry(content, rng) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    return json.dumps(content).replace("{mark}", mark).encode(), "; ".join(done)


def named_json(text: bytes, rng: random.Random, mark: str) -> tuple[bytes, str]:
    """Return a JSON file in which a name of something to open stands for one value.

    `rng.turn` says for which, so that numbers from 0 on go through all of them, in an order that
    is the same for the same file.
    """
    content = json.loads(text)
    places = [place for place in _places(content) if place[0] is not content]
    random.Random(0).shuffle(places)  # so that a few of them are of every kind
    item, key = places[rng.turn % len(places)]
    name = rng.choice(TO_OPEN).replace("{mark}", mark)
    ways = (name, [name], {"name": name}, {**STACK, "config": {"lower": name, "latent_dim": 2}})
    item[key] = way = rng.choice((name, name, name, *ways))
    return json.dumps(content).encode(), f"{way} for {key!r}"


def huge_json(text: bytes, rng: random.Random, mark: str) -> tuple[bytes, str]:
    """Return a JSON file with a number that is none, or far too large, for one of its values.

    `rng.turn` says for which: for numbers first, then for other values.
    """
    content = json.loads(text)
    places = _places(content)
    random.Random(0).shuffle(places)
    places.sort(key=lambda place: type(place[0][place[1]]) not in (int, float))
    item, key = places[rng.turn % len(places)]
    item[key] = "HERE"
    number = rng.choice(HUGE)
    return json.dumps(content).replace('"HERE"', number).encode(), f"{number[:30]} for {key!r}"


HUGE = (  # as text, as JSON can hold what Python does not write
    *("67108864", "2147483648", "4294967297", "1099511627776", "9223372036854775807"),
    *("1" + 24 * "0", "-1" + 24 * "0", "9" * 4000, "1e999", "-1e999", "1e300", "1e-320", "NaN"),
    *("Infinity", "-1", "-9223372036854775809", "0", "true", "16777217.0", "0.5", '"67108864"'),
    *("[67108864]", "[67108864, 67108864]", '{"petals": {"num_classes": 67108864}}'),
)
SHIPPED = Path(__file__).resolve().parents[2] / "pretrained" / "m1_mnist_100"
TO_OPEN = (
    *("{mark}", "{mark}.keras", "m1_mnist_100", "vae_digits", "mnist", "fashion_mnist"),
    *(str(SHIPPED), str(SHIPPED / "model.weights.h5"), "hf://me/digits", "HF://me/digits@main"),
    *("https://127.0.0.1:9/m.keras", "http://127.0.0.1:9/m.zip", "file:///etc/passwd"),
)
STACK = {"module": "zoo.models.m1m2", "class_name": "M1M2", "registered_name": "zoo>M1M2"}


def _places(content) -> list:
    """Return every (object or list, key or index) below a value."""
    found, held = [], [content]
    while held:
        item = held.pop()
        keys = list(item) if isinstance(item, dict) else range(len(item))
        found += [(item, key) for key in keys]
        held += [item[key] for key in keys if isinstance(item[key], (dict, list))]
    return found


def _change_entry(content, rng) -> str:
    places = _places(content)
    if not places:
        return "nothing left to change"
    item, key = rng.choice(places)
    old = item[key]
    way = rng.choice(("odd", "odd", "name", "object", "delete", "copy", "swap", "nudge", "more"))
    if way == "delete":
        del item[key]
    elif way == "copy":  # perhaps of what holds it, so that it holds itself
        other, place = rng.choice(places)
        item[key] = copy.deepcopy(other[place] if rng.random() < 0.7 else content)
    elif way == "swap":
        other, place = rng.choice(places)
        item[key], other[place] = copy.deepcopy(other[place]), copy.deepcopy(old)
    elif way == "more" and isinstance(item, list):
        item.insert(key, copy.deepcopy(old))
    elif way == "more":
        item[rng.choice(NAMES)] = copy.deepcopy(rng.choice(ODD))
    elif way == "nudge" and isinstance(old, (int, float)):
        item[key] = rng.choice((old + 1, old - 1, -old, old * 2, old * 1000, old + 0.5, str(old)))
    elif way == "nudge":
        item[key] = rng.choice(([old], {"config": old}, str(old)))
    elif way == "name":
        item[key] = rng.choice(NAMES)
    elif way == "object":
        item[key] = copy.deepcopy(rng.choice(OBJECTS))
    else:
        item[key] = copy.deepcopy(rng.choice(ODD))
    return f"{way} at {key!r}"


def _changed_text(text, rng):
    place = rng.randrange(len(text))
    key = next(iter(json.loads(text)))
    ways = {
        "cut": text[:place],
        "a byte": text[:place] + bytes([rng.randrange(256)]) + text[place + 1 :],
        "not UTF-8": text[:place] + b"\xff" + text[place:],
        "UTF-16": text.decode().encode("utf-16"),
        "a mark before": b"\xef\xbb\xbf" + text,
        "a key twice": b'{"%s": 0, ' % key.encode() + text.lstrip()[1:],
        "nested deep": b'{"deep": ' + b"[" * 300 + b"]" * 300 + b", " + text.lstrip()[1:],
        "nested deeper": b'{"deep": ' + b"[" * 100_000,
        "many digits": b'{"long": ' + b"9" * 5000 + b", " + text.lstrip()[1:],
        "empty": b"",
        "another kind": rng.choice((b"[]", b"null", b"3", b'"x"', b"{}")),
    }
    way = rng.choice(list(ways))
    return ways[way], way


def changed_bytes(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Return bytes with some of them changed, and what was done."""
    changed, place = bytearray(data), rng.randrange(len(data))
    way = rng.choice(("bits", "bits", "number", "number", "run", "cut", "insert", "repeat"))
    if way == "bits":
        for _ in range(rng.choice((1, 1, 4, 32))):
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    elif way == "number":  # what a length or an offset might become
        number = rng.choice((0, 1, 0x7F, 0xFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1))
        size = rng.choice((1, 2, 4, 8))
        packed = struct.pack("<Q", number)[:size]
        changed[place : place + size] = packed
    elif way == "run":
        end = place + rng.choice((8, 64, 512))
        changed[place:end] = bytes([rng.choice((0, 255))]) * len(changed[place:end])
    elif way == "cut":
        del changed[place:]
    elif way == "insert":
        changed[place:place] = rng.randbytes(rng.choice((1, 8, 100)))
    else:
        changed[place:place] = changed[place : place + 64]
    return bytes(changed), f"{way} at {place} of {len(data)}"
