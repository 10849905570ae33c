"""What a person's own client refuses by itself, one sentence each."""

from meyasubako.service.errors import ServiceError


class UnverifiedRosterError(ServiceError):
    """A key would be given to people whose list has not been verified against the mechanism's public log."""


class UnknownMechanismError(ServiceError):
    """Nobody has said which mechanism this must be: its fingerprint was not given and none is remembered."""


class UnreadablePinsError(ServiceError):
    """The file that remembers which mechanisms are known is damaged."""


class NotAnAuditorError(ServiceError):
    """The log's door does not take this key as an auditor's, and shows entries to nobody else."""


class NoSuchCaseError(ServiceError):
    """No case that you are shown has this id, or several begin with it."""


class NoAccessError(ServiceError):
    """You have no key to this room, or had none when this was written."""


class NoIdentityError(ServiceError):
    """The reporter of this case told nobody who they are."""


class NoSuchRequestError(ServiceError):
    """No request that you are shown has this leaf hash, or several begin with it."""


class NoSuchProposalError(ServiceError):
    """No proposal that stands has this leaf hash, or several begin with it."""


class NotClosedError(ServiceError):
    """The case is open, and how long it is kept counts from when it is closed."""


class ConflictingRulesError(ServiceError):
    """No day keeps every rule of retention that holds for this case: people decide, and say why."""


class NoReaderError(ServiceError):
    """Everybody who could read the report was left out, and the channel has no fallback."""


class NoCustodiansError(ServiceError):
    """Too few custodians are left to keep who a reporter is."""


class NoSuchChannelError(ServiceError):
    """The mechanism has no channel of this name."""


class NoMailboxError(ServiceError):
    """No mailbox fits this receipt."""


class NoSuchFileError(ServiceError):
    """The mailbox holds no such file."""
