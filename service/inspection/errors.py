"""Every way in which an inspection cannot even begin; what it finds are findings, not errors."""

from meyasubako.service.errors import ServiceError


class InspectionError(ServiceError):
    """The base of what keeps an inspection from its work."""


class UnreadableSourceError(InspectionError):
    """The directory holds neither a mechanism nor an export that this release can read."""


class ExportError(InspectionError):
    """The export cannot be written there, or there is nothing to export yet."""
