"""What can be checked of a sealed file without any key: the shape of everything that a mechanism stores.

Rules upheld here:

- Every payload and wrap has exactly one stanza, and it is `mlkem768x25519`; so its header has one length,
  and a wrap (whose plaintext is an identity's text and a newline) has one size.
- Nothing can tell without a key to whom a file is sealed, or whether it opens: only its form is checked.
"""

from typing import Final

from meyasubako.crypto.age import hybrid
from meyasubako.crypto.age.header import parse_header
from meyasubako.crypto.age.sealing import sealed_size
from meyasubako.crypto.errors import UnsupportedError

HYBRID_HEADER_SIZE: Final = 1627
IDENTITY_TEXT_SIZE: Final = 77
WRAP_SIZE: Final = sealed_size(IDENTITY_TEXT_SIZE + 1, HYBRID_HEADER_SIZE)


def check_single_hybrid(prefix: bytes) -> int:
    """The length of the header that `prefix` begins with, if its one stanza is `mlkem768x25519`.

    `prefix` is the first `HYBRID_HEADER_SIZE` bytes of a file, or more. Raises `DamagedHeaderError` where it
    is no age header or is cut short, `UnsupportedError` where the header holds other or more stanzas.
    """
    header = parse_header(prefix)
    if [stanza.type for stanza in header.stanzas] != [hybrid.TYPE]:
        raise UnsupportedError("the file is not sealed to exactly one post-quantum recipient")
    hybrid.parse_encapsulation(header.stanzas[0])
    return header.size
