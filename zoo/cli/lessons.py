"""The command `zoo lesson`."""

from __future__ import annotations

import argparse

from zoo import lessons
from zoo.files.atomic_writes import check_file


def add_lesson(sub: argparse.ArgumentParser) -> None:
    """Add the arguments of `zoo lesson`."""
    sub.add_argument("name", nargs="?", help="a lesson")
    sub.add_argument("--out", help="the notebook to write [NAME.ipynb]")
    sub.add_argument("--list", action="store_true", help="list all lessons")


def lesson(options: argparse.Namespace) -> None:
    """Run `zoo lesson`."""
    if options.list or options.name is None:
        width = max(map(len, lessons.names()))
        for chapter, names in lessons.COURSE.items():
            print(f"# {chapter}")
            for name in names:
                found = lessons.get(name)
                needs = f"  [{', '.join(found.downloads)}]" if found.downloads else ""
                print(f"{name:{width}}  {found.minutes:>4g} min  {found.title}{needs}")
        print("In brackets: data sets that are downloaded once.")
        return
    lessons.get(options.name)
    out = options.out or f"{options.name}.ipynb"
    check_file(out, options.overwrite)
    path = lessons.write_notebook(options.name, out, overwrite=options.overwrite)
    print(f"{path} is written. Open it: pip install notebook; jupyter notebook {path}")
