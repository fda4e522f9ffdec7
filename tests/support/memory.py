"""A plugin of pytest that says how much memory the processes of a run took at their peaks."""

import contextlib
import sys
from pathlib import Path

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


def peak(afresh: bool = False) -> int:
    """Return the most memory that this process has had, in bytes, or since it was measured afresh.

    It is 0 where the system does not tell.
    """
    with contextlib.suppress(OSError):
        if afresh:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    return 0


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
