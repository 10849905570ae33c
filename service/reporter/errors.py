"""What can go wrong at the reporter's door, one sentence each.

None of these carries anything that a person typed: they may end in a log line by name.
"""


class ReporterError(Exception):
    """Base of every error that the reporter's site raises itself."""


class LostStateError(ReporterError):
    """The sealed field of a page is unknown: for another page, too old, or sealed before a restart."""


class QuestionnaireError(ReporterError):
    """The questionnaire's data file breaks its own rules."""
