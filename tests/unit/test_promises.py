"""What the documents promise is tested: each promise names its test, each finding its place in the guide."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`")
FOUND = re.compile(
    r'(?:Finding|BrokenSourceError|_find|_named)\(\s*"([a-z0-9-]+)"|_finding\([^"]*?"([a-z-]+)"'
)


def test_every_test_that_a_document_names_exists():
    documents = [ROOT / "SECURITY.md", *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    named = {found for document in documents for found in NAMED.findall(document.read_text())}
    assert len(named) > 20
    missing = [
        f"{file}::{name}"
        for file, name in sorted(named)
        if not (ROOT / file).is_file() or f"def {name}(" not in (ROOT / file).read_text()
    ]
    assert missing == []


def test_everything_that_the_security_table_denies_names_a_test():
    rows = [line for line in (ROOT / "SECURITY.md").read_text().splitlines() if line.startswith("| ")]
    denied = [row.rstrip(" |").rpartition("|")[2].strip() for row in rows]
    unproven = [
        text
        for text in denied
        if text not in ("cannot", "---") and "tests/" not in text and "the same test" not in text
    ]
    assert unproven == []


def test_every_finding_of_an_audit_is_in_the_auditors_guide():
    sources = [ROOT / "domain" / "audit.py", *(ROOT / "service" / "inspection").glob("*.py")]
    names = {one or other for source in sources for one, other in FOUND.findall(source.read_text())}
    assert len(names) > 20
    guide = (ROOT / "docs" / "auditors.md").read_text()
    assert [name for name in sorted(names) if f"`{name}`" not in guide] == []
