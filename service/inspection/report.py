"""The audit as one page of HTML to read, print and file: nothing in it is fetched, nothing in it runs.

- Words come from the audit and from the log; what the log wrote is escaped wherever it stands.
- First what was found, then what each step looked at, then what the log tells of deadlines, work and reading.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from html import escape
from importlib.metadata import version
from typing import Final

from meyasubako.service.inspection import plots
from meyasubako.service.inspection.audit import AuditResult
from meyasubako.service.inspection.meanings import meaning
from meyasubako.service.inspection.plots import Series
from meyasubako.service.inspection.report_style import STYLE

# More bars than this nobody tells apart: then months stand for weeks.
_WEEKS: Final = 80
_KINDS: Final = 7
_ROWS: Final = 200

_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Audit of {origin}</title>
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def render(result: AuditResult, today: date) -> str:
    """The whole page, of an audit on the auditor's own day."""
    body = "\n".join(
        (
            _head(result, today),
            _findings(result),
            _steps(result),
            _deadlines(result),
            _events(result),
            _cases(result),
            _reads(result),
            _foot(),
        )
    )
    return _PAGE.format(origin=escape(result.origin), style=STYLE, body=body)


def _head(result: AuditResult, today: date) -> str:
    css = "good" if result.good else "bad"
    late = len(result.missed)
    note = f"<p class='late'>{late} deadline{'s were' if late > 1 else ' was'} missed.</p>" if late else ""
    facts = [
        ("Log", result.origin),
        ("Fingerprint", f"{result.fingerprint}, {_compared(result)}"),
        ("Audited", f"on {today}, from {result.source}, by meyasubako {version('meyasubako')}"),
        ("Read up to", f"{result.day or 'no slot'}, the log's last marker"),
        ("Entries", f"{result.entries:,}, of which {result.size:,} published"),
        ("Read this time", f"from entry {result.since:,} on" if result.since else "every entry"),
        ("Root", result.root or "none"),
        ("Witnesses", _witnesses(result)),
    ]
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return (
        f"<header><p class='kind'>Audit of a mechanism's log</p><h1>{escape(result.origin)}</h1>\n"
        f"<p class='verdict {css}'>{escape(result.verdict)}</p>{note}</header>\n<dl>{rows}</dl>"
    )


def _compared(result: AuditResult) -> str:
    if not result.compared:
        return "compared with nothing: compare it with the poster's"
    wrong = any(each.rule == "fingerprint-is-the-posters" for each in result.findings)
    return "which is not the one that the auditor gave" if wrong else "as the auditor gave it"


def _witnesses(result: AuditResult) -> str:
    seen = result.witnessed
    if not seen.asked:
        return "the mechanism has none: only this audit's memory tells one log from another"
    quorum = "a quorum" if seen.quorum_met else "no quorum"
    missing = f"; nothing from {', '.join(seen.missing)}" if seen.missing else ""
    return f"{', '.join(seen.cosigned) or 'nobody'} cosigned, {quorum}{missing}"


def _findings(result: AuditResult) -> str:
    if result.good:
        return ""
    rows = [
        [
            str(number),
            "the whole" if each.index is None else f"entry {each.index}",
            each.stream[:8],
            each.rule,
            _sentences(each.sentence, meaning(each.rule)),
        ]
        for number, each in enumerate(result.findings[:_ROWS], 1)
    ]
    return _section(
        "Findings", _table(("", "where", "stream", "rule", "what it means"), rows, css="findings")
    )


def _sentences(found: str, means: str) -> str:
    return f"{found[:1].upper()}{found[1:]}. {means}".strip()


def _steps(result: AuditResult) -> str:
    rows = ""
    for step in result.steps:
        css, count = ("bad", f"<em>{len(step.findings)} found</em>") if step.findings else ("good", "")
        rows += f"<li class='{css}'><b>{escape(step.name)}</b><span>{escape(step.about)}</span>{count}</li>"
    return _section("What was checked, in this order", f"<ol class='steps'>{rows}</ol>")


def _deadlines(result: AuditResult) -> str:
    today = result.day
    every = result.chronicle.deadlines()
    if not every or today is None:
        return _section("Deadlines", "<p>No case has had a deadline yet.</p>")
    kept = Counter(each.due for each in every if each.met and not each.missed(today))
    missed = Counter(each.due for each in every if each.missed(today))
    ahead = Counter(each.due for each in every if each.met is None and not each.missed(today))
    span = _spans([*kept, *missed, *ahead])
    series = [
        Series("kept", "k2", _summed(kept, span)),
        Series("missed", "k1", _summed(missed, span)),
        Series("ahead", "k7", _summed(ahead, span)),
    ]
    plot = plots.stacked(
        [name for name, _, _ in span], series, "Deadlines kept and missed, by when they were due"
    )
    rows = [
        [
            each.case[:8],
            each.state,
            str(each.due),
            str(each.met or "not yet"),
            _late(each.due, each.met or today),
        ]
        for each in result.missed[:_ROWS]
    ]
    told = (
        "<p>A deadline is a date that the log gave a case; it was kept where the act followed in time. "
        "Missing one breaks no rule of the log, and nobody can take it back.</p>"
    )
    table = _table(("case", "state", "due", "met", "late"), rows) if rows else "<p>None was missed.</p>"
    return _section("Deadlines", plot + told + table)


def _late(due: date, met: date) -> str:
    days = (met - due).days
    return f"{days} day{'s' if days != 1 else ''}"


def _events(result: AuditResult) -> str:
    kinds = result.chronicle.kinds
    if not kinds:
        return ""
    totals = Counter[str]()
    for (_, kind), count in kinds.items():
        totals[kind] += count
    shown = [kind for kind, _ in totals.most_common(_KINDS)]
    span = _spans([day for day, _ in kinds])
    series = []
    for number, kind in enumerate(shown):
        days = Counter({day: count for (day, each), count in kinds.items() if each == kind})
        series.append(Series(kind, f"k{number}", _summed(days, span)))
    rest = Counter[date]()
    for (day, kind), count in kinds.items():
        if kind not in shown:
            rest[day] += count
    if rest:
        series.append(Series("all others", "k7", _summed(rest, span)))
    unit = "week" if len(span) < 2 or (span[1][1] - span[0][1]).days <= 7 else "month"
    plot = plots.stacked([name for name, _, _ in span], series, f"Events a {unit}, by kind")
    rows = [[kind, str(count)] for kind, count in totals.most_common()]
    covers = f"<p>Besides these stand {result.chronicle.covers} covers, which hide how much came in when.</p>"
    return _section(
        f"Events a {unit}, by kind",
        plot + covers + f"<details><summary>All kinds</summary>{_table(('kind', 'events'), rows)}</details>",
    )


def _cases(result: AuditResult) -> str:
    moves = result.chronicle.moves
    if not moves or result.day is None:
        return ""
    span, running, values = _spans([*moves, result.day]), 0, []
    for _, begin, end in span:
        running += sum(change for day, change in moves.items() if begin <= day < end)
        values.append(running)
    plot = plots.steps([name for name, _, _ in span], values, "Open cases at each week's end")
    count = result.summary.get("cases", 0)
    return _section("Open cases", f"{plot}<p>{count} cases in all, {values[-1]} of them open at the end.</p>")


def _reads(result: AuditResult) -> str:
    payloads, cases = Counter[str](), Counter[str]()
    for (person, _), count in result.chronicle.reads.items():
        payloads[person] += count
        cases[person] += 1
    if not payloads:
        return _section("Who read what", "<p>Nobody has fetched anything yet.</p>")
    highest = max(payloads.values())
    rows = "".join(
        f"<tr><td><code>{escape(person[:12])}</code></td>"
        f"<td>{escape(', '.join(result.people.get(person, ('not on the roster',))))}</td>"
        f"<td class='n'>{cases[person]}</td><td class='n'>{count}</td>"
        f"<td>{plots.bar(count, highest)}</td></tr>"
        for person, count in payloads.most_common(_ROWS)
    )
    head = "<tr><th>person (key id)</th><th>roles</th><th>cases</th><th>payloads</th><th></th></tr>"
    each = [
        [person[:12], case[:8], str(count)]
        for (person, case), count in sorted(result.chronicle.reads.items())[:_ROWS]
    ]
    by_case = _table(("person", "case", "payloads"), each)
    told = "<p>What the server handed out, as the readers signed. What was done with it, no log can say.</p>"
    return _section(
        "Who read what",
        f"<table>{head}{rows}</table>{told}<details><summary>By case</summary>{by_case}</details>",
    )


def _foot() -> str:
    return _section(
        "What no audit sees",
        "<ul><li>What a sealed text says, and whether a decision was just.</li>"
        "<li>Whether a wrap opens for its reader: each reader's own desk checks that.</li>"
        "<li>Reports that never got a receipt, and visits of reporters, which nobody writes down.</li>"
        "<li>Whether others are shown the same log: for that are the witnesses, and the checkpoint that you"
        " keep.</li></ul>",
    )


def _section(title: str, inside: str) -> str:
    return f"<section><h2>{escape(title)}</h2>\n{inside}</section>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], css: str = "") -> str:
    top = "".join(f"<th>{escape(each)}</th>" for each in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table class='{css}'><tr>{top}</tr>\n{body}</table>"


def _spans(days: Iterable[date]) -> list[tuple[str, date, date]]:
    """Weeks from the first day to the last, or months where weeks are too many: label, begin, end."""
    found = sorted(days)
    first = found[0] - timedelta(days=found[0].weekday())
    if (found[-1] - first).days <= _WEEKS * 7:
        count = (found[-1] - first).days // 7 + 1
        begins = [first + timedelta(weeks=number) for number in range(count)]
        return [(each.strftime("%d %b"), each, each + timedelta(weeks=1)) for each in begins]
    spans, begin = [], found[0].replace(day=1)
    while begin <= found[-1]:
        end = (begin + timedelta(days=32)).replace(day=1)
        spans.append((begin.strftime("%b %Y"), begin, end))
        begin = end
    return spans


def _summed(days: Counter[date], spans: Sequence[tuple[str, date, date]]) -> list[int]:
    return [sum(count for day, count in days.items() if begin <= day < end) for _, begin, end in spans]
