"""age v1, whole (C2SP age.md): sealing that people with stock tools can check, open and write.

Most code needs `seal` and `unseal` for small things, `Sealer` and `Unsealer` for streams, and
`HybridIdentity` with its recipient. `SealedFile` and `open_range` read a part of a large file. `ArmorWriter`
and `ArmorReader` stand between a stream and its ASCII armor. `X25519…` and `Scrypt…` are for files shared
with tools that know no others.

What is imported from here is public, and nothing public takes or gives a file key: to share a file is to
seal it anew. Every failure is one of the errors of `meyasubako.crypto.errors`.
"""

from meyasubako.crypto.age.ascii_armor import ArmorReader, ArmorWriter, armor, dearmor, is_armored
from meyasubako.crypto.age.blocks import Sink, Source
from meyasubako.crypto.age.hybrid import HybridIdentity, HybridRecipient
from meyasubako.crypto.age.hybrid_file import (
    HYBRID_HEADER_SIZE,
    IDENTITY_TEXT_SIZE,
    WRAP_SIZE,
    check_single_hybrid,
)
from meyasubako.crypto.age.keys import Identity, Recipient
from meyasubako.crypto.age.opening import Unsealer, unseal, unseal_into
from meyasubako.crypto.age.ranges import SealedFile, open_range
from meyasubako.crypto.age.scrypt import ScryptIdentity, ScryptRecipient
from meyasubako.crypto.age.sealing import Sealer, seal, seal_into, sealed_size
from meyasubako.crypto.age.strangers import BEGINNING, begins_sealed, check_sealed
from meyasubako.crypto.age.text import parse_identities, parse_identity, parse_recipient, parse_recipients
from meyasubako.crypto.age.x25519 import X25519Identity, X25519Recipient

__all__ = [
    "BEGINNING",
    "HYBRID_HEADER_SIZE",
    "IDENTITY_TEXT_SIZE",
    "WRAP_SIZE",
    "ArmorReader",
    "ArmorWriter",
    "HybridIdentity",
    "HybridRecipient",
    "Identity",
    "Recipient",
    "ScryptIdentity",
    "ScryptRecipient",
    "SealedFile",
    "Sealer",
    "Sink",
    "Source",
    "Unsealer",
    "X25519Identity",
    "X25519Recipient",
    "armor",
    "begins_sealed",
    "check_sealed",
    "check_single_hybrid",
    "dearmor",
    "is_armored",
    "open_range",
    "parse_identities",
    "parse_identity",
    "parse_recipient",
    "parse_recipients",
    "seal",
    "seal_into",
    "sealed_size",
    "unseal",
    "unseal_into",
]
