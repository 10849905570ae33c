"""What lies in a directory: a mechanism, or a log that was exported or mirrored."""

from pathlib import Path

from meyasubako.service.inspection.database import MechanismSource
from meyasubako.service.inspection.errors import UnreadableSourceError
from meyasubako.service.inspection.exported import ExportSource
from meyasubako.service.inspection.source import DATABASE, VKEY, Source


def open_source(path: Path) -> Source:
    """The mechanism or export in a directory; UnreadableSourceError if it is neither."""
    if (path / DATABASE).is_file():
        return MechanismSource(path)
    if (path / VKEY).is_file():
        return ExportSource(path)
    raise UnreadableSourceError(
        f"{path} holds neither a mechanism ({DATABASE}) nor an exported log ({VKEY}): nothing was checked"
    )
