"""Every way in which `meyasubako.service` refuses, one sentence each.

What is raised here reaches people: the message is a sentence for them, and never holds a secret, a plaintext,
a receipt or a part of a request.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from meyasubako.domain.envelope import Event


# What the type of a problem (RFC 9457) begins with; its name follows.
PROBLEM_TYPE: Final = "urn:meyasubako:problem:"


class ServiceError(Exception):
    """The base of every refusal of this layer."""


class ConfigError(ServiceError):
    """The mechanism's directory or its `mechanism.toml` is not what a mechanism has."""


class NewerFormatError(ConfigError):
    """The directory was written by a newer version of this software."""


class KeysError(ServiceError):
    """The server's own keys are missing, damaged, or readable by others."""


class AlreadyRunningError(ServiceError):
    """Another process serves this mechanism already."""


class LogMismatchError(ServiceError):
    """The log in the database is older than, or does not extend, the checkpoint that was published."""


class ForkedLogError(ServiceError):
    """The log does not extend what this auditor holds of it: it was set back, forked, or is another one."""


class RestoreError(ServiceError):
    """The directory cannot be brought forward from this mirror: nothing was changed."""


class BackupError(ServiceError):
    """The backup cannot be written."""


class StartError(ServiceError):
    """A door or the clock could not be started."""


class BadRequestError(ServiceError):
    """The request is malformed, or its parts do not belong together."""


class ClockSkewError(ServiceError):
    """The events' day is more than a day away from the server's."""


class RequestSignatureError(ServiceError):
    """The request's HTTP message signature is missing, incomplete, too old, or does not verify."""


class ContentDigestError(RequestSignatureError):
    """The body is not the one whose digest was signed."""


class RepeatedRequestError(ServiceError):
    """A signed request was taken before: nothing that was signed once is done twice."""


class NoncesFullError(ServiceError):
    """No more signed requests can be remembered at this moment, so none is taken."""


class UnknownPrefixError(ServiceError):
    """The request may have been taken before the door opened: its nonce has to begin as `prefix` says."""

    def __init__(self, prefix: str) -> None:
        super().__init__(
            "this door opened a few minutes ago and cannot know what was taken before: sign the request "
            f"again, with a nonce that begins with {prefix}"
        )
        self.prefix = prefix


class UnreachableError(ServiceError):
    """The service did not answer."""


class RefusedError(ServiceError):
    """The service answered with a problem (RFC 9457).

    `status` is the HTTP status, `name` the problem's name ("conflict", or the name of a rule), `extra`
    whatever else the answer told, such as a stream's head.
    """

    def __init__(self, sentence: str, *, status: int, name: str, extra: dict[str, object]) -> None:
        super().__init__(sentence)
        self.status = status
        self.name = name
        self.extra = extra


class ConflictError(RefusedError):
    """Somebody else wrote to the stream first: read it again, decide again, sign again.

    `events` are those that stand in the stream from our first one's place on, if we may read it.
    """

    def __init__(
        self, sentence: str, *, extra: "dict[str, object]", events: "tuple[Event, ...]" = ()
    ) -> None:
        super().__init__(sentence, status=409, name="conflict", extra=extra)
        self.events = events


class BadAnswerError(ServiceError):
    """The service's answer is not what the protocol says."""


class RosterError(ServiceError):
    """The mechanism's public stream does not verify: do not wrap a key to anybody on it."""


class StaleRosterError(RosterError):
    """The newest checkpoint that the mechanism shows is older than two slots, or dated in the future."""


class UnwitnessedRosterError(RosterError):
    """Fewer witnesses than the mechanism's policy asks for have seen the checkpoint."""


class WrongMechanismError(RosterError):
    """The mechanism's fingerprint is not the one that was expected."""
