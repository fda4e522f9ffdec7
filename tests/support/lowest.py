"""Print the lowest versions that pyproject.toml allows, as constraints for pip.

`.ci/run` installs exactly these once: python tests/support/lowest.py > lowest.txt
"""

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def lowest(project: dict) -> list[str]:
    """Return a constraint for every requirement of the package and of its tests.

    Args:
        project: the table of that name in pyproject.toml.

    Raises:
        ValueError: a requirement without a lowest version.
    """
    return [
        pinned(requirement)
        for requirement in (*project["dependencies"], *project["optional-dependencies"]["test"])
    ]


def pinned(requirement: str) -> str:
    """Return `name==1.2; marker` for `name>=1.2,!=1.3; marker`."""
    bound = r"^([\w.-]+)>=([\w.]+)(?:,!=[\w.]+)*(?=;|$)"
    pin, bounds = re.subn(bound, r"\1==\2", requirement)
    if not bounds:
        raise ValueError(f"{requirement!r} must have a lowest version, as in 'name>=1.2'.")
    return pin


if __name__ == "__main__":
    print(*lowest(tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]), sep="\n")
