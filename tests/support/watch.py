"""What happens while files are loaded that should not: paths, programs, connections, modules."""

import contextlib
import faulthandler
import os
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60  # that a case may take
FORBIDDEN = (
    *("os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"),
    *("subprocess.Popen", "pty.spawn", "socket.connect", "socket.bind", "socket.getaddrinfo"),
    *("ctypes.dlopen", "pickle.find_class", "webbrowser.open", "urllib.Request"),
)
CHANGING = (
    *("os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.mkdir"),
    *("os.chmod", "os.chown"),
)


class Watch:
    """What happens while files are loaded that should not: an audit hook."""

    def __init__(self, scratch):
        self.on, self.seen = False, []
        self.scratch = os.fspath(scratch)
        # What libraries read for themselves.
        readable = (sys.prefix, sys.base_prefix, np.__file__, ROOT, "/proc", "/sys", "/dev", "/etc")
        self.readable = tuple(os.path.dirname(p) if p == np.__file__ else str(p) for p in readable)
        self.shipped = str(ROOT / "pretrained")
        self.known = {*sys.stdlib_module_names, *(name.split(".")[0] for name in sys.modules)}
        sys.addaudithook(self)

    def __call__(self, event, args):
        if not self.on:
            return
        if event == "open" and not isinstance(args[0], int):
            self._open(*args)
        elif event in CHANGING and not self._inside(self._whole(event, args)):
            self.seen.append(f"{event} {args[0]}")
        elif event == "import" and args[0].split(".")[0] not in self.known:
            self.seen.append(f"import {args[0]}")
        elif event in FORBIDDEN:
            self.seen.append(f"{event} {args}"[:300])
            raise RuntimeError(f"{event} is forbidden here")

    def _inside(self, path):
        return os.path.realpath(os.fsdecode(path)).startswith(self.scratch)

    @staticmethod
    def _whole(event, args):
        """Return the path of an event; of those of `shutil.rmtree` with the folder that it has."""
        folder = args[1] if event in ("os.remove", "os.rmdir") else -1
        return args[0] if folder == -1 else Path(os.readlink(f"/proc/self/fd/{folder}"), args[0])

    def _open(self, path, mode, flags):
        writes = (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        if path == os.devnull or self._inside(path):
            return
        if mode is None and os.path.basename(path) == path and not os.path.exists(path):
            return  # in a folder that `shutil.rmtree` holds
        real = os.path.realpath(os.fsdecode(path))
        # The models of the zoo are opened when a user names them, and never when a file does.
        model = real.startswith(self.shipped) or real.endswith((".h5", ".keras"))
        if writes or model or not real.startswith(self.readable):
            self.seen.append(f"open {path} {mode}")
            raise PermissionError(f"{path} is not to be opened here")

    @contextlib.contextmanager
    def watching(self):
        self.on, self.seen = True, []
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        try:
            yield self.seen
        finally:
            faulthandler.cancel_dump_traceback_later()
            self.on = False
