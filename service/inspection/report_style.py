"""The report's style sheet: one column, print first, dark where the reader's system is."""

from typing import Final

STYLE: Final = """\
:root { --ink: #1d2327; --soft: #5c6770; --line: #d9dee2; --paper: #fff; --good: #1a7f4b; --bad: #b3261e;
  --late: #9a6700; --tint: #f5f7f8;
  --k0: #2f6db5; --k1: #c2410c; --k2: #1a7f4b; --k3: #7c4dbe; --k4: #0e7c86; --k5: #b4377f; --k6: #8a6d0b;
  --k7: #9aa5ad; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaed; --soft: #9fabb3; --line: #3a444b; --paper: #15191c; --good: #56c88b; --bad: #ff8a80;
    --late: #e3b341; --tint: #1d2327;
    --k0: #6ea8e8; --k1: #f0885a; --k2: #56c88b; --k3: #b08cf0; --k4: #4fc3cf; --k5: #ec82bd; --k6: #d6b84a;
    --k7: #6c7880; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 52rem; padding: 2.5rem 1.5rem 4rem; color: var(--ink);
  background: var(--paper); font: 16px/1.55 system-ui, "Noto Sans", sans-serif; }
h1 { margin: 0 0 1rem; font-size: 1.9rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 0 0 .8rem; font-size: 1.2rem; }
.kind { margin: 0; color: var(--soft); }
.verdict { margin: 0; padding: .9rem 1.1rem; border-inline-start: .35rem solid; background: var(--tint);
  font-size: 1.1rem; font-weight: 600; }
.verdict.good { border-color: var(--good); color: var(--good); }
.verdict.bad { border-color: var(--bad); color: var(--bad); }
.late { margin: .5rem 0 0; padding: .5rem 1.1rem; border-inline-start: .35rem solid var(--late);
  background: var(--tint); color: var(--late); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; margin: 1.5rem 0 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
section { margin-top: 2.6rem; padding-top: 1.4rem; border-top: 1px solid var(--line); }
.steps { margin: 0; padding: 0; list-style: none; }
.steps li { display: flex; gap: .8rem; align-items: baseline; padding: .3rem 0;
  border-bottom: 1px solid var(--line); }
.steps li::before { font-weight: 700; }
.steps li.good::before { content: "\\2713"; color: var(--good); }
.steps li.bad::before { content: "\\2717"; color: var(--bad); }
.steps b { flex: 0 0 17rem; font-weight: 500; }
.steps span { flex: 1; color: var(--soft); } .steps em { color: var(--bad); font-style: normal; }
table { width: 100%; margin: .8rem 0; border-collapse: collapse; font-size: .92rem; }
th, td { padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); text-align: start;
  vertical-align: top; }
th { color: var(--soft); font-weight: 500; }
td.n { text-align: end; font-variant-numeric: tabular-nums; }
.findings td { overflow-wrap: anywhere; } .findings td:nth-child(-n+3) { white-space: nowrap; }
.findings td:nth-child(4) { color: var(--bad); overflow-wrap: normal; }
.plot { display: block; width: 100%; height: auto; }
.plot text { font-size: 11px; } .tick { fill: var(--soft); } .grid { stroke: var(--line); }
.area { fill: var(--k0); opacity: .16; } .line { fill: none; stroke: var(--k0); stroke-width: 2; }
.seen { fill: transparent; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .4rem 0 0; padding: 0; list-style: none;
  font-size: .9rem; }
.legend b { font-weight: 600; color: var(--soft); }
details { margin-top: .6rem; } summary { cursor: pointer; color: var(--soft); }
code { font: .92em ui-monospace, monospace; }
.k0 { fill: var(--k0); } .k1 { fill: var(--k1); } .k2 { fill: var(--k2); } .k3 { fill: var(--k3); }
.k4 { fill: var(--k4); } .k5 { fill: var(--k5); } .k6 { fill: var(--k6); } .k7 { fill: var(--k7); }
@media (max-width: 40rem) { .steps li { flex-wrap: wrap; } .steps b { flex-basis: 80%; }
  dl { grid-template-columns: 1fr; } dd { margin-bottom: .5rem; } }
@media print { body { max-width: none; padding: 0; } section { break-inside: avoid; } }
"""
