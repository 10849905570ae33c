"""Every way in which the witness refuses, one sentence each."""

from meyasubako.service.errors import ServiceError


class WitnessError(ServiceError):
    """The base of every refusal of the witness."""


class NoWitnessError(WitnessError):
    """The directory does not hold a witness that this version reads."""


class WitnessExistsError(WitnessError):
    """The directory holds a witness already, and is left as it is."""


class WitnessNameError(WitnessError):
    """A witness's name is 1 to 200 letters, digits and . _ : / ~ - without spaces."""


class UnknownLogError(WitnessError):
    """No such log or key is admitted."""


class SizeConflictError(WitnessError):
    """The tree that the witness saw last is another one; `size` is how many leaves it has."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the tree that was seen last has {size} leaves")
        self.size = size


class MemoryLostError(WitnessError):
    """What the witness remembers may be older than what it has cosigned: it cosigns nothing."""
