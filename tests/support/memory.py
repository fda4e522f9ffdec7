"""A plugin of pytest that says how much memory the processes of a run took at their peaks."""

import sys

import pytest

PEAKS = []


def peaks() -> tuple[float, float]:
    """Return the GiB that this process had at its peak, and the largest one that it started."""
    try:
        import resource
    except ImportError:  # on Windows
        return 0.0, 0.0
    unit = 2**30 if sys.platform == "darwin" else 2**20
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return tuple(resource.getrusage(kind).ru_maxrss / unit for kind in kinds)


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["peaks"] = peaks()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    PEAKS.append(getattr(node, "workeroutput", {}).get("peaks", (0.0, 0.0)))


def pytest_terminal_summary(terminalreporter, config):
    if hasattr(config, "workeroutput"):
        return
    own, started = zip(*(PEAKS or [peaks()]), strict=True)
    told = " + ".join(f"{each:.1f}" for each in own)
    terminalreporter.write_line(
        f"peaks of memory: {told} GiB; of what was started meanwhile: {max(started):.1f} GiB"
    )
