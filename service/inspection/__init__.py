"""Inspection: audit, export and replay, for people who do not take the server's word.

- `audit` reads a mechanism's directory or an export, changes nothing in it and needs no key.
- `export` writes what an auditor takes away: a plain directory that stock transparency-log tools read.
- `rebuild_views` checks that the lists which people are shown follow from the log alone.

What an audit checks, and what nobody can check blindly, is said in docs/auditors.md.
"""

from meyasubako.domain.audit import Finding
from meyasubako.service.inspection.audit import AuditResult, Demands, Step, audit
from meyasubako.service.inspection.errors import ExportError, InspectionError, UnreadableSourceError
from meyasubako.service.inspection.export import Exported, export
from meyasubako.service.inspection.memory import Memory, configuration
from meyasubako.service.inspection.replay import Replayed, rebuild_views
from meyasubako.service.inspection.source import Progress

__all__ = [
    "AuditResult",
    "Demands",
    "ExportError",
    "Exported",
    "Finding",
    "InspectionError",
    "Memory",
    "Progress",
    "Replayed",
    "Step",
    "UnreadableSourceError",
    "audit",
    "configuration",
    "export",
    "rebuild_views",
]
