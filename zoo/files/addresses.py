"""Addresses as they are shown and stored: without users, passwords, queries and fragments.

A query or a user's part may be a secret, such as a token or the signature of a signed address.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_OUR_HASH = re.compile(r"#sha256=[0-9a-f]{64}\Z")


def public_address(url: str) -> str:
    """Return the scheme, host and path of an address, and nothing else of it.

    Example:
        >>> from zoo.files.addresses import public_address
        >>> public_address("https://me:secret@host:8080/m.keras?token=1#2")
        'https://host:8080/m.keras'
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # such as "https://[/"
        return "an address that cannot be read"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def public_source(based_on: str) -> str:
    """Return what a card says of where weights come from, with an address as `public_address`.

    Args:
        based_on: a preset's name, a name of the hub, or an address, perhaps with `#sha256=` and 64
            digits at its end, which stay.
    """
    if based_on.startswith("hf://") or not re.match(r"[A-Za-z][\w+.-]*://", based_on):
        return based_on
    found = _OUR_HASH.search(based_on)
    return public_address(based_on) + (found[0] if found else "")


def has_secrets(url: str) -> bool:
    """Return whether an address has a user, a query or a fragment; raise ValueError for none."""
    parts = urlsplit(url)
    return bool("@" in parts.netloc or parts.query or parts.fragment)
