"""The server's own keys and its witnesses: well formed, named for their use, never used again."""

from meyasubako.crypto.cosignature import verifier_of
from meyasubako.crypto.errors import BadKeyError, BadNoteError, BadPolicyError
from meyasubako.crypto.note import ED25519, NoteKey
from meyasubako.crypto.policy import Policy
from meyasubako.crypto.signing import VerifyKey
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules.registry import rule
from meyasubako.domain.rules.roster import possession, used

_OF_A_PERSON = ("person", "recipient", "proof")


def _bad_log_keys(origin: str, keys: list[str]) -> str | None:
    try:
        log_keys = [NoteKey.parse(key) for key in keys]
        for key in log_keys:
            verifier_of(key)
    except (BadKeyError, BadNoteError):
        return "a key of the log is malformed"
    if log_keys[0].kind != ED25519 or any(key.name != origin for key in log_keys):
        return "the log's keys are named for its origin, the Ed25519 key first"
    return None


def _bad_promise_key(origin: str, text: str) -> str | None:
    try:
        key = NoteKey.parse(text)
        verifier_of(key)
    except (BadKeyError, BadNoteError):
        return "the promise key is malformed"
    return None if key.name == f"{origin}/promise" else "the promise key is named for the origin and its use"


def _bad_service_key(text: str) -> str | None:
    try:
        VerifyKey.parse(text)
    except BadKeyError:
        return "the service key is malformed"
    return None


@rule("founding-keys-are-good", "whoever pins leaf 0 can verify what this log signs", "mechanism.founded")
def founding_keys_are_good(_: Ledger, event: Event, __: int) -> str | None:
    return (
        _bad_log_keys(event.log, event.texts("log_keys"))
        or _bad_promise_key(event.log, event.text("promise_key"))
        or _bad_service_key(event.text("service_key"))
    )


@rule(
    "rotated-keys-are-new",
    "a key that was replaced, perhaps because it was stolen, never comes back",
    "key.rotated",
)
def rotated_keys_are_new(ledger: Ledger, event: Event, _: int) -> str | None:
    state, keys, of = ledger.mechanism, event.texts("keys"), event.text("of")
    if of == "person":
        return _bad_person(ledger, event, keys)
    if any(name in event.body for name in _OF_A_PERSON):
        return f"the {of} key is no person's"
    used = {*state.spent_keys, *state.log_keys, state.promise_key, state.service_key}
    if used & set(keys) or len(set(keys)) != len(keys):
        return "one of these keys is in use, or was before"
    if of == "log":
        return _bad_log_keys(event.log, keys)
    if len(keys) != 1:
        return f"there is one {of} key"
    return _bad_promise_key(event.log, keys[0]) if of == "promise" else _bad_service_key(keys[0])


def _bad_person(ledger: Ledger, event: Event, keys: list[str]) -> str | None:
    if len(keys) != 1 or any(name not in event.body for name in _OF_A_PERSON):
        return "a person's key comes alone, with whose it was, the new recipient and the proof of both"
    old = ledger.mechanism.people.get(event.text("person"))
    if old is None or old.state == "retired":
        return "the key to be replaced is not on the roster, or was replaced already"
    held = possession(keys[0], event.text("recipient"), event.text("proof"))
    if held is None:
        return "a key is malformed, or the proof of possession does not fit the person's new keys"
    if used(ledger) & set(held) or held[0] in ledger.reporters:
        return "a key is enrolled once, ever"
    return None


@rule(
    "policy-is-readable",
    "a policy that stock tools cannot read protects nobody",
    "mechanism.founded",
    "witness.admitted",
)
def policy_is_readable(_: Ledger, event: Event, __: int) -> str | None:
    lines = event.texts("witness_policy" if event.kind == "mechanism.founded" else "policy")
    if not lines:
        return None
    try:
        policy = Policy.parse("".join(f"{line}\n" for line in lines))
    except BadPolicyError as error:
        return f"the witness policy is not a tlog-policy: {error}"
    if any(log.key.name != event.log for log in policy.logs):
        return "the witness policy names another log"
    return None


@rule("dropped-witness-was-admitted", "only a witness that the policy names can be missed", "witness.dropped")
def dropped_witness_was_admitted(ledger: Ledger, event: Event, _: int) -> str | None:
    words = {word for line in ledger.mechanism.witness_policy for word in line.split()}
    return None if event.text("witness") in words else "the policy names no witness with this key"
