"""Recipients and identities as people write them: one a line, ``#`` comments and empty lines between.

Rules upheld here (age(1), "RECIPIENTS AND IDENTITIES"):

- ``age1pq1…`` and ``age1…`` are recipients, ``AGE-SECRET-KEY-PQ-1…`` and ``AGE-SECRET-KEY-1…`` identities;
  other kinds (plugins, SSH keys) are refused with a sentence that says so.
- No error repeats what it read: it might be a secret in the wrong place.
"""

from collections.abc import Callable
from typing import TypeVar

from meyasubako.crypto.age.hybrid import HybridIdentity, HybridRecipient
from meyasubako.crypto.age.x25519 import X25519Identity, X25519Recipient
from meyasubako.crypto.errors import BadKeyError

_Key = TypeVar("_Key")


def parse_recipient(text: str) -> HybridRecipient | X25519Recipient:
    """The recipient that one word spells; `BadKeyError` where it spells none.

    >>> parse_recipient("age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj").label
    ''
    """
    if text.startswith("age1pq1"):
        return HybridRecipient.parse(text)
    if text.startswith("AGE-SECRET-KEY-"):
        raise BadKeyError("this is a secret identity, not a recipient: nobody else may ever see it")
    if text.startswith("age1"):
        return X25519Recipient.parse(text)
    raise BadKeyError("a recipient begins with age1pq1 or age1")


def parse_identity(text: str) -> HybridIdentity | X25519Identity:
    """The identity that one word spells; `BadKeyError` where it spells none."""
    if text.startswith("AGE-SECRET-KEY-PQ-1"):
        return HybridIdentity.parse(text)
    if text.startswith("AGE-SECRET-KEY-1"):
        return X25519Identity.parse(text)
    raise BadKeyError("an identity begins with AGE-SECRET-KEY-PQ-1 or AGE-SECRET-KEY-1")


def parse_recipients(text: str) -> list[HybridRecipient | X25519Recipient]:
    """The recipients of a recipients file, at least one. `BadKeyError` names the line that is none."""
    return _parse_lines(text, parse_recipient)


def parse_identities(text: str) -> list[HybridIdentity | X25519Identity]:
    """The identities of an identity file, at least one. `BadKeyError` names the line that is none."""
    return _parse_lines(text, parse_identity)


def _parse_lines(text: str, parse: Callable[[str], _Key]) -> list[_Key]:
    keys = []
    # Only \n and \r\n end a line: `splitlines` would break at characters that other tools do not break at.
    for number, line in enumerate(text.split("\n"), 1):
        word = line.removesuffix("\r")
        if not word or word.startswith("#"):
            continue
        try:
            keys.append(parse(word))
        except BadKeyError as error:
            raise BadKeyError(f"line {number}: {error}") from None
    if not keys:
        raise BadKeyError("the file holds no key")
    return keys
