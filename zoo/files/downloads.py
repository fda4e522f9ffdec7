"""Downloads from untrusted servers: bytes are counted, and time is limited.

Presets are downloaded here alone; beside, huggingface_hub writes to the hub and handles tokens, and
Keras downloads data sets. This module serves `https://` addresses and the Hugging Face hub. It
trusts no size that a server states, and reads no answer without a limit. Nothing is decompressed.
It needs neither Keras nor NumPy.
"""

from __future__ import annotations

import contextlib
import functools
import http
import http.client
import io
import os
import re
import ssl
import string
import time
import urllib.error
import urllib.request
from typing import BinaryIO, NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from zoo.checks.words import printable
from zoo.files.addresses import public_address

SECONDS = 60.0  # limit until the first byte of a file arrives, and for each MiB of the file
PAUSE = 30.0  # limit of seconds without a byte
REDIRECTS = 10
_STEP = 2**20  # bytes, which may take `SECONDS` at most
_BESIDE = 2**20  # limit of bytes beside the file: headers, sizes of chunks, trailers
_PIECE = 2**16
CONNECTIONS = {"https": http.client.HTTPSConnection, "http": http.client.HTTPConnection}


class UnreachableError(ConnectionError):
    """A server cannot be reached, or stops sending."""


class Answer(NamedTuple):
    """A server's answer: the status, and headers with escaped control characters.

    `error` is the hub's code for a refusal, such as "RepoNotFound", and `message` its text.
    """

    status: int
    content_type: str
    error: str
    message: str

    def __str__(self):
        known = self.status in set(http.HTTPStatus)
        return f"{self.status} {http.HTTPStatus(self.status).phrase}" if known else f"{self.status}"


def download(
    url: str, file: BinaryIO, most: int, *, exactly: int | None = None, token: str | None = None
) -> Answer:
    """Download the content at an address into a file; only answers with status 200 are read.

    An `https://` address may only redirect to `https://` addresses. Each MiB may take a minute; the
    environment variable `ZOO_DOWNLOAD_SECONDS` sets another number of seconds.

    Args:
        url: an address that begins with https://, or with http:// if the user named that server.
        file: a file that is open for writing bytes.
        most: the largest number of bytes to read.
        exactly: the number of bytes that there must be, if it is known.
        token: the token for the host of `url`; it is not sent to other hosts.

    Raises:
        ValueError: there are more bytes than `most` or `exactly`; or the address redirects to one
            that is not https://.
        ConnectionError: the server cannot be reached, is too slow, or its answer cannot be used.
    """
    clock, name, first = _Clock(_seconds()), printable(public_address(url)), url
    schemes = ("https",) if url.lower().startswith("https:") else ("https", "http")
    opened = opener(clock, schemes).open
    for _ in range(REDIRECTS + 1):
        with contextlib.closing(_asked(opened, url, token, clock, name)) as answer:
            if answer.status not in (301, 302, 303, 307, 308):
                if answer.status == 200:
                    _copy(answer, file, most, exactly, clock, name)
                return _described(answer)
            url = _redirected(url, answer.headers.get("Location"), name, schemes)
        if _origin(url) != _origin(first):
            token = None  # not sent again, even if a later redirect leads back to the first host
    raise ConnectionError(f"{name} redirects more than {REDIRECTS} times.")


def _seconds() -> float:
    text = os.environ.get("ZOO_DOWNLOAD_SECONDS")
    if text is None:
        return SECONDS
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text) or not float(text):
        raise ValueError(
            f"ZOO_DOWNLOAD_SECONDS is {text[:20]!r}; give a number of seconds, such as 300, that "
            "each MiB of a download may take."
        )
    return float(text)


def _asked(opened, url, token, clock, name):
    """Return the response to one request, after its headers were read."""
    # Characters that addresses may not have, such as spaces and letters with accents, are encoded.
    request = urllib.request.Request(quote(url, safe=string.punctuation))
    for header, value in {"User-Agent": "autoencoder-zoo", "Accept-Encoding": "identity"}.items():
        request.add_header(header, value)
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    with _in_words(name, clock):
        return opened(request, timeout=clock.left())


def opener(clock: _Clock, schemes: tuple[str, ...]) -> urllib.request.OpenerDirector:
    """Return an opener for addresses of these schemes, which uses the environment's proxies.

    It checks certificates, and follows no redirects.
    """
    known = urllib.request.OpenerDirector()
    known.add_handler(urllib.request.ProxyHandler())
    known.add_handler(_Secure(clock))
    if "http" in schemes:
        known.add_handler(_Plain(clock))
    return known


class _Secure(urllib.request.HTTPSHandler):
    def __init__(self, clock):
        self._certificates = ssl.create_default_context()
        super().__init__(context=self._certificates)
        self._clock = clock

    def https_open(self, request):
        connection = functools.partial(_connection, CONNECTIONS["https"], self._clock)
        return self.do_open(connection, request, context=self._certificates)


class _Plain(urllib.request.HTTPHandler):
    def __init__(self, clock):
        super().__init__()
        self._clock = clock

    def http_open(self, request):
        return self.do_open(
            functools.partial(_connection, CONNECTIONS["http"], self._clock), request
        )


def _connection(kind, clock, host, **options):
    connection = kind(host, **options)
    connection.response_class = functools.partial(_Response, clock)
    return connection


class _Response(http.client.HTTPResponse):
    """A response whose bytes, from the status line on, are all counted by a `_Clock`."""

    def __init__(self, clock, sock, *args, **options):
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Timed(self.fp.detach(), sock, clock))


class _Timed(io.RawIOBase):
    """The bytes of a socket; a read waits no longer than the clock allows."""

    def __init__(self, raw, sock, clock):
        self._raw, self._sock, self._clock = raw, sock, clock

    def readable(self):
        return True

    def readinto(self, buffer):
        wait = self._clock.left()
        self._sock.settimeout(wait)
        try:
            n = self._raw.readinto(buffer)
        except TimeoutError:
            self._clock.left()  # raises if the time for a whole MiB is over
            raise TimeoutError(f"nothing arrived for {wait:g} seconds") from None
        self._clock.arrived(n)
        return n

    def close(self):
        self._raw.close()
        super().close()


class _Clock:
    """Count the bytes of a download, and limit how long the next read may wait."""

    def __init__(self, seconds):
        self.seconds, self._until = seconds, time.monotonic() + seconds
        self._of_file, self._in_all, self._next = 0, 0, _STEP

    def left(self) -> float:
        """Return the seconds that the next read may take."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"less than 1 MiB arrived in {self.seconds:g} seconds")
        return min(PAUSE, left)

    def arrived(self, n: int) -> None:
        """Count bytes of any kind, as headers or trailers may be endless."""
        self._in_all += n
        if self._in_all > _BESIDE + 2 * self._of_file:
            raise http.client.HTTPException("it sends far more than the file")

    def written(self, n: int) -> None:
        """Count bytes of the file; the time starts again for each MiB."""
        self._of_file += n
        if self._of_file >= self._next:
            self._until, self._next = time.monotonic() + self.seconds, self._of_file + _STEP


@contextlib.contextmanager
def _in_words(name, clock):
    """Replace errors of sockets and servers by errors that say what to do."""
    try:
        yield
    except (TimeoutError, urllib.error.URLError, OSError) as error:
        why = error.reason if isinstance(error, urllib.error.URLError) else error
        slow = isinstance(why, TimeoutError)
        raise UnreachableError(
            f"{name} cannot be read ({cleaned(why) or type(why).__name__}). Check the connection"
            + (
                f"; on a slow line set ZOO_DOWNLOAD_SECONDS to more than {clock.seconds:g}."
                if slow
                else "."
            )
        ) from None
    except (http.client.InvalidURL, UnicodeError):  # the message may hold the whole address
        raise ValueError(f"{name} is not a valid address.") from None
    except (http.client.HTTPException, ValueError, OverflowError) as error:
        raise ConnectionError(
            f"{name} does not answer as a web server does ({type(error).__name__}: "
            f"{cleaned(error)})."
        ) from None


def cleaned(text: object) -> str:
    """Return a server's text in one line of at most 200 characters, with escapes for controls."""
    line = printable(" ".join(str(text)[:2000].split()))
    return line if len(line) <= 200 else f"{line[:200]}..."


def _copy(answer, file, most, exactly, clock, name):
    """Write the body of a response into a file; refuse a body that is too long."""
    limit = most if exactly is None else min(most, exactly)
    said = _length(answer, name)
    _check_size(name, limit, said or 0)
    got = 0
    while True:
        with _in_words(name, clock):
            # One byte above the limit shows that there are more.
            piece = answer.read(min(_PIECE, limit + 1 - got))
        if not piece:
            break
        got += len(piece)
        _check_size(name, limit, got)
        clock.written(len(piece))
        file.write(piece)
    expected = said if exactly is None else exactly
    if expected is not None and got != expected:
        raise ConnectionError(f"{name} ended after {got:,} of {expected:,} bytes. Try again.")


def _length(answer, name) -> int | None:
    """Return the size that the headers of a response state, or None."""
    for header, known in (("Content-Encoding", "identity"), ("Transfer-Encoding", "chunked")):
        found = answer.headers.get(header, known)
        if found.strip().lower() != known:
            raise ConnectionError(
                f"{name} answers with {header}: {cleaned(found)}, which was not requested. Only "
                "uncompressed answers are read."
            )
    said = answer.headers.get("Content-Length")
    if said is None or answer.chunked:
        return None
    if not re.fullmatch(r"\s*\d{1,18}\s*", said, re.ASCII):
        raise ConnectionError(f"{name} states the invalid length {cleaned(said)[:40]}.")
    return int(said)


def _check_size(name, limit, size):
    if size > limit:
        raise ValueError(f"{name} has more than {limit:,} bytes. Nothing was kept.")


def _redirected(url, target, name, schemes) -> str:
    """Return the address that another one redirects to."""
    try:
        found = urljoin(url, target or "")
        scheme, there = urlsplit(found).scheme, bool(target and _origin(found)[1])
    except ValueError:
        scheme, there = "", False
    if not there and scheme in schemes:
        raise ConnectionError(f"{name} redirects, but does not say where to.")
    if scheme not in schemes:
        raise ValueError(
            f"{name} redirects to {cleaned(public_address(found))}, which is not an https:// "
            "address."
            if scheme
            else f"{name} redirects to an address that cannot be read."
        )
    return found


def _origin(url) -> tuple:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _described(answer) -> Answer:
    names = ("Content-Type", "X-Error-Code", "X-Error-Message")
    return Answer(answer.status, *(cleaned(answer.headers.get(name, "")) for name in names))
