"""Node.js, and a folder with onnxruntime-node in it, for tests of applications in JavaScript."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PATH = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
NPM = shutil.which("npm", path=PATH)


def called(*command, folder):
    """Run a command and return what it prints."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": PATH},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def install(folder):
    """Install onnxruntime-node; its binary for CPUs is part of the package."""
    (folder / "package.json").write_text("{}")
    flags = ("--ignore-scripts", "--no-audit", "--no-fund")
    called(NPM, "install", *flags, "onnxruntime-node", folder=folder)
    return folder
