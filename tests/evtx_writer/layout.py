"""The templates of an event: its elements and attributes with places for values (MS-EVEN6 2.2.15-2.2.18)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.evtx_writer.values import Typed, kind_of

EVENT_NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
# The order and the types in which Windows writes the parts of System.
_SYSTEM: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("Provider", (("Name", "string"), ("Guid", "guid"), ("EventSourceName", "string"))),
    ("EventID", (("Qualifiers", "uint16"), ("Value", "uint16"))),
    ("Version", (("", "uint8"),)),
    ("Level", (("", "uint8"),)),
    ("Task", (("", "uint16"),)),
    ("Opcode", (("", "uint8"),)),
    ("Keywords", (("", "hex64"),)),
    ("TimeCreated", (("SystemTime", "filetime"),)),
    ("EventRecordID", (("", "uint64"),)),
    ("Correlation", (("ActivityID", "guid"), ("RelatedActivityID", "guid"))),
    ("Execution", (("ProcessID", "uint32"), ("ThreadID", "uint32"))),
    ("Channel", (("", "string"),)),
    ("Computer", (("", "string"),)),
    ("Security", (("UserID", "sid"),)),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value goes: its number in the substitution array. An optional one without value is left out."""

    index: int
    kind: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Element:
    """An element; attributes and content are places, texts, or (content only) elements."""

    name: str
    attributes: tuple[tuple[str, Place | str], ...] = ()
    content: tuple[Place | Element, ...] = ()


@dataclass(eq=False, slots=True)
class Template:
    """A template by its root element. Equal layouts are one object, so that a chunk finds it by identity."""

    root: Element
    guid: bytes


@dataclass(slots=True)
class Filled:
    """A template and the values for its places, as (kind, value); `xml` values are Filled in their turn."""

    template: Template
    values: list[tuple[str, Any]]


_NAMESPACE = uuid.UUID("5d1e1a44-5b0c-4d0e-9f53-6f1f3f0f1a2b")
_TEMPLATES: dict[Any, Template] = {}


def event_template(event: dict[str, Any]) -> Filled:
    """The outer template of an event, for `Event` and `System`, with the nested one of its data as a
    value."""
    system = event["System"]
    values: list[tuple[str, Any]] = []
    parts: list[tuple[str, str]] = []
    for name, members in _SYSTEM:
        if name in system:
            for member, kind in members:
                value = system[name].get(member) if member else system[name]
                if value is not None or member in ("", "Value"):
                    parts.append((name, member))
                    values.append(_value(kind, value))
    nested = [name for name in ("EventData", "UserData") if name in event]
    for name in nested:
        build = _event_data if name == "EventData" else _user_data
        values.append(("xml", build(event[name])))
    return Filled(_template((tuple(parts), tuple(nested)), lambda: _event(parts, nested)), values)


def _event(parts: list[tuple[str, str]], nested: list[str]) -> Element:
    kinds = {(name, member): kind for name, members in _SYSTEM for member, kind in members}
    elements: dict[str, tuple[list[tuple[str, Place | str]], list[Place | Element]]] = {}
    for index, (name, member) in enumerate(parts):
        attributes, content = elements.setdefault(name, ([], []))
        place = Place(index, kinds[name, member], optional=True)
        if member in ("", "Value"):
            content.append(place)
        else:
            attributes.append((member, place))
    system = Element(
        "System", (), tuple(Element(name, tuple(a), tuple(c)) for name, (a, c) in elements.items())
    )
    data = tuple(Place(len(parts) + number, "xml", optional=True) for number in range(len(nested)))
    return Element("Event", (("xmlns", EVENT_NAMESPACE),), (system, *data))


def _event_data(data: dict[str, Any]) -> Filled:
    named: list[tuple[str | None, str]] = []
    values: list[tuple[str, Any]] = []
    for name, value in data.items():
        if name == "Data":
            held = [Typed("strings", value)] if all(isinstance(item, str) for item in value) else value
        else:
            held = [value]
        for item in held:
            kind, bare = kind_of(item)
            named.append((None if name == "Data" else name, kind))
            values.append((kind, bare))
    return Filled(_template(tuple(named), lambda: _data_element(named)), values)


def _data_element(named: list[tuple[str | None, str]]) -> Element:
    elements = []
    for index, (name, kind) in enumerate(named):
        place = Place(index, kind)
        if name == "Binary" and kind in ("binary", "null"):
            elements.append(Element("Binary", (), (place,)))
        else:
            elements.append(Element("Data", (("Name", name),) if name is not None else (), (place,)))
    return Element("EventData", (), tuple(elements))


def _user_data(data: dict[str, Any]) -> Filled:
    values: list[tuple[str, Any]] = []
    elements = tuple(
        Element(name, (("xmlns", f"http://manifests.example.org/{name}"),), _members(body, values))
        for name, body in data.items()
    )
    root = Element("UserData", (), elements)
    return Filled(_template(root, lambda: root), values)


def _members(body: dict[str, Any], values: list[tuple[str, Any]]) -> tuple[Place | Element, ...]:
    elements = []
    for name, value in body.items():
        if isinstance(value, dict):
            elements.append(Element(name, (), _members(value, values)))
        else:
            values.append(kind_of(value))
            elements.append(Element(name, (), (Place(len(values) - 1, values[-1][0]),)))
    return tuple(elements)


def _template(layout: Any, build: Callable[[], Element]) -> Template:
    """The template of a layout; `layout` is what tells it from others, `build` makes its root when it is
    new."""
    known = _TEMPLATES.get(layout)
    if known is None:
        root = build()
        known = _TEMPLATES[layout] = Template(root, uuid.uuid5(_NAMESPACE, repr(root)).bytes_le)
    return known


def _value(kind: str, value: Any) -> tuple[str, Any]:
    """A value of System under the type that Windows gives it; hex text becomes its number."""
    if value is None:
        return "null", None
    return kind, int(value, 16) if kind == "hex64" and isinstance(value, str) else value
