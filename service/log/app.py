"""The log's door: the published log as C2SP tlog-tiles serves it, and the mechanism's own stream with proofs.

Rules upheld here (C2SP tlog-tiles, tlog-checkpoint):

- Nothing past the last published checkpoint is shown.
- Checkpoint, hash tiles, the mechanism's stream and its cards are public. Entry bundles need the signature of
  somebody enrolled as an auditor, good once: they tell what happened in every case, though not what it was
  about.
- Hash tiles never change, and say so; nothing else may be cached.
"""

from typing import Final

from flask import Flask, Response, render_template, request

from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.errors import BadTileError
from meyasubako.crypto.keyfile import digest_fingerprint
from meyasubako.crypto.tiles import parse_tile_path
from meyasubako.service import callers, problems, web
from meyasubako.service.log.proofs import public_stream
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.nonces import Nonces
from meyasubako.service.payloads import not_found, payload_answer
from meyasubako.service.web import Application, Problem

IMMUTABLE: Final = "public, max-age=31536000, immutable"
PAGE_CSP: Final = (
    "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def create_app(mechanism: Mechanism, nonces: Nonces) -> Flask:
    """The log's pages on an open mechanism, with the table of what its processes have taken."""
    app = Application(__name__, static_folder="static", template_folder="templates")
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider's, typed as its base
    problems.answer_refusals(app)
    door = _Door(mechanism, nonces)
    app.add_url_rule("/", view_func=door.front)
    app.add_url_rule("/checkpoint", view_func=door.checkpoint)
    app.add_url_rule("/tile/<path:rest>", view_func=door.tile)
    app.add_url_rule("/mechanism", view_func=door.stream)
    app.add_url_rule("/card/<digest>", view_func=door.card)
    web.harden(app, csp=PAGE_CSP)
    return app


class _Door:
    """The views, on one open mechanism."""

    def __init__(self, mechanism: Mechanism, nonces: Nonces) -> None:
        self._mechanism, self._nonces = mechanism, nonces

    def front(self) -> str:
        """A page for people: which log this is, how far it is published, how to check it."""
        state = self._mechanism.ledger().mechanism
        published = self._mechanism.store.published()
        return render_template(
            "front.html",
            origin=state.origin,
            fingerprint=digest_fingerprint(bytes.fromhex(state.founded)),
            size=published.size if published else 0,
            root=published.root.hex() if published else "",
            marker=state.last_marker,
            keys=state.log_keys,
            slot_hours=state.slot_hours,
            test=state.test,
        )

    def checkpoint(self) -> Response:
        """The last published checkpoint, with its cosignatures."""
        published = self._mechanism.store.published()
        if published is None:
            raise not_found()
        return Response(published.note, mimetype="text/plain")

    def tile(self, rest: str) -> Response:
        """A hash tile, or, for auditors, an entry bundle."""
        try:
            level, n, width = parse_tile_path(f"tile/{rest}")
        except BadTileError:
            raise not_found() from None
        if level == "entries":
            self._refuse_all_but_auditors()
        data = self._mechanism.store.tile(level, n, width)
        if data is None:
            raise not_found()
        answer = Response(data, mimetype="application/octet-stream")
        if level != "entries":
            answer.headers["Cache-Control"] = IMMUTABLE
            answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return answer

    def stream(self) -> dict[str, JsonValue]:
        """The mechanism's public stream from a seq on, with proofs."""
        return public_stream(self._mechanism, callers.asked_seq(request))

    def card(self, digest: str) -> Response:
        """A public card: a name, a title, a text that the mechanism publishes."""
        ledger, published = self._mechanism.ledger(), self._mechanism.store.published()
        if digest not in ledger.mechanism.cards or published is None:
            raise not_found()
        if ledger.owners[digest].index >= published.size:
            raise not_found()
        return payload_answer(self._mechanism.store, digest, request)

    def _refuse_all_but_auditors(self) -> None:
        callers.refuse_other_names(request, self._mechanism.config.doors)
        state = self._mechanism.ledger().mechanism
        signed = callers.signer_of(
            request,
            self._nonces,
            self._mechanism.clock(),
            lambda key_id: state.people[key_id].verify_key if key_id in state.people else None,
        )
        callers.refuse_body(request, signed)
        person = state.active(signed.key_id)
        if person is None or not person.has("auditor"):
            raise Problem(403, "not-an-auditor", "entries are for auditors whom the mechanism enrolled")
