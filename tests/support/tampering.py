"""Files of presets, changed as somebody might who wants them to be loaded."""

import json
import os

from zoo.presets.card import describe_file


def resign(folder, file, record):
    """Make a card or a signature agree with a changed file, as an attacker would."""
    record = folder / record
    content = json.loads(record.read_text())
    content["files"][os.path.relpath(folder / file, record.parent)] = describe_file(folder / file)
    record.write_text(json.dumps(content))


def rewrite(folder, file, content):
    """Replace a preset's file and make its card agree."""
    (folder / file).write_bytes(content)
    resign(folder, file, "card.json")


def rewrite_config(folder, change):
    config = json.loads((folder / "config.json").read_text())
    change(config)
    rewrite(folder, "config.json", json.dumps(config).encode())


def entry(name, module, registered=None, /, **config):
    return {
        "module": module,
        "class_name": name,
        "config": config,
        "registered_name": registered,
    }
