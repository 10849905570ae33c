"""Templates with their sentences in place: a page has one language, so it is compiled once for each.

Looking up some thirty sentences in a catalogue, one by one, was most of the work of a page. Here what stands
in a template as `_("A sentence")` is replaced by its translation when the template is compiled, as if it had
been written in that language. Sentences with values in them, and those that are not known before, are looked
up in the page's own catalogue as the page is made.
"""

from functools import lru_cache
from typing import Any, Final

from babel.support import NullTranslations
from flask import Flask, url_for
from flask.templating import Environment
from flask_babel import force_locale, get_translations
from jinja2 import Template, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from meyasubako.service.reporter.languages import current, locale_identifier

# More than a questionnaire has; all of them are ours.
_REMEMBERED: Final = 1024


class _Spoken(NodeTransformer):
    """Puts the translations of plain sentences into a template's syntax tree."""

    def __init__(self, catalogue: NullTranslations) -> None:
        self._catalogue = catalogue

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 (Jinja's name for it)
        """`_("A sentence")` becomes a constant, safe to stand in a page as it is."""
        self.generic_visit(node)
        plain = not (node.kwargs or node.dyn_args or node.dyn_kwargs) and len(node.args) == 1
        if not plain or not isinstance(node.node, nodes.Name) or node.node.name != "_":
            return node
        sentence = node.args[0]
        if not isinstance(sentence, nodes.Const):
            return node
        return nodes.Const(_filled(self._catalogue.ugettext(sentence.value)), lineno=node.lineno)


class SpokenEnvironment(Environment):
    """Flask's environment of templates, with an overlay and compiled templates for each language."""

    catalogue: NullTranslations | None = None

    def __init__(self, app: Flask, **options: Any) -> None:
        super().__init__(app, **options)
        self._spoken: dict[str, Environment] = {}

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        if self.catalogue is not None:
            source = _Spoken(self.catalogue).visit(source)
        return super()._generate(source, name, filename, defer_init)

    def template(self, name: str) -> Template:
        """A template in the language of the current page."""
        language = current()
        if language not in self._spoken:
            # What the request has looked up before may have been in another language.
            with force_locale(locale_identifier(language)):
                self._spoken[language] = self._overlay(get_translations())
        return self._spoken[language].get_template(name)

    def _overlay(self, catalogue: NullTranslations) -> Environment:
        @lru_cache(maxsize=_REMEMBERED)
        def plain(sentence: str) -> Markup:
            return _filled(catalogue.ugettext(sentence))

        def one(sentence: str, /, **values: object) -> Markup:
            return _filled(catalogue.ugettext(sentence), **values) if values else plain(sentence)

        def counted(single: str, several: str, number: int, /, **values: object) -> Markup:
            return _filled(catalogue.ungettext(single, several, number), **{"num": number, **values})

        overlay = self.overlay()
        overlay.catalogue = catalogue
        # Addresses are paths below one root: the same in every request.
        address = lru_cache(maxsize=_REMEMBERED)(url_for)
        own = {"_": one, "gettext": one, "ngettext": counted, "url_for": address}
        overlay.globals = {**self.globals, **own}
        return overlay


def _filled(sentence: str, **values: object) -> Markup:
    """A sentence of our own catalogues, which may hold markup, with values that may not."""
    return Markup(sentence) % values  # noqa: S704 (see above)
