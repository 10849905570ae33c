"""What the programs' doors answer when a layer below refuses: each error's status, name and sentence."""

from flask import Blueprint, Flask, Response
from werkzeug.exceptions import InternalServerError, RequestEntityTooLarge

from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.errors import BadKeyError, BadSignatureError, CryptoError, DamagedLayerError
from meyasubako.domain.errors import BadEventError, DomainError, RefusedError
from meyasubako.service.additions import EnoughForTodayError
from meyasubako.service.errors import (
    BadRequestError,
    ClockSkewError,
    ContentDigestError,
    NoncesFullError,
    RepeatedRequestError,
    RequestSignatureError,
    ServiceError,
    UnknownPrefixError,
)
from meyasubako.service.faults import record
from meyasubako.service.signatures import PREFIX_FIELD
from meyasubako.service.store import errors as store
from meyasubako.service.web import Problem, problem_page

# The first class that fits decides. Sentences are the errors' own, unless they would tell of the inside.
_STATUS: tuple[tuple[type[Exception], int, str, str], ...] = (
    (BadEventError, 400, "bad-event", ""),
    (ContentDigestError, 400, "bad-digest", ""),
    (RequestSignatureError, 401, "bad-signature", ""),
    (RepeatedRequestError, 401, "repeated", ""),
    (NoncesFullError, 503, "too-many-signed", ""),
    (EnoughForTodayError, 422, "enough-for-today", ""),
    (ClockSkewError, 422, "clock-skew", ""),
    (BadRequestError, 400, "bad-request", ""),
    (BadKeyError, 400, "bad-key", ""),
    (BadSignatureError, 400, "bad-signature", ""),
    (DamagedLayerError, 500, "damaged", "what was stored was damaged: tell whoever runs the service"),
    (CryptoError, 400, "bad-payload", "this is not an age file for exactly one post-quantum recipient"),
    (store.StaleReadError, 503, "busy", "too much is being written at once; please try again"),
    (store.DigestTakenError, 409, "digest-taken", ""),
    (store.MissingPayloadError, 422, "missing-payload", ""),
    (store.PayloadMismatchError, 422, "payload-mismatch", ""),
    (store.UnknownUploadError, 404, "no-upload", ""),
    (store.UploadBusyError, 423, "upload-busy", ""),
    (store.StoreFullError, 507, "disk-full", "the disk of the service is full; nothing was stored"),
    (store.ErasureKeyError, 500, "damaged", "what was stored was damaged: tell whoever runs the service"),
    (store.StoreError, 503, "store", "the service cannot store anything at this moment; please try again"),
)
# What is written down besides, because somebody who runs the service has to do something about it.
_RECORDED = (
    DamagedLayerError,
    store.StoreFullError,
    store.StorageError,
    store.DamagedStoreError,
    store.ErasureKeyError,
    store.RolledBackError,
)


def problem_of(error: Exception) -> Problem | None:
    """The problem to answer with, or None for what nobody expected."""
    if isinstance(error, RefusedError):
        return Problem(422, error.rule, error.sentence)
    if isinstance(error, store.SeqConflictError):
        head: dict[str, JsonValue] = {"stream": error.stream, "seq": error.head_seq, "leaf": error.head_leaf}
        return Problem(409, "conflict", "somebody else wrote to the stream first", head=head)
    if isinstance(error, UnknownPrefixError):
        problem = Problem(401, "nonce-prefix", str(error))
        problem.fields[PREFIX_FIELD] = error.prefix
        return problem
    for kind, status, name, sentence in _STATUS:
        if isinstance(error, kind):
            return Problem(status, name, sentence or str(error))
    return None


def answer_refusals(app: Flask | Blueprint) -> None:
    """Let an application, or the views of a blueprint, answer the refusals of the layers below."""

    def refuse(error: Exception) -> Response:
        problem = problem_of(error)
        if problem is None:
            return problem_page(InternalServerError(), record(error))
        return problem_page(problem, record(error) if isinstance(error, _RECORDED) else None)

    for kind in (DomainError, CryptoError, ServiceError, store.StoreError):
        app.register_error_handler(kind, refuse)


def too_large(limit: int) -> RequestEntityTooLarge:
    """The refusal of a body that is longer than allowed."""
    return RequestEntityTooLarge(f"at most {limit} bytes are taken at once")
