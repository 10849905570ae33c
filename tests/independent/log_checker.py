"""Check an exported log without any code of the program that wrote it.

    python log_checker.py DIR [SIZE:ROOT ...]

DIR holds `log.vkey`, `checkpoint`, `tile/<L>/<N>[.p/<W>]` and `tile/entries/<N>[.p/<W>]`. It is checked that

- the checkpoint carries a valid Ed25519 signature by the key in `log.vkey`, whose name is the log's origin;
- every entry bundle holds the entries that the level-0 tiles hash, every upper tile hashes the tiles below,
  every tile of the size is there, as wide as it must be, and none is there that the size does not allow;
- the tiles' root is the checkpoint's;
- an inclusion proof made out of the tiles verifies for every leaf (in a large log for 2,000 evenly spread);
- each SIZE:ROOT (root in hex or base64) that was seen earlier is a prefix, by a consistency proof.

It believes `log.vkey`, whoever put it there. Whose key that is must be found out by other means, for example
by comparing it with the one that the log's first entry names, and that entry's hash with its fingerprint in
print.

Exit status 0 and a summary, or 1 and the reason. Written from RFC 6962, RFC 9162 and the C2SP specifications
of signed notes, checkpoints and tiles; it needs Python and PyNaCl, and shares nothing with the package.
"""

import base64
import binascii
import hashlib
import sys
from pathlib import Path

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

SAMPLE = 2000


class CheckFailedError(Exception):
    """What is wrong with the log, in one sentence."""


def require(condition, reason):
    if not condition:
        raise CheckFailedError(reason)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def unbase64(text, what):
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise CheckFailedError(f"{what} is not base64") from None


def read_bytes(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckFailedError(f"{path} cannot be read: {error.strerror}") from None


def checked_checkpoint(directory):
    """The size and root that the log's key signed."""
    vkey = read_bytes(directory / "log.vkey").decode().strip()
    name, key_id, material = vkey.split("+", 2)
    key = unbase64(material, "log.vkey")
    require(len(key) == 33 and key[0] == 1, "log.vkey is not an Ed25519 key")
    expected = sha(name.encode(), b"\n", key)[:4]
    require(key_id == expected.hex(), "the id in log.vkey is not its key's")

    note = read_bytes(directory / "checkpoint")
    split = note.rfind(b"\n\n")
    require(split >= 0 and note.endswith(b"\n"), "the checkpoint is not a signed note")
    text, valid = note[: split + 1], 0
    for line in note[split + 2 :].decode().split("\n")[:-1]:
        dash, signer, encoded = line.split(" ")
        require(dash == "\u2014", "a signature line does not begin with an em dash")
        signature = unbase64(encoded, "a signature")
        if signer == name and signature[:4] == expected:
            try:
                VerifyKey(key[1:]).verify(text, signature[4:])
            except (BadSignatureError, ValueError):
                raise CheckFailedError("the log's signature on the checkpoint is wrong") from None
            valid += 1
    require(valid, "the log's key has not signed the checkpoint")

    lines = text.decode().split("\n")
    require(len(lines) >= 4 and lines[-1] == "", "the checkpoint has too few lines")
    require(lines[0] == name, "the checkpoint's origin is not the key's name")
    require(lines[1].isdecimal() and str(int(lines[1])) == lines[1], "the checkpoint's size is not a number")
    root = unbase64(lines[2], "the checkpoint's root")
    require(len(root) == 32, "the checkpoint's root is not 32 bytes long")
    return int(lines[1]), root


def file_name(number, width):
    groups = []
    while True:
        number, rest = divmod(number, 1000)
        groups.insert(0, f"{rest:03d}" if not groups else f"x{rest:03d}")
        if number == 0:
            break
    return "/".join(groups) + ("" if width == 256 else f".p/{width}")


def widths(count):
    return [min(256, count - start) for start in range(0, count, 256)]


def checked_rows(directory, size):
    """The hashes of each tile level, from the entries upward, each equal to what its tiles say."""
    row, allowed = [], set()
    for number, width in enumerate(widths(size)):
        path = directory / "tile/entries" / file_name(number, width)
        data, start, found = read_bytes(path), 0, 0
        while start < len(data):
            length = int.from_bytes(data[start : start + 2], "big")
            entry = data[start + 2 : start + 2 + length]
            require(start + 2 + length <= len(data), f"{path} ends within an entry")
            row.append(sha(b"\0", entry))
            start, found = start + 2 + length, found + 1
        require(found == width, f"{path} holds {found} entries, not {width}")
    rows, level = [], 0
    while row:
        rows.append(row)
        above = []
        for number, width in enumerate(widths(len(row))):
            path = directory / f"tile/{level}" / file_name(number, width)
            hashes = row[256 * number : 256 * number + width]
            tile = read_bytes(path)
            require(len(tile) == 32 * width, f"{path} is {len(tile)} bytes long, not {32 * width}")
            for place, each in enumerate(hashes):
                stored = tile[32 * place : 32 * place + 32]
                require(stored == each, f"{path} has another hash at place {place} than what lies below it")
            if width == 256:
                above.append(tree_root(hashes))
        allowed.add(str(level))
        row, level = above, level + 1
    stray = {path.name for path in (directory / "tile").glob("*")} - allowed - {"entries"}
    require(not stray, f"there are tile levels that the size does not allow: {sorted(stray)}")
    check_no_more(directory, size)
    return rows


def check_no_more(directory, size):
    """Older partial tiles may stay, but nothing may lie beyond the signed size."""
    for path in (directory / "tile").rglob("*"):
        if path.is_dir():
            continue
        level, *rest = path.relative_to(directory / "tile").parts
        partial = rest.pop() if rest[-2:-1] and rest[-2].endswith(".p") else None
        number = int("".join(part.removesuffix(".p").removeprefix("x") for part in rest))
        width = 256 if partial is None else int(partial)
        count = size // 256 ** (0 if level == "entries" else int(level))
        require(256 * number + width <= count, f"{path} lies beyond the signed size")


def tree_root(hashes):
    """RFC 6962's tree hash, level by level: an odd last node rises unchanged."""
    if not hashes:
        return sha(b"")
    while len(hashes) > 1:
        odd = [hashes[-1]] if len(hashes) % 2 else []
        hashes = [sha(b"\1", hashes[i], hashes[i + 1]) for i in range(0, len(hashes) - 1, 2)] + odd
    return hashes[0]


class Tree:
    """Roots of ranges of leaves, out of the checked tile rows."""

    def __init__(self, rows):
        self.rows = rows
        self.known = {}

    def root(self, start, end):
        if end - start == 1:
            return self.rows[0][start]
        if (start, end) not in self.known:
            self.known[start, end] = self.joined(start, end)
        return self.known[start, end]

    def joined(self, start, end):
        for level, row in enumerate(self.rows):
            if end - start == 256**level and start % 256**level == 0:
                return row[start // 256**level]
        middle = start + largest_power_below(end - start)
        return sha(b"\1", self.root(start, middle), self.root(middle, end))

    def inclusion(self, index, start, end):
        if end - start == 1:
            return []
        middle = start + largest_power_below(end - start)
        if index < middle:
            return [*self.inclusion(index, start, middle), self.root(middle, end)]
        return [*self.inclusion(index, middle, end), self.root(start, middle)]

    def consistency(self, old, start, end, whole):
        if old == end:
            return [] if whole else [self.root(start, end)]
        middle = start + largest_power_below(end - start)
        if old <= middle:
            return [*self.consistency(old, start, middle, whole), self.root(middle, end)]
        return [*self.consistency(old, middle, end, False), self.root(start, middle)]


def largest_power_below(number):
    power = 1
    while power * 2 < number:
        power *= 2
    return power


def inclusion_holds(index, size, leaf, path, root):
    """RFC 9162 section 2.1.3.2."""
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return False
        if fn % 2 == 1 or fn == sn:
            r = sha(b"\1", p, r)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn // 2, sn // 2
        else:
            r = sha(b"\1", r, p)
        fn, sn = fn // 2, sn // 2
    return sn == 0 and r == root


def consistency_holds(first, second, first_root, second_root, path):
    """RFC 9162 section 2.1.4.2, for 0 < first < second."""
    path = list(path)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    if not path:
        return False
    fn, sn = first - 1, second - 1
    while fn % 2 == 1:
        fn, sn = fn // 2, sn // 2
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn % 2 == 1 or fn == sn:
            fr, sr = sha(b"\1", c, fr), sha(b"\1", c, sr)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn // 2, sn // 2
        else:
            sr = sha(b"\1", sr, c)
        fn, sn = fn // 2, sn // 2
    return sn == 0 and fr == first_root and sr == second_root


def parse_earlier(argument):
    size, _, root = argument.partition(":")
    require(size.isdecimal(), f"{argument} is not SIZE:ROOT")
    is_hex = len(root) == 64 and set(root.lower()) <= set("0123456789abcdef")
    raw = bytes.fromhex(root) if is_hex else unbase64(root, "an earlier root")
    require(len(raw) == 32, f"{argument} is not SIZE:ROOT")
    return int(size), raw


def check(directory, earlier):
    size, root = checked_checkpoint(directory)
    rows = checked_rows(directory, size)
    leaves = rows[0] if rows else []
    require(tree_root(leaves) == root, "the entries do not hash to the checkpoint's root")
    tree = Tree(rows)
    indices = sorted({*range(0, size, max(1, size // SAMPLE)), *range(max(0, size - 5), size)})
    for index in indices:
        path = tree.inclusion(index, 0, size)
        require(inclusion_holds(index, size, leaves[index], path, root), f"leaf {index} is not included")
    for old, old_root in earlier:
        require(old <= size, f"an earlier checkpoint had {old} entries, this one has {size}")
        if old in (0, size):
            require(old_root == (root if old else sha(b"")), f"the root at size {old} is another one")
        else:
            path = tree.consistency(old, 0, size, True)
            holds = consistency_holds(old, size, old_root, root, path)
            require(holds, f"the log does not extend the checkpoint of size {old}")
    return f"{size} entries, root {root.hex()}, {len(indices)} inclusions, {len(earlier)} consistencies"


def main(arguments):
    if not arguments:
        sys.stdout.write(__doc__)
        return 1
    try:
        summary = check(Path(arguments[0]), [parse_earlier(each) for each in arguments[1:]])
    except CheckFailedError as failure:
        sys.stdout.write(f"FAILED: {failure}\n")
        return 1
    except (ValueError, UnicodeDecodeError, IndexError) as error:
        sys.stdout.write(f"FAILED: the export is malformed ({type(error).__name__})\n")
        return 1
    sys.stdout.write(f"OK: {summary}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
