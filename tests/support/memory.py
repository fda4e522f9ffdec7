"""A plugin of pytest that says how much memory all processes of a run took at their peaks."""

import sys

import pytest

PEAKS = []


def peak() -> float:
    """Return the GiB that this process, and the largest one that it started, had at their peaks."""
    try:
        import resource
    except ImportError:  # on Windows
        return 0.0
    unit = 2**30 if sys.platform == "darwin" else 2**20
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(resource.getrusage(kind).ru_maxrss for kind in kinds) / unit


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["peak"] = peak()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    PEAKS.append(getattr(node, "workeroutput", {}).get("peak", 0.0))


def pytest_terminal_summary(terminalreporter, config):
    if hasattr(config, "workeroutput"):
        return
    # What this process started are the workers, if there are any.
    parts = PEAKS or [peak()]
    told = " + ".join(f"{part:.1f}" for part in parts)
    terminalreporter.write_line(f"peaks of memory: {told} = {sum(parts):.1f} GiB")
