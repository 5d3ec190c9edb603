"""Reading XML that strangers wrote: elements and text alone, within bounds, and nothing that expands or fetches."""

from __future__ import annotations

from collections.abc import Iterator
from xml.parsers import expat

from moderation_ai.core.content import MAX_DEPTH
from moderation_ai.core.errors import MalformedPayload

MAX_ELEMENTS = 50_000
"""Elements that a body may have: a feed of 2,000 entries, which is more than any hub sends, has fewer."""
_BOM = b"\xef\xbb\xbf"


class Element:
    """An element: its name as ``namespace local`` (or ``local`` alone), its attributes, its children and its text."""

    __slots__ = ("_pieces", "attributes", "children", "name")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        """Begin with neither children nor text."""
        self.name = name
        self.attributes = attributes
        self.children: list[Element] = []
        self._pieces: list[str] = []

    def add_text(self, piece: str) -> None:
        """Append to the element's own text."""
        self._pieces.append(piece)

    @property
    def text(self) -> str | None:
        """Return the element's own text without the white space around it, or None where there is none."""
        return "".join(self._pieces).strip() or None

    def all(self, name: str) -> Iterator[Element]:
        """Yield the children of that name."""
        return (child for child in self.children if child.name == name)

    def first(self, name: str) -> Element | None:
        """Return the first child of that name, or None."""
        return next(self.all(name), None)

    def text_of(self, *path: str) -> str | None:
        """Return the text of the element that is reached by the first child of each name, or None."""
        at: Element | None = self
        for name in path:
            at = at.first(name) if at is not None else None
        return at.text if at is not None else None


def is_xml(body: bytes) -> bool:
    """Say whether ``body`` begins as XML does, and as JSON never does."""
    return body[:64].removeprefix(_BOM).lstrip().startswith(b"<")


def read_xml(body: bytes) -> Element:
    """Return the root element of an XML document in UTF-8.

    Raises ``MalformedPayload`` for what is not well-formed, any DOCTYPE (so that there is no entity beyond the five
    that XML names itself), nesting deeper than ``MAX_DEPTH`` and more than ``MAX_ELEMENTS`` elements.
    """
    reader = _Reader()
    try:
        reader.parser.Parse(body.removeprefix(_BOM).decode("utf-8"), True)
    except UnicodeDecodeError as error:
        raise MalformedPayload("the XML is not UTF-8") from error
    except expat.ExpatError as error:
        # The error's text names what is wrong and where; it quotes nothing of the body.
        raise MalformedPayload(f"the body is not XML that we read: {error}") from error
    if reader.root is None:
        raise MalformedPayload("the XML has no element")
    return reader.root


class _Reader:
    """Build the tree of what expat finds."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0
        # It is given text, so that the document's own declaration cannot choose a codec.
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._take
        self.parser.StartDoctypeDeclHandler = _refuse_doctype
        self.parser.EntityDeclHandler = _refuse_entity
        self.parser.ExternalEntityRefHandler = _refuse_entity

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise MalformedPayload(f"the XML has more than {MAX_ELEMENTS} elements")
        if len(self._open) >= MAX_DEPTH:
            raise MalformedPayload(f"the XML is nested deeper than {MAX_DEPTH} levels")
        element = Element(name, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, _: str) -> None:
        self._open.pop()

    def _take(self, piece: str) -> None:
        if self._open:
            self._open[-1].add_text(piece)


def _refuse_doctype(*_: object) -> None:
    raise MalformedPayload("the XML has a DOCTYPE, which no feed needs")


def _refuse_entity(*_: object) -> int:
    raise MalformedPayload("the XML has an entity of its own, which no feed needs")
