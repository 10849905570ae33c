"""Coming back with a receipt: messages, what happens, who reads, and writing again.

Rules upheld here:

- The receipt comes in the body of a POST and in no other way; afterwards it travels in the sealed field.
- A wrong receipt costs the same work and gives an answer of the same size class as a right one: as many keys
  are derived, and as many sealed payloads opened, in vain where there are none. A long mailbox opens more, in
  steps, and in one answer never more than a page of messages; a button leads to the earlier ones.
- What changes the case, and not only says something, is confirmed on the page before it is done.
- An attachment is opened as it is sent, chunk by chunk, and is never shown inside a page of ours.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from typing import Final
from urllib.parse import quote

from flask import Response, request, stream_with_context
from flask_babel import gettext

from meyasubako.crypto import age
from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.archive import MESSAGE_FLOOR
from meyasubako.crypto.canonical import MAX_INTEGER
from meyasubako.crypto.errors import BadReceiptError, CryptoError
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain.errors import DomainError
from meyasubako.service.additions import EnoughForTodayError
from meyasubako.service.faults import record
from meyasubako.service.intake import NoMailboxError
from meyasubako.service.mailbox import NoSuchWishError
from meyasubako.service.reporter import forms, holding
from meyasubako.service.reporter.errors import LostStateError
from meyasubako.service.reporter.forms import Problem
from meyasubako.service.reporter.sending import beside, tickets
from meyasubako.service.reporter.site import Site, sealing_request
from meyasubako.service.reporter.state import Visit
from meyasubako.service.reporter.wording import wish_label
from meyasubako.service.store.errors import StoreError

PURPOSE: Final = "answers/mailbox"
READING: Final = "answers/reading"
# What the button for the proof posts in the place of a file's digest.
PROOF: Final = "proof"
# What buttons post besides the codes of wishes.
CLOSE: Final = "close"
MEDIATION: Final = "mediation"
SHOW: Final = "show"
# Sealed payloads are opened in multiples of this, whatever a mailbox holds.
_STEP: Final = 4
_GROUPS: Final = 12
_DIGITS: Final = 48
_ATTACHMENT_CSP: Final = "default-src 'none'; sandbox; frame-ancestors 'none'; base-uri 'none'"


class MailboxPages:
    """The door of the mailbox, the mailbox, and its attachments."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._nobody = HybridIdentity.generate()
        self._nothing = age.seal(bytes(MESSAGE_FLOOR), self._nobody.recipient)

    def door(self) -> str:
        """The page that asks for the receipt."""
        return self._site.page("door.html", problems=(), receipt="", text="")

    def posted(self) -> Response:
        """What follows from the receipt, or from a button in the open mailbox."""
        if request.form.get("page", "") == "door":
            return self._site.in_size_class(self._enter(request.form.get("receipt", "")))
        try:
            visit = self._site.seal.open(PURPOSE, request.form.get("state", ""), Visit)
        except LostStateError:
            return self._site.in_size_class(self._lost())
        return self._site.in_size_class(self._act(visit))

    def attachment(self) -> Response:
        """One attachment, opened while it is sent; or the proof that the report was filed."""
        try:
            visit = self._site.seal.open(READING, request.form.get("state", ""), Visit)
            if request.form.get("get", "") == PROOF:
                evidence = self._site.intake.evidence(Receipt.parse(visit.receipt))
                return _download(evidence.file_name, (evidence.data,), len(evidence.data))
            name, _media_type, size, chunks = self._site.intake.open_attachment(
                Receipt.parse(visit.receipt), request.form.get("get", "")
            )
            # Opened before the answer begins, so that a page can still say that it does not open.
            first = next(chunks, b"")
        except (LostStateError, NoMailboxError):
            return self._site.in_size_class(self._lost())
        except (CryptoError, DomainError, StoreError) as error:
            record(error)
            return self._site.in_size_class(self._unopened(visit))
        return _download(name, chain((first,), chunks), size)

    def _enter(self, typed: str) -> str:
        text = forms.clean(request.form.get("text", ""))
        if held := holding.page_problem(self._site):
            return self._site.page("door.html", problems=(held,), receipt=typed, text=text)
        try:
            receipt = Receipt.parse(typed)
        except BadReceiptError as error:
            problem = Problem("receipt", _not_a_receipt(typed, error.group))
            return self._site.page("door.html", problems=(problem,), receipt=typed, text=text)
        try:
            return self._show(self._fresh(receipt.digits()), text=text)
        except NoMailboxError:
            self._open_in_vain(_STEP)
            sentence = gettext(
                "No mailbox fits this code. Please compare every group of numbers with your paper."
            )
        problem = Problem("receipt", sentence)
        return self._site.page("door.html", problems=(problem,), receipt=typed, text=text)

    def _open_in_vain(self, times: int) -> None:
        for _ in range(times):
            age.unseal(self._nothing, self._nobody)

    def _act(self, visit: Visit) -> str:
        text = forms.clean(request.form.get("text", ""))
        limits = self._site.limits
        arrived = sealing_request().claim(limits.files - len(visit.files))
        visit = replace(visit, files=visit.files + arrived.held)
        go, _, target = request.form.get("go", "send").partition(":")
        visit = self._changed(visit, go, target)
        problems = forms.file_problems(arrived, largest=limits.upload_bytes, most=limits.files)
        if held := holding.page_problem(self._site):
            problems = (*problems, held)
        if go == "do" and target == CLOSE and not problems:
            return self._close(visit)
        if go not in ("send", "do") or problems:
            asking = target if go == "ask" else ""
            return self._show(visit, text=text, problems=problems, asking=asking)
        if go == "do" and not text:
            # Whoever only presses a button says what stands on it.
            text = str(wish_label(target))
        # Files alone are a message too.
        if not (visit.files and not text):
            problems = forms.text_problems(text, limits.text_characters)
        if not problems:
            held = holding.send_problem(self._site, visit.token, visit.begun, report=False)
            problems = (held,) if held else ()
        if problems:
            return self._show(visit, text=text, problems=problems, asking=target if go == "do" else "")
        return self._send(visit, text, go, target)

    def _changed(self, visit: Visit, go: str, target: str) -> Visit:
        """The visit after a button that only changes what the page holds, or shows."""
        if go == "remove":
            if any(file.id == target for file in visit.files):
                self._site.intake.discard([target])
            return replace(visit, files=forms.without(visit.files, target))
        if go == SHOW:
            return replace(visit, before={**visit.before, **_shown_before(target)})
        return visit

    def _close(self, visit: Visit) -> str:
        self._site.intake.close_mailbox(Receipt.parse(visit.receipt))
        return self._show(self._fresh(visit.receipt), text="", sent="done")

    def _fresh(self, receipt: str) -> Visit:
        return Visit(receipt, self._site.intake.token(), begun=int(self._site.now()))

    def _send(self, visit: Visit, text: str, go: str, target: str) -> str:
        try:
            repeated = self._site.intake.reply(
                Receipt.parse(visit.receipt),
                visit.token,
                beside(text),
                tickets(visit.files),
                room=target if go == "send" and target == MEDIATION else "dialogue",
                asked=target if go == "do" else "",
            )
        except NoSuchWishError:
            sentence = gettext("This is not possible any more. Please look at what stands here now.")
            return self._show(visit, text=text, problems=(Problem("main", sentence),))
        except EnoughForTodayError:
            return self._show(visit, text=text, problems=(holding.tomorrow(self._site),))
        except FileNotFoundError:
            sentence = gettext("Your files waited here for too long. Please remove them and add them again.")
            return self._show(visit, text=text, problems=(Problem("files", sentence),))
        except Exception as error:  # noqa: BLE001 - whatever it is, what a person wrote must come back to them
            sentence = gettext(
                "Your message could not be sent just now. Nothing is lost. Please press “Send” again in a "
                "minute: it will not arrive twice. (Event %(event)s)",
                event=record(error),
            )
            return self._show(visit, text=text, problems=(Problem("text", sentence),))
        done = "done" if go == "do" else "now"
        return self._show(self._fresh(visit.receipt), text="", sent="again" if repeated else done)

    def _unopened(self, visit: Visit) -> str:
        sentence = gettext(
            "This file was damaged where it is kept, and cannot be opened. Please write to us and say so."
        )
        return self._show(self._fresh(visit.receipt), text="", problems=(Problem("main", sentence),))

    def _lost(self) -> str:
        text = forms.clean(request.form.get("text", ""))
        return self._site.page("door.html", problems=(), receipt="", text=text, lost=True)

    def _show(
        self,
        visit: Visit,
        *,
        text: str,
        problems: tuple[Problem, ...] = (),
        sent: str = "",
        asking: str = "",
    ) -> str:
        mailbox = self._site.intake.open_mailbox(Receipt.parse(visit.receipt), visit.before)
        self._open_in_vain(-mailbox.opened % _STEP if mailbox.opened else _STEP)
        return self._site.page(
            "mailbox.html",
            files=visit.files,
            mailbox=mailbox,
            state=visit,
            text=text,
            sent=sent,
            asking=asking if asking in {CLOSE, *(each.code for each in mailbox.wishes)} else "",
            sealed=self._site.seal.seal(PURPOSE, visit),
            reading=self._site.seal.seal(READING, replace(visit, token="", files=())),
            problems=problems,
            question=holding.question_for(self._site, visit.token),
        )


def _shown_before(target: str) -> dict[str, int]:
    """What a button for other messages asks for: the name of a room, and a seq, or 0 for the newest."""
    room, _, seq = target.partition(":")
    known = room in {"dialogue", MEDIATION} and seq.isascii() and seq.isdecimal()
    return {room: min(int(seq[:16]), MAX_INTEGER)} if known else {}


def _download(name: str, chunks: Iterable[bytes], size: int) -> Response:
    answer = Response(stream_with_context(iter(chunks)), mimetype="application/octet-stream")
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    answer.headers["Content-Security-Policy"] = _ATTACHMENT_CSP
    answer.content_length = size
    return answer


def _not_a_receipt(typed: str, group: int | None) -> str:
    digits = sum(character.isdecimal() for character in typed)
    if digits not in (0, _DIGITS) or (digits == 0 and len(typed.split()) != _GROUPS):
        return str(gettext("A code has twelve groups. Please check that all of them are here, once each."))
    if group is None:
        return str(gettext("One of the groups does not fit the others. Please compare each with your paper."))
    return str(gettext("Group %(group)s is not possible. Please compare it with your paper.", group=group))
