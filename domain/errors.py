"""Every way in which `meyasubako.domain` refuses, one sentence each."""


class DomainError(Exception):
    """The base of every refusal of this layer."""


class BadEventError(DomainError):
    """The bytes are not an event: wrong envelope, unknown kind, or a body outside its closed schema."""


class RefusedError(DomainError):
    """A rule does not allow the event; `rule` is the rule's name, the message says it in plain words."""

    def __init__(self, rule: str, sentence: str) -> None:
        super().__init__(f"{sentence} (rule: {rule})")
        self.rule = rule
        self.sentence = sentence


class BadDocumentError(DomainError):
    """A sealed document does not say what the event that names it says."""


class WrongShareError(BadDocumentError):
    """A share does not open, is not the one that its room promised, or does not lead to the room's key."""


class BadProfileError(DomainError):
    """The text is no profile: not TOML, a field that does not belong, or a number without a source."""
