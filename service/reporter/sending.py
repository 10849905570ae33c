"""From what a page holds to what the intake is given, and who that makes the readers."""

from flask_babel import get_translations, gettext

from meyasubako.service.intake import ChannelView, Draft, FileTicket, ReaderView
from meyasubako.service.reporter import zawgyi
from meyasubako.service.reporter.questionnaire import Questionnaire
from meyasubako.service.reporter.state import HeldFile, Writing


def named(channel: ChannelView) -> tuple[str, ...]:
    """The key ids of everybody who is named where readers are chosen: who reads, who stands in, who holds a
    share of something.
    """
    readers = [reader.key_id for reader in channel.readers]
    readers += [channel.fallback.key_id] if channel.fallback else []
    return tuple(dict.fromkeys((*readers, *(reader.key_id for reader in holders(channel)))))


def holders(channel: ChannelView) -> tuple[ReaderView, ...]:
    """Whoever holds a share of something and does not read reports besides."""
    found = (*(channel.recovery.people if channel.recovery else ()),)
    found += channel.custodians.people if channel.custodians else ()
    reading = {reader.key_id for reader in channel.readers}
    return tuple({each.key_id: each for each in found if each.key_id not in reading}.values())


def keepers(state: Writing, channel: ChannelView) -> tuple[ReaderView, ...]:
    """The custodians who would keep who the reporter is; empty where too few are left."""
    if channel.custodians is None:
        return ()
    left_out = excluded(state, channel)
    left = tuple(each for each in channel.custodians.people if each.key_id not in left_out)
    return left if len(left) >= channel.custodians.needed else ()


def excluded(state: Writing, channel: ChannelView) -> tuple[str, ...]:
    """The key ids that must not read: whoever is ticked; if somebody would rather not say, all but the
    fallback.
    """
    everybody = named(channel)
    if state.rather_not_say and channel.fallback is not None:
        # Whoever would help restore access may be involved too; custodians keep only what is told them.
        spared = {channel.fallback.key_id}
        spared |= {each.key_id for each in channel.custodians.people} if channel.custodians else set()
        return tuple(key_id for key_id in everybody if key_id not in spared or key_id in state.excluded)
    return tuple(key_id for key_id in everybody if key_id in state.excluded)


def will_read(state: Writing, channel: ChannelView) -> tuple[ReaderView, ...]:
    """The people from whom the readers are taken: those not left out, else the fallback, else nobody."""
    left_out = excluded(state, channel)
    staying = tuple(reader for reader in channel.readers if reader.key_id not in left_out)
    if staying or channel.fallback is None or channel.fallback.key_id in left_out:
        return staying
    return (channel.fallback,)


def tickets(files: tuple[HeldFile, ...]) -> tuple[tuple[FileTicket, str, str], ...]:
    """The held files as the intake takes them: ticket, name, media type."""
    return tuple(
        (FileTicket(file.id, file.seed_hex, file.size, file.sha256_hex), file.name, file.media_type)
        for file in files
    )


def readable(state: Writing, questionnaire: Questionnaire) -> str:
    """The whole report as text, in the words that the reporter saw: for whoever opens it with stock tools."""
    say = get_translations().ugettext
    parts = [beside(state.text.strip())]
    for question in questionnaire.questions():
        answer = state.answers.get(question.id)
        if not answer:
            continue
        codes = {answer} if isinstance(answer, str) else set(answer)
        told = [say(option.label) for option in question.options if option.code in codes]
        said = told or [beside(code) for code in sorted(codes)]
        parts.append("\n".join([say(question.label), *said]))
    return "\n\n".join(parts)


def beside(text: str) -> str:
    """A text, and below it a copy in Unicode if it was typed in Zawgyi."""
    copy = zawgyi.converted(text)
    return text if copy is None else "\n".join((text, gettext("The same text in Unicode:"), copy))


def _copies(state: Writing) -> dict[str, str]:
    """Copies in Unicode of what was typed in Zawgyi, by names that no question has."""
    typed = {"text": state.text, **{k: v for k, v in state.answers.items() if isinstance(v, str)}}
    found = {f"unicode:{name}": zawgyi.converted(text) for name, text in typed.items()}
    return {name: copy for name, copy in found.items() if copy is not None}


def draft_of(state: Writing, channel: ChannelView, questionnaire: Questionnaire, language: str) -> Draft:
    """The report as the intake takes it, with the questionnaire's id and version beside the answers."""
    answers: dict[str, object] = {
        "questionnaire": questionnaire.id,
        "version": questionnaire.version,
        "rather_not_say": state.rather_not_say,
        **_copies(state),
        **{name: list(value) if isinstance(value, tuple) else value for name, value in state.answers.items()},
    }
    return Draft(
        token=state.token,
        channel=channel.name,
        marker=state.marker,
        excluded=excluded(state, channel),
        answers=answers,
        text=state.text,
        readable=readable(state, questionnaire),
        language=language,
        files=tickets(state.files),
        identity=state.identity if keepers(state, channel) else "",
    )
