"""Writing a report: one address, one form, a page for each purpose; nothing is sent before the last button.

Rules upheld here:

- Every POST is answered with a page. Going back, changing the language, removing a file and pressing a
  button twice are ordinary acts, not errors.
- Who may read is settled before anything is sealed, and told again before it is sent: by people whom the
  reporter was shown where readers are chosen. Where somebody joined them since, that page comes again.
- A page whose sealed field is unknown (the service was restarted, or the page is too old) gives back what
  this very request carried, and says that the other pages have to be filled again.
- What is held back for a while (`meyasubako.service.reporter.holding`) comes again as it was; what arrived
  already is never held back.
- Whatever fails while sending, the review page comes back complete: the same button finds the first try.
"""

from collections.abc import Hashable
from dataclasses import replace
from typing import Final, TypeAlias

from flask import abort, request
from flask_babel import gettext
from markupsafe import escape

from meyasubako.service.faults import record
from meyasubako.service.intake import ChannelView, NobodyLeftError, ReadersChangedError, Submitted
from meyasubako.service.reporter import forms, holding
from meyasubako.service.reporter.errors import LostStateError
from meyasubako.service.reporter.forms import Problem
from meyasubako.service.reporter.mailbox import READING
from meyasubako.service.reporter.own_tools import chosen_field
from meyasubako.service.reporter.sending import draft_of, holders, keepers, named, will_read
from meyasubako.service.reporter.site import Site, language, sealing_request
from meyasubako.service.reporter.state import Visit, Writing

PURPOSE: Final = "questions/"
# The steps that a reporter counts: all pages of questions are one.
STEPS: Final = ("readers", "story", "ask", "files", "review")
# Languages whose readers get the words of the code in kana.
_WORDS_IN_KANA: Final = frozenset({"ja", "ja-simple"})
_COUNTED_AS: Final = {"channel": "readers", "who": "files"}
# Where the reporter may say who they are: only where enough custodians are left to keep it.
WHO: Final = "who"

Channels: TypeAlias = tuple[ChannelView, ...]


class ReportPages:
    """The pages of one report, in order: readers, story, questions, files, review."""

    def __init__(self, site: Site) -> None:
        self._site = site
        asked = tuple(page.id for page in site.questionnaire.pages)
        self._after_channel = ("readers", "story", *asked, "files", WHO, "review")

    def start(self) -> str:
        """An empty report: with several channels, the choice of one; else who would read it."""
        channels = self._channels()
        return self._show(_order(channels, self._after_channel)[0], self._fresh(channels))

    def posted(self) -> str:
        """The page that follows from what was just posted."""
        fields = request.form
        page = fields.get("page", "")
        channels = self._channels()
        order = _order(channels, self._after_channel)
        if page not in order:
            abort(400)
        try:
            state = self._site.seal.open(PURPOSE + page, fields.get("state", ""), Writing)
        except LostStateError:
            return self._lost(page, order[0], channels)
        if state.channel and state.channel not in {view.name for view in channels}:
            sentence = gettext("This place takes no reports any more. Please choose again.")
            elsewhere = replace(
                self._fresh(channels), text=state.text, answers=state.answers, files=state.files
            )
            return self._show(order[0], elsewhere, (Problem(order[0], sentence),))
        state = self._with_fields(page, state, channels)
        arrived = sealing_request().claim(self._site.limits.files - len(state.files))
        state = replace(state, files=state.files + arrived.held)
        if arrived.refused:
            limits = self._site.limits
            problems = forms.file_problems(arrived, largest=limits.upload_bytes, most=limits.files)
            return self._show(page, state, problems)
        if held := holding.page_problem(self._site):
            return self._show(page, state, (held,))
        return self._move(page, state, order, fields.get("go", "next"))

    def _move(self, page: str, state: Writing, order: tuple[str, ...], go: str) -> str:
        step, _, target = go.partition(":")
        if not keepers(state, _chosen(state, self._channels())):
            order = tuple(each for each in order if each != WHO)
            page = "files" if page == WHO else page
        here = order.index(page)
        if step == "remove":
            return self._show(page, self._removed(state, target))
        if step in {"stay", "add"}:
            return self._show(page, state)
        if step == "back":
            return self._show(order[max(0, here - 1)], state)
        if step == "to" and target in order[:here]:
            return self._show(target, state)
        if problems := self._problems(page, state):
            return self._show(page, state, problems)
        following = "files" if step == "skip" else "review" if state.checking else (*order, "")[here + 1]
        # Whoever went back from that page left it as it was: it does not fit now, nor at the next try.
        if page == "review" and WHO in order and (problems := self._problems(WHO, state)):
            return self._show(WHO, state, problems)
        if "review" in (page, following) and self._somebody_new(state):
            return self._show("readers", state, (_readers_changed(),))
        return self._send(state) if page == "review" else self._show(following, state)

    def _somebody_new(self, state: Writing) -> bool:
        # Who left does not read; who came was not there to be ticked.
        return not set(named(_chosen(state, self._channels()))) <= set(state.shown)

    def _send(self, state: Writing) -> str:
        known = self._site.intake.has_sent(state.token)
        if not known and (held := holding.send_problem(self._site, state.token, state.begun, report=True)):
            return self._show("review", state, (held,))
        channel = _chosen(state, self._channels())
        draft = draft_of(state, channel, self._site.questionnaire, language())
        try:
            submitted = self._site.intake.submit(draft)
        except ReadersChangedError:
            self._site.look_again()
            return self._show("readers", state, (_readers_changed(),))
        except NobodyLeftError:
            return self._show("readers", state, (self._nobody_left(),))
        except FileNotFoundError:
            sentence = gettext("Your files waited here for too long. Please remove them and add them again.")
            return self._show("files", state, (Problem("files", sentence),))
        except Exception as error:  # noqa: BLE001 - whatever it is, what a person wrote must come back to them
            sentence = gettext(
                "Your report could not be sent just now. Nothing is lost. Please press “Send” again in a "
                "minute: it will not arrive twice. (Event %(event)s)",
                event=record(error),
            )
            return self._show("review", state, (Problem("send", sentence),))
        # The page can be left at any time, so what its button needs to know goes with it, sealed.
        reading = self._site.seal.seal(READING, Visit(submitted.receipt.digits(), ""))
        return _receipt_page(self._site, submitted, reading)

    def _problems(self, page: str, state: Writing) -> tuple[Problem, ...]:
        if page == "channel" and not state.channel:
            return (Problem("channel", gettext("Please choose one.")),)
        if page == "readers" and not will_read(state, _chosen(state, self._channels())):
            return (self._nobody_left(),)
        if page in {"story", "review"}:
            return forms.text_problems(state.text, self._site.limits.text_characters)
        if page == WHO:
            return forms.identity_problems(state.identity)
        if asked := self._site.questionnaire.page(page):
            return forms.answer_problems(state.answers, asked)
        return ()

    def _nobody_left(self) -> Problem:
        sentence = gettext(
            "Then nobody would be left who can read your report. Take back one tick, or use one of the other "
            "places named below."
        )
        return Problem("readers", sentence)

    def _lost(self, page: str, first: str, channels: Channels) -> str:
        state = self._with_fields(page, self._fresh(channels), channels)
        arrived = sealing_request().claim(self._site.limits.files)
        state = replace(state, files=arrived.held)
        return self._show(first, state, lost=page)

    def _with_fields(self, page: str, state: Writing, channels: Channels) -> Writing:
        fields = request.form
        if page == "channel":
            markers = {view.name: view.marker for view in channels}
            return forms.read_channel(state, fields, markers)
        if page == "readers":
            listed = named(_chosen(state, channels))
            return forms.read_readers(state, fields, tuple(dict.fromkeys((*state.shown, *listed))))
        if page == "story":
            return forms.read_story(state, fields)
        if page == WHO:
            return forms.read_identity(state, fields)
        if asked := self._site.questionnaire.page(page):
            return forms.read_answers(state, fields, asked)
        return state

    def _removed(self, state: Writing, file_id: str) -> Writing:
        if any(file.id == file_id for file in state.files):
            self._site.intake.discard([file_id])
        return replace(state, files=forms.without(state.files, file_id))

    def _fresh(self, channels: Channels) -> Writing:
        only = channels[0] if len(channels) == 1 else None
        named_only = (only.name, only.marker) if only else ("", "")
        return Writing(self._site.intake.token(), *named_only, begun=int(self._site.now()))

    def _channels(self) -> Channels:
        channels = self._site.channels()
        if not channels:
            abort(503)
        return channels

    def _show(
        self,
        page: str,
        state: Writing,
        problems: tuple[Problem, ...] = (),
        *,
        lost: str = "",
    ) -> str:
        asked = self._site.questionnaire.page(page)
        channels = self._channels()
        channel = _chosen(state, channels)
        if page == "readers":
            state = replace(state, marker=channel.marker, shown=named(channel))
        if page == "review":
            state = replace(state, checking=True)
        alike = None if problems or lost else self._blank(page, state, channel)
        return self._site.page(
            "ask.html" if asked else f"{page}.html",
            files=state.files,
            alike=alike,
            own={
                "sealed": self._site.seal.seal(PURPOSE + page, state),
                "chosen": chosen_field(self._site, state, channel) if page == "files" else "",
            },
            page=page,
            step=STEPS.index(_COUNTED_AS.get(page, "ask" if asked else page)) + 1,
            steps=len(STEPS),
            first=page == _order(channels, self._after_channel)[0],
            state=state,
            channel=channel,
            channels=channels,
            will_read=will_read(state, channel),
            holders=holders(channel),
            keepers=keepers(state, channel),
            asked=asked,
            questionnaire=self._site.questionnaire,
            problems=problems,
            question=holding.question_for(self._site, state.token) if page == "review" else None,
            lost=lost,
        )

    def _blank(self, page: str, state: Writing, channel: ChannelView) -> Hashable:
        """What a page depends on that shows nothing of what the reporter said; None for another."""
        asked = self._site.questionnaire.page(page)
        shown = {
            "readers": state.excluded or state.rather_not_say,
            "story": state.text or state.excluded or state.rather_not_say or state.checking,
            "files": state.files or state.answers.get("danger") == "yes",
        }
        if asked is not None:
            filled = any(question.id in state.answers for question in asked.questions)
        else:
            filled = bool(shown.get(page, True))
        return None if filled else (page, channel.name)


def _receipt_page(site: Site, submitted: Submitted, reading: str) -> str:
    """The page with the code. But for the code and the promise it is everybody's who sends on this day."""
    receipt, evidence = submitted.receipt, submitted.evidence
    spoken = "japanese" if language() in _WORDS_IN_KANA else "english"
    return site.page(
        "receipt.html",
        alike=(submitted.repeated, evidence.final, submitted.next_date),
        own={
            "digits": "".join(f"<span>{group}</span> " for group in receipt.digits().split()),
            "words": escape(receipt.words(spoken)),
            "promise": "" if evidence.final else escape(evidence.data.decode()),
            "reading": reading,
        },
        submitted=submitted,
    )


def _readers_changed() -> Problem:
    sentence = gettext("The people who read reports have changed. Please look at the list again.")
    return Problem("readers", sentence)


def _order(channels: Channels, others: tuple[str, ...]) -> tuple[str, ...]:
    return others if len(channels) == 1 else ("channel", *others)


def _chosen(state: Writing, channels: Channels) -> ChannelView:
    """The channel that was chosen; the first one stands in until then, and if it was closed meanwhile."""
    return next((view for view in channels if view.name == state.channel), channels[0])
