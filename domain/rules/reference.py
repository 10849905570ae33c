"""Every kind of event and every rule as one Markdown page, docs/rules.md; a test compares it with the code.

Write it anew with `python -m meyasubako.domain.rules.reference > docs/rules.md`.
"""

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from meyasubako.domain import kinds
from meyasubako.domain.kinds import Kind
from meyasubako.domain.rules import RULES
from meyasubako.domain.rules.registry import Rule
from meyasubako.domain.schema import Field, ListOf, OneOf, Owned, Record

_HEAD: Final = """\
# Kinds of events, and rules

*This page is written from the code by `python -m meyasubako.domain.rules.reference`; a test compares them.*

The server asks the rules before it stores an event; the blind audit asks the same functions again, and names
the rule that an event breaks. Each has a test in `tests/unit/domain/rules/` that breaks it with a correctly
signed event.

Besides its body, every event says its log, stream, place in the stream, day and author, and is signed. In a
body, *own* marks a sealed payload that the event brings; *may* a field that can be absent. Nowhere but in the
mechanism's public stream is there a field for a text or a number that somebody typed.
"""
_STREAMS: Final = {
    kinds.MECHANISM: "The mechanism's stream",
    kinds.COVERS: "Covers",
    kinds.CASE: "A case's stream",
    kinds.ROOM: "A room's stream",
    kinds.READS: "One person's reads of one case",
}
_EVERY: Final = "every event"


def render() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_kinds(), *_rules()])


def _kinds() -> Iterator[str]:
    for stream, title in _STREAMS.items():
        yield f"## {title}\n"
        yield "| kind | who writes it | body | what the reporter is told |"
        yield "| --- | --- | --- | --- |"
        for kind in kinds.KINDS.values():
            if kind.streams[0] == stream:
                yield _kind(kind)
        yield ""


def _kind(kind: Kind) -> str:
    version = "" if kind.version == 1 else f" (v{kind.version})"
    two = "; by two people where the rules say so" if kind.takes_two else ""
    told = kind.tells or "nothing"
    return f"| `{kind.name}`{version} | {', '.join(kind.by)}{two} | {_body(kind.body)} | {told} |"


def _body(body: Record) -> str:
    return ", ".join(_field(name, each, body) for name, each in body.fields.items()) or "empty"


def _field(name: str, field: Field, body: Record) -> str:
    marks = [*(["may"] if name in body.optional else []), *_marks(field)]
    return f"`{name}`" + (f" ({', '.join(marks)})" if marks else "")


def _marks(field: Field) -> list[str]:
    match field:
        case OneOf(words):
            return [" \\| ".join(words)]
        case Owned():
            return ["own"]
        case ListOf(item):
            return ["list", *_marks(item)] if not isinstance(item, Record) else ["list"]
        case _:
            return []


def _rules() -> Iterator[str]:
    yield "## Rules\n"
    yield "In the order in which they are asked.\n"
    for module, found in groupby(RULES, key=lambda rule: rule.broken.__module__):
        yield f"**{_subject(module)}**\n"
        yield "| rule | asked of | why |"
        yield "| --- | --- | --- |"
        yield from (_rule(rule) for rule in found)
        yield ""


def _subject(module: str) -> str:
    """The first words of the module's head, up to its colon."""
    head = (sys.modules[module].__doc__ or module).splitlines()[0]
    return head.partition(":")[0].rstrip(".")


def _rule(rule: Rule) -> str:
    return f"| `{rule.name}` | {_asked_of(rule.kinds)} | {rule.why} |"


def _asked_of(named: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(named)) or _EVERY


if __name__ == "__main__":
    sys.stdout.write(render())
