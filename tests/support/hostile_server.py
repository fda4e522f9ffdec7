"""A server on the loopback whose answers are bytes of any kind, with pauses; it stops by itself."""

import contextlib
import itertools
import socketserver
import threading
import time

MOST = 2**27  # bytes of an answer that has no end
DRIP = 0.02  # seconds between two bytes


def endless(*pieces):
    """Yield pieces again and again, until so much was sent that whoever reads it has no limit."""
    sent = 0
    for piece in itertools.cycle(pieces):
        if sent > MOST:
            return
        sent += len(piece)
        yield piece


def drip(data):
    """Yield bytes one by one with a pause before each, for ten seconds at most."""
    for i in range(int(10 / DRIP)):
        yield DRIP
        yield data[i % len(data) : i % len(data) + 1]


def flat(parts):
    """Yield the bytes and pauses of an answer whose parts may be lists or generators of them."""
    for part in parts:
        if isinstance(part, bytes | float):
            yield part
        else:
            yield from flat(part)


class _Handler(socketserver.BaseRequestHandler):
    def handle(self):
        with contextlib.suppress(ConnectionError, TimeoutError):
            self.request.settimeout(10)
            head = b""
            while b"\r\n\r\n" not in head and len(head) < 2**16:
                if not (got := self.request.recv(2**12)):
                    return
                head += got
            self.server.heads.append(head)
            for part in flat(self.server.answer(head.split()[1].decode())):
                if isinstance(part, float):
                    time.sleep(part)
                else:
                    self.request.sendall(part)
                    self.server.sent += len(part)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextlib.contextmanager
def running():
    """Yield a server: `answer(path)` gives the parts of an answer, `sent` counts their bytes."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.sent, server.heads, server.answer = 0, [], lambda path: []
        server.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
