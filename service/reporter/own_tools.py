"""For people who seal files with a tool of their own: the readers' keys as a file, as age takes it.

Rules upheld here:

- The file holds the post-quantum keys of exactly the people from whom the readers of this report are taken:
  those who were not left out, else whoever stands in. Each key stands below its owner's name.
- It names the mechanism's fingerprint, and how to compare it: this page comes from the server, and whoever
  has taken it over could put another key there.
- Nothing that was typed travels here: the page's button carries a sealed list of people, and no more.
"""

from dataclasses import dataclass
from typing import Final

from flask import Response, request
from flask_babel import gettext

from meyasubako.service.intake import ChannelView
from meyasubako.service.reporter.errors import LostStateError
from meyasubako.service.reporter.sending import will_read
from meyasubako.service.reporter.site import Site
from meyasubako.service.reporter.state import Writing

PURPOSE: Final = "readers"
FILE_NAME: Final = "readers.txt"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The channel, and the key ids of those who may read."""

    channel: str
    readers: tuple[str, ...]


def chosen_field(site: Site, state: Writing, channel: ChannelView) -> str:
    """The sealed field of the button under which the readers' keys are."""
    readers = tuple(reader.key_id for reader in will_read(state, channel))
    return site.seal.seal(PURPOSE, Chosen(channel.name, readers))


def readers_file(site: Site) -> Response | tuple[str, int]:
    """The readers' keys, to save; the page is still there."""
    try:
        chosen = site.seal.open(PURPOSE, request.form.get("chosen", ""), Chosen)
        channel = site.intake.channel(chosen.channel)
    except (LostStateError, KeyError):
        return site.page("error.html", status=404, event=None), 404
    answer = Response(_recipients(channel, chosen.readers), mimetype="text/plain")
    answer.headers["Content-Disposition"] = f"attachment; filename={FILE_NAME}"
    return answer


def _recipients(channel: ChannelView, readers: tuple[str, ...]) -> str:
    listed = (*channel.readers, *((channel.fallback,) if channel.fallback else ()))
    said = [
        channel.origin,
        gettext("Fingerprint of this mailbox: %(fingerprint)s", fingerprint=channel.fingerprint),
        gettext("Compare it with a poster or a leaflet, and not with this site."),
        f"age -R {FILE_NAME} -o FILE.age FILE",
    ]
    lines = [_comment(sentence) for sentence in said]
    for reader in listed:
        if reader.key_id in readers:
            lines += ["", _comment(f"{reader.name} {reader.title}"), reader.recipient]
    return "\n".join((*lines, ""))


def _comment(sentence: str) -> str:
    # A name is what somebody wrote on a card: it stays on its line.
    return "# " + " ".join("".join(c if c.isprintable() else " " for c in sentence).split())
