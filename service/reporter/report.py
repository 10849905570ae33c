"""Writing a report: one address, one form, a page for each purpose; nothing is sent before the last button.

Rules upheld here:

- Every POST is answered with a page. Going back, changing the language, removing a file and pressing a
  button twice are ordinary acts, not errors.
- Who may read is settled before anything is sealed, and told again before it is sent.
- A page whose sealed field is unknown (the service was restarted, or the page is too old) gives back what
  this very request carried, and says that the other pages have to be filled again.
- Whatever fails while sending, the review page comes back complete: the same button finds the first try.
"""

from dataclasses import replace
from typing import Final

from flask import abort, request
from flask_babel import gettext

from meyasubako.service.intake import ChannelView, Draft, NobodyLeftError, ReadersChangedError, Submitted
from meyasubako.service.reporter import forms
from meyasubako.service.reporter.errors import LostStateError
from meyasubako.service.reporter.forms import Problem
from meyasubako.service.reporter.sending import draft_of, will_read
from meyasubako.service.reporter.site import Site, language, sealing_request
from meyasubako.service.reporter.state import Writing
from meyasubako.service.web import record

PURPOSE: Final = "questions/"
# The steps that a reporter counts: all pages of questions are one.
STEPS: Final = ("readers", "story", "ask", "files", "review")


class ReportPages:
    """The pages of one report, in order: readers, story, questions, files, review."""

    def __init__(self, site: Site) -> None:
        self._site = site
        asked = tuple(page.id for page in site.questionnaire.pages)
        self._order = ("readers", "story", *asked, "files", "review")

    def start(self) -> str:
        """An empty report: with several channels, the choice of one; else who would read it."""
        channels = self._site.intake.channels()
        if not channels:
            abort(503)
        wished = request.args.get("channel", channels[0].name if len(channels) == 1 else "")
        channel = next((view for view in channels if view.name == wished), None)
        if channel is None:
            return self._site.page("channels.html", channels=channels)
        return self._show("readers", self._fresh(channel))

    def posted(self) -> str:
        """The page that follows from what was just posted."""
        fields = request.form
        page = fields.get("page", "")
        if page not in self._order:
            abort(400)
        try:
            state = self._site.seal.open(PURPOSE + page, fields.get("state", ""), Writing)
        except LostStateError:
            return self._lost(page)
        channel = self._channel(state)
        state = self._with_fields(page, state, channel)
        arrived = sealing_request().claim(self._site.limits.files - len(state.files))
        state = replace(state, files=state.files + arrived.held)
        if arrived.refused:
            limits = self._site.limits
            problems = forms.file_problems(arrived, largest=limits.upload_bytes, most=limits.files)
            return self._show(page, state, problems)
        return self._move(page, state, channel, fields.get("go", "next"))

    def _move(self, page: str, state: Writing, channel: ChannelView, go: str) -> str:
        step, _, target = go.partition(":")
        here = self._order.index(page)
        if step == "remove":
            return self._show(page, self._removed(state, target))
        if step in {"stay", "add"}:
            return self._show(page, state)
        if step == "back":
            return self._show(self._order[max(0, here - 1)], state)
        if step == "to" and target in self._order[:here]:
            return self._show(target, state)
        if problems := self._problems(page, state, channel):
            return self._show(page, state, problems)
        if page == "review":
            return self._send(state, channel)
        if step == "skip":
            return self._show("files", state)
        following = "review" if state.checking else self._order[here + 1]
        return self._show(following, state)

    def _send(self, state: Writing, channel: ChannelView) -> str:
        # The account may be missing if somebody came here by an old page.
        if problems := self._problems("story", state, channel):
            return self._show("story", state, problems)
        draft = draft_of(state, channel, self._site.questionnaire, language())
        try:
            submitted = self._submitted(draft)
        except ReadersChangedError as changed:
            sentence = gettext("The people who read reports have changed. Please look at the list again.")
            known = {reader.key_id for reader in changed.channel.readers}
            state = replace(
                state,
                marker=changed.channel.marker,
                excluded=tuple(key_id for key_id in state.excluded if key_id in known),
            )
            return self._show("readers", state, (Problem("readers", sentence),))
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
        return self._site.page("receipt.html", submitted=submitted)

    def _submitted(self, draft: Draft) -> Submitted:
        try:
            return self._site.intake.submit(draft)
        except FileNotFoundError:
            # Pressed twice: the other request was first and has just taken the files into the case.
            return self._site.intake.submit(draft)

    def _problems(self, page: str, state: Writing, channel: ChannelView) -> tuple[Problem, ...]:
        if page == "readers" and not will_read(state, channel):
            return (self._nobody_left(),)
        if page == "story":
            return forms.text_problems(state.text, self._site.limits.text_characters)
        if asked := self._site.questionnaire.page(page):
            return forms.answer_problems(state.answers, asked)
        return ()

    def _nobody_left(self) -> Problem:
        sentence = gettext(
            "Then nobody would be left who can read your report. Take back one tick, or use one of the other "
            "places named below."
        )
        return Problem("readers", sentence)

    def _lost(self, page: str) -> str:
        channel = self._channel(None)
        state = self._with_fields(page, self._fresh(channel), channel)
        arrived = sealing_request().claim(self._site.limits.files)
        state = replace(state, files=arrived.held)
        return self._show("readers", state, lost=page)

    def _with_fields(self, page: str, state: Writing, channel: ChannelView) -> Writing:
        fields = request.form
        if page == "readers":
            return forms.read_readers(state, fields, [reader.key_id for reader in channel.readers])
        if page == "story":
            return forms.read_story(state, fields)
        if asked := self._site.questionnaire.page(page):
            return forms.read_answers(state, fields, asked)
        return state

    def _removed(self, state: Writing, file_id: str) -> Writing:
        if any(file.id == file_id for file in state.files):
            self._site.intake.discard([file_id])
        return replace(state, files=forms.without(state.files, file_id))

    def _fresh(self, channel: ChannelView) -> Writing:
        return Writing(self._site.intake.token(), channel.name, channel.marker)

    def _channel(self, state: Writing | None) -> ChannelView:
        channels = self._site.intake.channels()
        if not channels:
            abort(503)
        named = [view for view in channels if state is not None and view.name == state.channel]
        return named[0] if named else channels[0]

    def _show(
        self,
        page: str,
        state: Writing,
        problems: tuple[Problem, ...] = (),
        *,
        lost: str = "",
    ) -> str:
        asked = self._site.questionnaire.page(page)
        channel = self._channel(state)
        if page == "review":
            state = replace(state, checking=True)
        return self._site.page(
            "ask.html" if asked else f"{page}.html",
            files=state.files,
            page=page,
            step=STEPS.index("ask" if asked else page) + 1,
            steps=len(STEPS),
            first=page == self._order[0],
            state=state,
            sealed=self._site.seal.seal(PURPOSE + page, state),
            channel=channel,
            will_read=will_read(state, channel),
            asked=asked,
            questionnaire=self._site.questionnaire,
            problems=problems,
            lost=lost,
        )
