"""What a finding means, in plain words: for each rule, whether of the log's form or of what people may do."""

from typing import Final

from meyasubako.domain.rules import RULES

_FORM: Final = {
    "database-is-sound": "The file itself is damaged, or somebody wrote into it from outside.",
    "database-is-readable": "What cannot be read cannot be checked.",
    "database-has-its-guards": "Somebody took off, or changed, what keeps rows from being changed.",
    "file-is-there": "A part of the log was taken away.",
    "file-belongs-here": "Something lies here that no log of this size has.",
    "bundle-is-well-formed": "A part of the log was damaged or replaced.",
    "rows-are-dense": "An entry was removed, or moved to another place.",
    "row-is-its-event": "What lists are made from was changed beside the signed event.",
    "leaf-is-what-was-hashed": "This entry is not the one that was accepted.",
    "tile-is-there": "What proofs are made from was taken away.",
    "root-is-kept": "Entries were added or removed behind the service's back.",
    "checkpoint-is-published": "The log was never shown to anybody.",
    "checkpoint-is-kept": "Somebody took a checkpoint away, or the log was restored from a backup.",
    "checkpoint-is-signed": "Nobody who holds the log's keys stands by this tree.",
    "checkpoint-ends-a-slot": "It was published at a moment that the rules do not allow.",
    "root-is-published": "The log's past was changed after it had been published.",
    "log-key-is-the-logs": "Somebody put a key of their own beside the log.",
    "checkpoint-is-kept-apart": "The database was exchanged, or what guards it was.",
    "log-only-grows": "The past that you were shown then is not the one that you are shown now.",
    "pin-is-the-logs": (
        "It is another log's, or made up; or this log was begun anew under another key, or set back to before"
        " its key was replaced."
    ),
    "fingerprint-is-the-posters": "This is another mechanism than the one on the poster.",
    "cosignatures-fit": "A witness's line was forged, or moved here from another checkpoint.",
    "witnesses-have-seen-it": "This tree may have been shown to nobody else.",
    "event-is-well-formed": "What stands here was never accepted by a service that keeps the rules.",
    "event-can-be-judged": "It follows from what went wrong before.",
    "event-can-be-folded": "It follows from what went wrong before.",
    "payload-is-recorded": "The record of sealed payloads was changed.",
    "payload-is-there": "A sealed payload was taken away.",
    "payload-is-whole": "A sealed payload was changed or exchanged.",
    "payload-is-sealed": "It was stored so that somebody else could read it.",
    "payload-is-destroyed": "What the log says was destroyed was kept.",
    "erasure-key-is-there": "What lies under this key cannot be opened: look for a copy of the key.",
    "erasure-key-is-destroyed": "Copies of what was destroyed, wherever they are, can still be opened.",
    "payload-is-named": "Something was stored that nobody signed for.",
    "vault-holds-nothing-else": "Something was kept aside.",
    "payload-was-lost": "A backup that was restored did not have it.",
}


def meaning(rule: str) -> str:
    """A sentence about a rule that was not kept; empty for one that is not known."""
    if rule in _FORM:
        return _FORM[rule]
    why = next((each.why for each in RULES if each.name == rule), "")
    return f"The rule: {why}." if why else ""
