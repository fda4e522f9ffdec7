"""The `zoo` command and the Hugging Face hub: names, and `zoo push`."""

from __future__ import annotations

import os
import re
from typing import Any

from zoo.presets import hub


def pin(options: Any) -> None:
    """Replace a branch or tag in a preset's name by its commit, as a branch may change.

    Raises:
        ValueError: there is no such repository, or `--update` was given, which needs a folder.
        PermissionError, ConnectionError: as for `zoo.load`.
    """
    if not hub.is_name(getattr(options, "name", None) or ""):
        return
    if getattr(options, "update", False):
        raise ValueError(
            f"--update writes into a folder, and {options.name} is on the hub: save the model with "
            "zoo.save, measure that folder, and push it."
        )
    options.name = hub.pinned(options.name)


def short_name(name: str) -> str:
    """Return the last part of a preset's name, without a commit, to name files."""
    return re.sub(r"@[0-9a-f]{40}$", "", os.path.basename(os.path.normpath(name)))


def add_push(parser: Any) -> None:
    """Add the arguments of `zoo push`."""
    parser.add_argument("folder", help="a preset's name, or a folder written by zoo.save")
    parser.add_argument("to", help="hf://user/name")
    parser.add_argument("--private", action="store_true", help="create a private repository")
    parser.add_argument(
        "--dry-run", action="store_true", help="send nothing; show what would be sent"
    )
    parser.add_argument("--message", help="commit message [Write the preset NAME]")


def push(options: Any) -> None:
    """Write a preset to the hub and print the commit's address, or print what would be sent."""
    from zoo.presets import pushing

    more = {"private": options.private, "message": options.message, "overwrite": options.overwrite}
    print(pushing.push(options.folder, options.to, dry_run=options.dry_run, **more))
