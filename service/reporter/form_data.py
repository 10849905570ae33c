"""Posted forms (`multipart/form-data`, RFC 7578), read by the library `multipart`.

Rules upheld here:

- A file part goes to the sink that the request gives, piece by piece; of its other parts a form keeps no more
  than the bytes that it may have in all.
- A part with any kind of file name is a file, also where an old program spells the name as `filename*`,
  which RFC 7578 does not allow: taken for a field it would be lost without a word.
- A body that breaks off, or is no form, raises; it never looks like an empty form.
"""

from typing import IO, Final, TypeAlias

from multipart import MultipartSegment, ParserLimitReached, PushMultipartParser
from werkzeug.datastructures import FileStorage, Headers, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

_PIECE: Final = 64 * 1024
# What a browser may say that it wrote a field in; all else is read as UTF-8, in which our pages ask for it.
_CHARSETS: Final = frozenset({"ascii", "us-ascii", "utf-8", "iso-8859-1"})
_Form: TypeAlias = tuple[MultiDict[str, str], MultiDict[str, FileStorage]]


class FormParser(FormDataParser):
    """Werkzeug's parser of forms, with another one inside for those in parts, which takes a tenth of the time
    for a page's fields.
    """

    def parse(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,
        options: dict[str, str] | None = None,
    ) -> tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]:
        """As Werkzeug's.

        Raises `ValueError` for a body that is no form, `RequestEntityTooLarge` for one with too much in it,
        and what reading the stream raises.
        """
        if mimetype != "multipart/form-data":
            return super().parse(stream, mimetype, content_length, options)
        try:
            boundary = (options or {}).get("boundary", "")
            most = self.max_form_parts
            parser = PushMultipartParser(boundary, **({} if most is None else {"max_segment_count": most}))
            return stream, *self._read(parser, stream, content_length)
        except ParserLimitReached:
            raise RequestEntityTooLarge from None

    def _read(self, parser: PushMultipartParser, stream: IO[bytes], length: int | None) -> _Form:
        fields: list[tuple[str, str]] = []
        files: list[tuple[str, FileStorage]] = []
        gathered: list[bytes] = []
        part, sink, size = MultipartSegment([]), None, 0
        for event in parser.parse_blocking(stream.read, _PIECE):
            if isinstance(event, MultipartSegment):
                part, gathered = event, []
                sink = self._sink(part, length)
            elif event is not None and sink is not None:
                sink.write(event)
            elif event is not None:
                size += len(event)
                if self.max_form_memory_size is not None and size > self.max_form_memory_size:
                    raise RequestEntityTooLarge
                gathered.append(event)
            elif sink is not None:
                sink.seek(0)
                headers = Headers(part.headerlist)
                files.append((part.name or "", FileStorage(sink, part.filename, part.name, headers=headers)))
            else:
                charset = part.charset if (part.charset or "").lower() in _CHARSETS else "utf-8"
                fields.append((part.name or "", b"".join(gathered).decode(charset, "replace")))
        return self.cls(fields), self.cls(files)

    def _sink(self, part: MultipartSegment, length: int | None) -> IO[bytes] | None:
        """Where a file's bytes go; None for a field."""
        if part.filename is None:
            part.filename = _spelt_otherwise(part.header("Content-Disposition", ""))
        if part.filename is None:
            return None
        return self.stream_factory(
            total_content_length=length,
            filename=part.filename,
            content_type=part.header("Content-Type"),
        )


def _spelt_otherwise(disposition: str) -> str | None:
    """The name of a file in the spelling of RFC 5987, which is for other places."""
    if "filename*" not in disposition.lower():
        return None
    return parse_options_header(disposition)[1].get("filename")
