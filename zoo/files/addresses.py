"""Remove users, passwords, queries and fragments from addresses that are shown or stored.

A query or user name may hold a secret, such as a token or the signature of a signed address.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_OUR_HASH = re.compile(r"#sha256=[0-9a-f]{64}\Z")


def public_address(url: str) -> str:
    """Return only the scheme, host and path of an address.

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
    """Return the source of weights as a card states it, with an address as in `public_address`.

    Args:
        based_on: a preset's name, a name on the hub, or an address. The address may end with
            `#sha256=` and 64 digits, which are kept.
    """
    if based_on.startswith("hf://") or not re.match(r"[A-Za-z][\w+.-]*://", based_on):
        return based_on
    found = _OUR_HASH.search(based_on)
    return public_address(based_on) + (found[0] if found else "")


def has_secrets(url: str) -> bool:
    """Return whether an address has a user, a query or a fragment.

    Raises:
        ValueError: the text is not an address.
    """
    parts = urlsplit(url)
    return bool("@" in parts.netloc or parts.query or parts.fragment)
