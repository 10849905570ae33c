import io
import shutil
import subprocess
import tarfile
import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meyasubako.crypto import archive, tar
from meyasubako.crypto.age import HybridIdentity, Sealer, Unsealer, seal
from meyasubako.crypto.archive import (
    IDENTITY_SIZE,
    MESSAGE_FLOOR,
    REPORT_FLOOR,
    ArchiveReader,
    file_archive,
    pack,
    padded_size,
    unpack,
)
from meyasubako.crypto.errors import BadArchiveError, DamagedPayloadError

REPORT = ("about.json", "report.json", "report.txt", "files.json")
MESSAGE = ("about.json", "message.json", "files.json")
IDENTITY = ("about.json", "identity.json")
FILE = ("about.json", "file")
FLOORS = {REPORT: REPORT_FLOOR, MESSAGE: MESSAGE_FLOOR, IDENTITY: IDENTITY_SIZE, FILE: REPORT_FLOOR}
GIB = 1 << 30


def message(text: bytes = b"{}") -> bytes:
    return pack([("about.json", b"{}"), ("message.json", text), ("files.json", b"[]")], MESSAGE_FLOOR)


def with_header(data: bytes, **changes: object) -> bytes:
    """The archive with its first header as Python's tarfile writes it after these changes."""
    info = tarfile.TarInfo("about.json")
    info.size, info.mode = 2, 0o600
    for name, value in changes.items():
        setattr(info, name, value)
    block = info.tobuf(tarfile.USTAR_FORMAT)
    device = b"0000000\0" * 2 if info.isreg() else block[329:345]
    block = block[:148] + b" " * 8 + block[156:329] + device + block[345:]
    return block[:148] + b"%06o\0 " % sum(block) + block[156:] + data[512:]


class Dripping(io.BytesIO):
    """A source that gives at most `step` bytes at a time, as a socket may."""

    step = 7

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self.step if size is None or size < 0 else min(size, self.step))


shapes = st.sampled_from([REPORT, MESSAGE, FILE]).flatmap(
    lambda names: st.tuples(st.just(names), st.tuples(*[st.binary(max_size=3000) for _ in names]))
)


@given(shapes)
def test_what_is_packed_comes_back_in_its_order(case):
    names, contents = case
    data = pack(list(zip(names, contents, strict=True)), FLOORS[names])
    assert list(unpack(data).items()) == list(zip(names, contents, strict=True))
    assert len(data) % 512 == 0
    assert len(data) >= FLOORS[names]


@given(shapes)
@settings(max_examples=25)
def test_stock_tar_reads_the_same_members_with_the_closed_metadata(case):
    names, contents = case
    data = pack(list(zip(names, contents, strict=True)), FLOORS[names])
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as stock:
        members = stock.getmembers()
        assert [(m.name, stock.extractfile(m).read()) for m in members] == list(
            zip(names, contents, strict=True)
        )
        assert {(m.mode, m.uid, m.gid, m.uname, m.gname, m.mtime, m.type) for m in members} == {
            (0o600, 0, 0, "", "", 0, tarfile.REGTYPE)
        }


@pytest.mark.skipif(not shutil.which("tar"), reason="no tar on this machine")
def test_gnu_tar_writes_what_we_read_once_it_is_padded(tmp_path):
    if b"GNU tar" not in subprocess.run(["tar", "--version"], capture_output=True, check=True).stdout:
        pytest.skip("another tar than GNU's")
    (tmp_path / "about.json").write_bytes(b"{}")
    (tmp_path / "file").write_bytes(b"hello")
    owner = ["--numeric-owner", "--owner=0", "--group=0", "--mode=0600", "--mtime=@0"]
    flags = ["--format=ustar", "-b1", *owner, "-cf", "-"]
    made = subprocess.run(
        ["tar", *flags, "about.json", "file"], cwd=tmp_path, capture_output=True, check=True
    )
    head, tail = file_archive(b"{}", 5)
    assert made.stdout.ljust(REPORT_FLOOR, b"\0") == head + b"hello" + bytes(tail)


@pytest.mark.skipif(not shutil.which("tar"), reason="no tar on this machine")
def test_stock_tar_unpacks_a_padded_file(tmp_path):
    head, tail = file_archive(b"{}", 5)
    whole = head + b"hello" + bytes(tail)
    subprocess.run(["tar", "xif", "-"], cwd=tmp_path, input=whole, capture_output=True, check=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == unpack(whole)


def test_a_large_file_passes_through_seal_and_reader_in_constant_memory():
    identity, sealed, size = HybridIdentity.generate(), io.BytesIO(), 24 << 20
    head, tail = file_archive(b"{}", size)
    with Sealer(sealed, identity.recipient) as sealer:
        sealer.write(head)
        for _ in range(size >> 16):
            sealer.write(b"x" * 65536)
        for piece in tail:
            sealer.write(piece)
    sealed.seek(0)
    tracemalloc.start()
    found = {name: count(member) for name, _, member in ArchiveReader(Unsealer(sealed, identity))}
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == {"about.json": 2, "file": size}
    assert peak < 4 << 20


def count(member: archive.Member) -> int:
    return sum(len(piece) for piece in iter(lambda: member.read(65536), b""))


def test_a_sealed_file_that_was_cut_short_is_noticed_even_in_its_padding():
    identity = HybridIdentity.generate()
    head, tail = file_archive(b"{}", 150_000)
    sealed = seal(head + bytes(150_000) + bytes(tail), identity.recipient)
    with pytest.raises(DamagedPayloadError):
        list(ArchiveReader(Unsealer(io.BytesIO(sealed[:-20]), identity)))


@pytest.mark.parametrize("step", [1, 7, 512, 513])
def test_short_reads_change_nothing(step):
    source = Dripping(message(b"x" * 3000))
    source.step = step
    assert {name: member.read() for name, _, member in ArchiveReader(source)}["message.json"] == b"x" * 3000


def test_members_that_are_not_read_are_skipped_and_still_checked():
    assert [(name, size) for name, size, _ in ArchiveReader(io.BytesIO(message(b"x" * 700)))] == [
        ("about.json", 2),
        ("message.json", 700),
        ("files.json", 2),
    ]


def test_a_member_that_was_left_behind_gives_nothing_more():
    members = [member for _, _, member in ArchiveReader(io.BytesIO(message()))]
    assert [member.read() for member in members] == [b"", b"", b""]


@given(st.binary(max_size=2000), st.integers(0, 40_000))
def test_head_content_and_tail_of_a_file_are_the_packed_archive(about, size):
    head, tail = file_archive(about, size)
    content = bytes(size)
    whole = head + content + b"".join(tail)
    assert len(b"".join(tail)) == len(tail) == len(bytes(tail))
    assert whole == pack([("about.json", about), ("file", content)], REPORT_FLOOR)


class Sparse(io.RawIOBase):
    """A seekable file of head, then zeros up to `size`, that takes no room."""

    def __init__(self, head: bytes, size: int) -> None:
        super().__init__()
        self.head, self.size, self.place = head, size, 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.place = offset + (0, self.place, self.size)[whence]
        return self.place

    def read(self, size: int = -1) -> bytes:
        stop = self.size if size < 0 else min(self.size, self.place + size)
        data = (self.head[self.place : stop]).ljust(max(stop - self.place, 0), b"\0")
        self.place = max(stop, self.place)
        return data


@pytest.mark.parametrize("size", [8 * GIB - 1, 8 * GIB, 10**12])
def test_a_pax_header_stands_before_a_file_of_8_gib_or_more_and_stock_tar_agrees(size):
    head, tail = file_archive(b"{}", size)
    assert (b"@PaxHeader" in head) == (size >= 8 * GIB)
    total = len(head) + size + len(tail)
    with tarfile.open(fileobj=Sparse(head, total), mode="r:") as stock:
        assert [(m.name, m.size) for m in stock] == [("about.json", 2), ("file", size)]
    names = []
    for name, announced, _ in ArchiveReader(Sparse(head, total)):
        names.append((name, announced))
        if name == "file":
            break
    assert names == [("about.json", 2), ("file", size)]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"mode": 0o644}, "mode"),
        ({"mode": 0o4600}, "mode"),
        ({"uid": 1000}, "owner"),
        ({"gid": 1000}, "group"),
        ({"mtime": 1}, "time"),
        ({"uname": "reporter"}, "owner's names"),
        ({"gname": "staff"}, "owner's names"),
        ({"type": tarfile.SYMTYPE, "linkname": "x"}, "type"),
        ({"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"}, "type"),
        ({"type": tarfile.FIFOTYPE}, "type"),
        ({"type": tarfile.AREGTYPE}, "type"),
        ({"type": tarfile.GNUTYPE_LONGNAME}, "type"),
        ({"type": tarfile.GNUTYPE_SPARSE}, "type"),
        ({"linkname": "x"}, "link target"),
    ],
)
def test_a_header_outside_the_profile_is_refused_by_the_name_of_its_field(changes, field):
    assert with_header(message()) == message()
    with pytest.raises(BadArchiveError, match=f"about.json is outside the closed profile: {field}"):
        unpack(with_header(message(), **changes))


@pytest.mark.parametrize(
    "name",
    ["/about.json", "./about.json", "../about.json", "ABOUT.JSON", "file", "", "about.json\0x", "x" * 99],
)
def test_another_name_is_refused(name):
    with pytest.raises(BadArchiveError, match="no place there"):
        unpack(with_header(message(), name=name))


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("about.json",),
        ("message.json", "about.json", "files.json"),
        ("about.json", "message.json"),
        ("about.json", "message.json", "message.json"),
        ("about.json", "file", "file"),
        ("about.json", "about.json", "file"),
        ("about.json", "identity.json", "files.json"),
        ("about.json", "report.json", "report.txt", "files.json", "file"),
    ],
)
def test_members_of_no_shape_are_neither_written_nor_read(names):
    with pytest.raises(BadArchiveError, match="members are not those"):
        pack([(name, b"{}") for name in names], MESSAGE_FLOOR)
    data = b"".join(tar.header(name, 2) + b"{}".ljust(512, b"\0") for name in names)
    with pytest.raises(BadArchiveError):
        unpack(data.ljust(padded_size(len(data) + 1024, MESSAGE_FLOOR), b"\0"))


def test_the_floor_of_another_shape_is_refused():
    with pytest.raises(BadArchiveError, match="the floor 4096, not 16384"):
        pack([("about.json", b"{}"), ("message.json", b"{}"), ("files.json", b"[]")], REPORT_FLOOR)


def test_the_identity_block_has_one_size_and_what_does_not_fit_is_refused():
    room = IDENTITY_SIZE - 4 * 512 - 512
    assert len(pack([("about.json", b"{}"), ("identity.json", bytes(room))], IDENTITY_SIZE)) == IDENTITY_SIZE
    with pytest.raises(BadArchiveError, match="more than the 4096 bytes"):
        pack([("about.json", b"{}"), ("identity.json", bytes(room + 1))], IDENTITY_SIZE)
    data = tar.header("about.json", 0) + tar.header("identity.json", 4096) + bytes(4096)
    with pytest.raises(BadArchiveError, match="more than the 4096 bytes"):
        unpack(data.ljust(padded_size(len(data) + 1024, 4096), b"\0"))


def test_a_text_member_above_the_limit_is_refused_before_it_is_read():
    with pytest.raises(BadArchiveError, match="larger than"):
        pack(
            [("about.json", b"{}"), ("message.json", bytes(archive.MEMBER_LIMIT + 1)), ("files.json", b"")],
            4096,
        )
    data = tar.header("about.json", 0) + tar._block("message.json", archive.MEMBER_LIMIT + 1, b"0")
    with pytest.raises(BadArchiveError, match="larger than"):
        unpack(data)


@pytest.mark.parametrize("length", [0, 1, 511, 512, 1024, 4095, 4096 + 512, 8192])
def test_only_the_one_length_of_its_class_is_accepted(length):
    data = message()
    with pytest.raises(BadArchiveError):
        unpack(data[:length].ljust(length, b"\0"))


def test_padding_that_is_not_zero_is_refused_wherever_it_stands():
    data = message(b"x" * 700)
    content_end = 512 + 512 + 512 + 700
    for place in [512 + 2, content_end, 4096, len(data) - 1]:
        with pytest.raises(BadArchiveError, match="padding of the archive is not zero"):
            unpack(data[:place] + b"\x01" + data[place + 1 :])


@pytest.mark.parametrize(
    "record",
    [
        b"19 size=8589934591\n",
        b"20 size=8589934592\n",
        b"20 size=08589934592\n",
        b"19 path=8589934592\n",
        b"19 size=8589934592\n19 size=8589934592\n",
        b"25 size=9999999999999999\n",
    ],
)
def test_a_pax_header_that_says_anything_but_a_size_it_is_needed_for_is_refused(record):
    block = tar._block("././@PaxHeader", len(record), b"x")
    data = tar.header("about.json", 0) + block + record.ljust(512, b"\0") + tar._block("file", 0, b"0")
    with pytest.raises(BadArchiveError):
        unpack(data.ljust(REPORT_FLOOR, b"\0"))


GOOD = [message(b"x" * 700), file_archive(b"{}", 0).head + bytes(file_archive(b"{}", 0).tail)]


@given(st.sampled_from(GOOD), st.data())
def test_a_changed_byte_changes_a_content_or_is_refused(good, data):
    place = data.draw(st.integers(0, len(good) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda v: v != good[place]))
    changed = good[:place] + bytes([value]) + good[place + 1 :]
    try:
        members = unpack(changed)
    except BadArchiveError:
        return
    assert members != unpack(good)
    assert changed == pack(list(members.items()), FLOORS[tuple(members)])


@given(st.binary(max_size=3000), st.booleans())
@example(b"", True)
def test_arbitrary_bytes_are_refused_by_name_or_are_what_we_would_write(junk, begin_well):
    data = (tar.header("about.json", 2) + b"{}".ljust(512, b"\0") if begin_well else b"") + junk
    try:
        members = unpack(data)
    except BadArchiveError:
        return
    assert data == pack(list(members.items()), FLOORS[tuple(members)])


@given(st.binary(max_size=512), st.binary(max_size=512))
def test_all_short_messages_look_alike(first, second):
    assert len(message(first)) == len(message(second)) == MESSAGE_FLOOR


@given(st.binary(max_size=5000), st.binary(max_size=5000), st.sampled_from([0, 1, 4]))
@settings(max_examples=25)
def test_all_short_reports_look_alike(answers, text, files):
    members = [
        ("about.json", b"{}"),
        ("report.json", answers),
        ("report.txt", text),
        ("files.json", b"[" + b"f" * 200 * files + b"]"),
    ]
    assert len(pack(members, REPORT_FLOOR)) == REPORT_FLOOR
