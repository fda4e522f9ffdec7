"""Where tests lie, and of which modules: `python tests/support/places.py` prints the share."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
# Folders of tests that belong to no package: of the project as a whole, of speed, and of GPUs.
WITHOUT_PACKAGE = {"project", "benchmarks", "gpu"}


def files_of_tests() -> list[Path]:
    """Return all files of tests."""
    return sorted(TESTS.rglob("test_*.py"), key=Path.as_posix)


def package_of(file: Path) -> Path | None:
    """Return the folder whose modules the tests in a file's folder are about."""
    inside = file.parent.relative_to(TESTS)
    if inside.parts[:1] in {("export",), ("docs",)}:
        return ROOT / inside
    package = ROOT / "zoo" / inside
    return package if inside.parts and package.is_dir() else None


def module_of(file: Path) -> str:
    """Return the name of the module, or of the whole package, that a file of tests names.

    `test_card.py` names `card`, and so does `test_card_of_an_archive.py`: a topic may follow. The
    name of a file that tests behavior across modules is a topic alone, and "" is returned.
    """
    package, name = package_of(file), file.stem.removeprefix("test_")
    if package is None:
        return ""
    modules = {path.stem for path in package.iterdir() if path.suffix == ".py" or path.is_dir()}
    modules.add(package.name)
    named = [module for module in modules if name == module or name.startswith(f"{module}_")]
    return max(named, key=len, default="")


def main():
    files = files_of_tests()
    topics = [file.relative_to(TESTS).as_posix() for file in files if not module_of(file)]
    print(f"{len(files) - len(topics)} of {len(files)} test files carry a module's name")
    print("topics: " + ", ".join(topics))


if __name__ == "__main__":
    main()
