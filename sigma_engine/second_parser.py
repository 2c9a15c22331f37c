"""python-evtx as the second opinion on a record, with the values that the first parser would have given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from Evtx import Nodes
from Evtx.Evtx import ChunkHeader, Record

from sigma_engine.event_shapes import to_event
from sigma_engine.evtx_chunk import LARGEST_EVENT

DEEPEST: Final = 64
MOST_ELEMENTS: Final = 4096
_EPOCH_1601: Final = datetime(1601, 1, 1, tzinfo=UTC)


class _ByOffset(dict[int, Any]):
    """The names or templates of a chunk, made when they are asked for: no table is needed to find them."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, offset: int) -> Any:
        self[offset] = made = self._make(offset)
        return made


@dataclass(slots=True)
class _Element:
    name: str
    attributes: dict[str, Any] = field(default_factory=dict)
    elements: list[_Element] = field(default_factory=list)
    texts: list[Any] = field(default_factory=list)


class SecondParser:
    """Reads single records of a chunk of 64 KiB."""

    def __init__(self, chunk: bytes) -> None:
        self._chunk = chunk
        self._header: Any = ChunkHeader(chunk, 0)
        self._header._strings = _ByOffset(self._header.add_string)
        self._header._templates = _ByOffset(self._header.add_template)

    def event(self, offset: int) -> dict[str, Any]:
        """The event of the record at this offset. Raises ValueError, with the reason, when it cannot be
        read; the parser fails in many ways on bad bytes, all of which mean that."""
        try:
            root = Record(self._chunk, offset, self._header).root()
            elements = list(_Walk().root(root, 0))
        except Exception as error:
            raise ValueError(f"its bytes make no sense ({type(error).__name__}: {error})"[:200]) from error
        event = next((element for element in elements if element.name == "Event"), None)
        if event is None:
            raise ValueError("it holds no `Event` element")
        return to_event({part.name: _part(part) for part in event.elements})


class _Walk:
    """One pass over the elements of a record, which stops at hostile sizes."""

    def __init__(self) -> None:
        self._elements = 0

    def root(self, root: Any, depth: int) -> Iterator[_Element]:
        """The elements of a fragment, its substitutions put in their places."""
        if depth > DEEPEST:
            raise ValueError(f"nested deeper than {DEEPEST}")
        values = root.substitutions()
        for node in root.template().children():
            if isinstance(node, Nodes.OpenStartElementNode):
                yield self._element(node, values, depth)

    def _element(self, node: Any, values: list[Any], depth: int) -> _Element:
        self._elements += 1
        if self._elements > MOST_ELEMENTS or depth > DEEPEST:
            raise ValueError(f"more than {MOST_ELEMENTS} elements, or nested deeper than {DEEPEST}")
        element = _Element(node.tag_name())
        for child in node.children():
            self._add(element, child, values, depth)
        return element

    def _add(self, element: _Element, node: Any, values: list[Any], depth: int) -> None:
        if isinstance(node, Nodes.AttributeNode):
            value = self._value(node.attribute_value(), values)
            if value is not None:
                element.attributes[node.attribute_name().string()] = value
        elif isinstance(node, Nodes.OpenStartElementNode):
            element.elements.append(self._element(node, values, depth + 1))
        elif isinstance(node, (Nodes.NormalSubstitutionNode, Nodes.ConditionalSubstitutionNode)):
            held = values[node.index()]
            if isinstance(held, Nodes.BXmlTypeNode):
                element.elements.extend(self.root(held.root(), depth + 1))
            else:
                element.texts.append(_typed(held))
        elif isinstance(node, (Nodes.ValueNode, Nodes.CDataSectionNode, Nodes.EntityReferenceNode)):
            element.texts.append(self._value(node, values))

    def _value(self, node: Any, values: list[Any]) -> Any:
        if isinstance(node, (Nodes.NormalSubstitutionNode, Nodes.ConditionalSubstitutionNode)):
            return _typed(values[node.index()])
        if isinstance(node, Nodes.CDataSectionNode):
            return node.cdata()
        if isinstance(node, Nodes.EntityReferenceNode):
            return node.entity_reference()
        return _typed(node.children()[0])


def _part(part: _Element) -> Any:
    """`System`, `EventData` or `UserData` as the first parser's JSON has it."""
    if part.name != "EventData":
        return _plain(part)
    data = [child for child in part.elements if child.name == "Data"]
    plain = {child.name: _plain(child) for child in part.elements if child.name != "Data"}
    if data:
        plain["Data"] = [_data(child) for child in data]
    return plain


def _data(element: _Element) -> dict[str, Any]:
    text = _text(element)
    named = {"Name": element.attributes["Name"]} if "Name" in element.attributes else {}
    return {**named, "Value": "" if text is None else text}


def _plain(element: _Element) -> Any:
    text = _text(element)
    if not element.elements and not element.attributes:
        return None if text == "" else text
    plain: dict[str, Any] = {"#attributes": element.attributes} if element.attributes else {}
    for child in element.elements:
        value = _plain(child)
        if child.name in plain:
            held = plain[child.name]
            value = [*held, value] if isinstance(held, list) else [held, value]
        plain[child.name] = value
    if text is not None:
        plain["#text"] = text
    return plain


def _text(element: _Element) -> Any:
    """The text of an element: a single value keeps its type, several are joined."""
    if len(element.texts) == 1:
        return element.texts[0]
    if sum(len(text) for text in element.texts if isinstance(text, str)) > LARGEST_EVENT:
        raise ValueError("larger than 4 MiB")
    return "".join(str(text) for text in element.texts if text is not None) if element.texts else None


def _typed(node: Any) -> Any:
    """The value of a variant node, of the type and in the spelling that the first parser gives."""
    make = _TYPES.get(type(node))
    return node.string() if make is None else make(node)


def _filetime(node: Any) -> str:
    moment = _EPOCH_1601 + timedelta(microseconds=node.unpack_qword(0) // 10)
    return _iso(moment)


def _systemtime(node: Any) -> str:
    # By its eight words: python-evtx takes the milliseconds for microseconds.
    year, month, _, day, hour, minute, second, millisecond = (node.unpack_word(2 * n) for n in range(8))
    return _iso(datetime(year, month, day, hour, minute, second, millisecond * 1000, tzinfo=UTC))


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _strings(node: Any) -> list[str]:
    texts: list[str] = node.binary().decode("utf-16-le", errors="replace").split("\0")
    return texts[:-1] if texts[-1] == "" else texts


_TYPES: Final[dict[type, Callable[[Any], Any]]] = {
    Nodes.NullTypeNode: lambda node: None,
    Nodes.SignedByteTypeNode: lambda node: node.byte(),
    Nodes.UnsignedByteTypeNode: lambda node: node.byte(),
    Nodes.SignedWordTypeNode: lambda node: node.word(),
    Nodes.UnsignedWordTypeNode: lambda node: node.word(),
    Nodes.SignedDwordTypeNode: lambda node: node.dword(),
    Nodes.UnsignedDwordTypeNode: lambda node: node.dword(),
    Nodes.SignedQwordTypeNode: lambda node: node.qword(),
    Nodes.UnsignedQwordTypeNode: lambda node: node.qword(),
    Nodes.BooleanTypeNode: lambda node: node.int32() != 0,
    Nodes.BinaryTypeNode: lambda node: bytes(node.binary()).hex().upper(),
    Nodes.GuidTypeNode: lambda node: node.guid().upper(),
    Nodes.SizeTypeNode: lambda node: f"{node.num():#x}",
    Nodes.FiletimeTypeNode: _filetime,
    Nodes.SystemtimeTypeNode: _systemtime,
    Nodes.Hex32TypeNode: lambda node: f"{node.unpack_dword(0):#x}",
    Nodes.Hex64TypeNode: lambda node: f"{node.unpack_qword(0):#x}",
    Nodes.WstringArrayTypeNode: _strings,
}
