"""Rules and events that are made to disagree about: small texts out of odd pieces, so that many of them nearly match.

A seed makes a case; the same seed always makes the same one.
"""

from __future__ import annotations

import base64
from random import Random
from typing import Any

import yaml

from sigma_engine import Rule, parse_rules

# fmt: off
# Folding beyond ASCII, sentinels, ends of lines, dashes, what escapes, what is wild, and texts that are like numbers.
PIECES = (
    "a", "A", "b", "ab", "aB", "abc", "ABC", "xyz", "k", "K", "\u212a", "i", "I", "İ", "ı", "s", "S", "ſ", "ß", "ss",
    "é", "É", "e\u0301", "σ", "ς", "Σ", "\x02", "\x03", "\x1c", "\0", "\n", "\r\n", "\x0b", "\x85", "\u2028", " ", ".",
    "-", "/", "–", "—", "―", "-a", " -abc", "/abc", "\\", "\\\\", "\\*", "*", "?", "\\?", '"', "{", "}", "[", "%",
    "1", "0", "0x1", "1.0", "10", "true", "False", "null", "1e3", "-1", "|", "#", "'", ":", "evil", "cmd", ".exe",
)
WHOLE = (
    None, True, False, 0, 1, 1.0, -1, 10, 2.5, 1e300, 2**53, 2**53 + 1, 2**64, -(2**70), "1", "1.0", "0x1", "0X1",
    "true", "True", "", "-", "4688", 4688, "0x1250", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", " 10.0.0.1 ",
    "2024-01-01T00:30:00+01:00", "2021-01-03", 1_700_000_000, 1_700_000_000.5, "6AD52B32-D609-4BE9-AE07-CE8DAE937E39",
    "{6ad52b32-d609-4be9-ae07-ce8dae937e39}", "SHA1=AB,IMPHASH=ABC", "S-1-5-18", "%%1904", "1" * 5000,
)
# What one character may be taken for: by folding, by `windash`, or by a number's other text.
ALIKE = (
    "kK\u212a", "sSſ", "iIıİ", "eéÉ", "σςΣ", "-/–—―", "aA", "bB", "cC", "mM", "dD", "xX", "lL", "vV", "\n\r", " \x1c"
)
EQUAL = (
    (1, True, 1.0, "1", "0x1", "1.0", "true"),
    (0, False, 0.0, "0", "False", "0x0", None, ""),
    (4688, "4688", "0x1250", 4688.0),
    (2**53, 2**53 + 1, float(2**53)),
    ("6AD52B32-D609-4BE9-AE07-CE8DAE937E39", "{6ad52b32-d609-4be9-ae07-ce8dae937e39}"),
)
FIELDS = ("F", "G", "Image", "CommandLine", "Data", "Message", "Imphash", "a.b", "X_Y", "Details")
KEY_FIELDS = ("EventID", "Channel", "Provider_Name", "Computer", "System.Channel", "Level")
KINDS = (
    ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", 1),
    ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", 13),
    ("Security", "Microsoft-Windows-Security-Auditing", 4688),
    ("Security", "Microsoft-Windows-Security-Auditing", 4657),
    ("Application", "Some-Vendor", 1),
)
LOGSOURCES = (
    {"product": "windows"}, {"product": "windows"}, {"product": "windows", "category": "process_creation"},
    {"product": "windows", "service": "security"}, {"product": "windows", "category": "registry_set"},
)
# fmt: on
NETWORKS = ("10.0.0.0/8", "10.0.0.1", "0.0.0.0/0", "fe80::/10", "::/0", "10.0.0.77/24")


class Nasty:
    """The rules and events of one seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        # Few pieces and values a case, so that events share them, and rules are held against what is there.
        self.pieces = self.random.sample(PIECES, self.random.randint(3, 12))
        self.names = self.random.sample(FIELDS, self.random.randint(1, 4))
        self.seen: list[Any] = []
        self.seen = [self.value() for _ in range(self.random.randint(2, 6))]
        self.seen += [self.text() for _ in range(2)]
        if self.chance(0.3):
            self.seen += self.random.choice(EQUAL)
        self.events = [self.event() for _ in range(self.random.randint(1, 8))]
        self.documents = [self.document() for _ in range(self.random.randint(1, 5))]

    def chance(self, share: float) -> bool:
        """True that often."""
        return self.random.random() < share

    def text(self, most: int = 4) -> str:
        """A text of the case's pieces, or one that is nearly a part of what an event holds."""
        texts = [value for value in self.seen if isinstance(value, str)]
        if texts and self.chance(0.6):
            return self.nearly(self.random.choice(texts))
        return "".join(self.random.choices(self.pieces, k=self.random.randint(0, most)))

    def nearly(self, text: str) -> str:
        """A part of a text, some characters exchanged for those that they may be taken for."""
        text = text[:40]
        start, end = sorted(self.random.choices(range(len(text) + 1), k=2))
        if self.chance(0.5):
            start, end = self.random.choice(((0, len(text)), (start, len(text)), (0, end)))
        return "".join(self.alike(one) if self.chance(0.3) else one for one in text[start:end])

    def alike(self, character: str) -> str:
        """Another spelling of a character, where there is one."""
        return self.random.choice(next((group for group in ALIKE if character in group), character))

    def scalar(self) -> Any:
        """Any single value."""
        if self.seen and self.chance(0.4):
            value = self.random.choice(self.seen)
            equal = next((group for group in EQUAL if any(value == one for one in group)), None)
            if equal:
                return self.random.choice(equal)
        return self.text() if self.chance(0.75) else self.random.choice(WHOLE)

    # events

    def value(self) -> Any:
        """A value of an event: one, a list, a map, or an encoded text."""
        kind = self.random.random()
        if kind < 0.7:
            return self.scalar()
        if kind < 0.85:
            return [self.scalar() for _ in range(self.random.randint(0, 3))]
        if kind < 0.92:
            encoding = self.random.choice(["utf-8", "utf-16-le"])
            content = f"{self.text(1)}{self.text()}{self.text(1)}".encode(encoding, "surrogatepass")
            return base64.b64encode(content).decode()
        if kind < 0.96:
            return {self.random.choice(("a", "b", "F", "Value")): self.scalar()}
        return [self.scalar(), [self.scalar(), {"b": self.scalar()}]]

    def event(self) -> dict[str, Any]:
        """An event with a head that is mostly in order."""
        channel, provider, number = self.random.choice(KINDS)
        event_id: Any = (
            number if self.chance(0.8) else self.random.choice([str(number), float(number), None, 7, True])
        )
        system: dict[str, Any] = {
            "Channel": channel if self.chance(0.95) else channel.upper(),
            "Provider": {"Name": provider},
            "EventID": {"Value": event_id} if self.chance(0.95) else event_id,
            "Computer": self.text(),
            "Level": self.random.choice((0, 1, 4, "1")),
            "TimeCreated": {"SystemTime": 1_700_000_000.5},
        }
        data: Any = {
            name: self.random.choice(self.seen) if self.chance(0.5) else self.value()
            for name in self.names
            if self.chance(0.8)
        }
        event = {"System": system, "EventData": data}
        if self.chance(0.1):
            system[self.random.choice(("F", "X", "Y"))] = self.value()
        if self.chance(0.1):
            event[self.random.choice(("F", "Image", "Message", "a"))] = self.value()
        if self.chance(0.1):
            event["UserData"] = {"Any": {"F": self.value(), "G": self.value()}}
        if self.chance(0.05):
            event["EventData"] = self.random.choice([None, [self.scalar()], self.text()])
        return event

    # rules

    def document(self) -> dict[str, Any]:
        """A rule as its YAML holds it; it may be refused."""
        detection: dict[str, Any] = {
            name: self.selection() for name in ("a", "b1", "b2", "_c")[: self.random.randint(1, 4)]
        }
        detection["condition"] = self.condition(list(detection), 3)
        if self.chance(0.05):
            detection["condition"] = [detection["condition"], self.condition(list(detection)[:-1], 2)]
        return {"title": "t", "logsource": self.random.choice(LOGSOURCES), "detection": detection}

    def selection(self) -> Any:
        """A map, a list of maps, keywords, or a mix of the latter."""
        kind = self.random.random()
        if kind < 0.65:
            return self.fields()
        if kind < 0.8:
            return [self.fields() for _ in range(self.random.randint(1, 3))]
        keywords = [
            self.text() if self.chance(0.9) else self.random.choice((1, True, 2.5, 10)) for _ in range(2)
        ]
        if kind < 0.9:
            return keywords
        return {
            self.random.choice(
                ["|all", "|contains|all", "|re", "|startswith", "|cased", "|endswith"]
            ): keywords
        }

    def fields(self) -> dict[str, Any]:
        """One to three tests of fields."""
        return dict(self.field() for _ in range(self.random.choice((1, 1, 2, 3))))

    def field(self) -> tuple[str, Any]:
        """A field with its modifiers, and what it is held against."""
        name = self.random.choice(self.names)
        kind = self.random.random()
        if kind < 0.1:
            name = self.random.choice(KEY_FIELDS)
            kinds = [part for one in KINDS for part in (*one, str(one[2]))]
            return self.random.choice((name, f"{name}|contains", f"{name}|neq")), self.random.choice(kinds)
        turned = "|neq" if self.chance(0.1) else ""
        every = "|all" if self.chance(0.15) else ""
        if kind < 0.55:
            chain = self.random.choice(("", "|contains", "|contains", "|startswith", "|endswith"))
            chain += "|windash" if self.chance(0.2) else ""
            chain += "|cased" if self.chance(0.25) else ""
            return f"{name}{chain}{every}{turned}", self.values(self.scalar if not chain else self.pattern)
        if kind < 0.75:
            flags = "".join(f"|{flag}" for flag in "ims" if self.chance(0.3))
            place = self.random.choice(("", "", "", "|contains", "|startswith", "|endswith"))
            return f"{name}|re{flags}{place}{every}{turned}", self.values(self.expression)
        if kind < 0.82:
            wide = self.random.choice(("", "|wide", "|utf16be", "|utf16"))
            chain = self.random.choice(("|base64|contains", "|base64offset|contains", "|base64offset"))
            return f"{name}{wide}{chain}{turned}", self.text()
        if kind < 0.87:
            chain = self.random.choice(("", "|startswith", "|endswith", "|contains"))
            chain += "|cased" if self.chance(0.3) else ""
            return f"{name}|fieldref{chain}{turned}", self.random.choice(
                (*self.names, "Channel", "EventID", "Nope")
            )
        if kind < 0.91:
            return f"{name}|cidr{turned}", self.values(lambda: self.random.choice(NETWORKS))
        if kind < 0.95:
            return f"{name}|exists", self.chance(0.5)
        part = self.random.choice(("", "|hour", "|year", "|week", "|month"))
        operator = self.random.choice(("|gt", "|gte", "|lt", "|lte")) if not part or self.chance(0.7) else ""
        return f"{name}{part}{operator}", self.random.choice((0, 1, 1.0, 10, 23, 2.5, 53, 2023, 2**64))

    def pattern(self) -> str:
        """A text of which some characters may be wild."""
        text = self.text()
        if self.chance(0.3) and text:
            place = self.random.randrange(len(text))
            text = f"{text[:place]}{self.random.choice('*?')}{text[place + self.random.randint(0, 2) :]}"
        return text

    def values(self, one: Any) -> Any:
        """A value or a list of them."""
        return one() if self.chance(0.5) else [one() for _ in range(self.random.randint(1, 3))]

    def expression(self, depth: int = 3) -> str:
        """A regular expression, mostly a sound one."""
        if self.chance(0.25) and depth == 3:
            return escaped(self.text())
        return "".join(self.term(depth) for _ in range(self.random.randint(1, 4)))

    def term(self, depth: int) -> str:
        """A part of an expression."""
        kind = self.random.random()
        if kind < 0.55 or not depth:
            return escaped(self.text(2))
        if kind < 0.65:
            return self.random.choice(
                (".", r"\w", r"\s", r"\d", r"\b", r"\S", r"\W", r"\B", "[a-k]", "[^a]", "[A-Zé]")
            )
        if kind < 0.72:
            return self.random.choice(("^", "$", r"\A", r"\Z"))
        inner = self.expression(depth - 1)
        if kind < 0.85:
            opening = self.random.choice(("(", "(?:", "(?i:", "(?s:", "(?P<n>", "(?-i:"))
            return f"{opening}{inner})" + self.random.choice(("", "", "?", "{1,2}", "{0,2}", "??", "{2}"))
        if kind < 0.93:
            return f"(?:{inner}|{self.expression(depth - 1)})"
        return self.random.choice(("(?=", "(?!", "(?<!", "(?<=")) + f"{inner})"

    def condition(self, names: list[str], depth: int) -> str:
        """A condition over selections, which may be refused."""
        kind = self.random.random()
        if kind < 0.4 or not depth:
            quantified = ("1 of them", "all of them", "1 of b*", "all of b*", "1 of *")
            return self.random.choice(names) if self.chance(0.8) else self.random.choice(quantified)
        if kind < 0.6:
            return f"not ({self.condition(names, depth - 1)})"
        joined = self.random.choice((" and ", " or ")).join(
            self.condition(names, depth - 1) for _ in range(2)
        )
        return f"({joined})"

    def rules(self) -> list[Rule]:
        """Those of the rules that are not refused."""
        return [rule for document in self.documents for rule in rules_of(document)]


def escaped(text: str) -> str:
    """The regular expression of a text."""
    return "".join(f"\\{one}" if one in "\\*?|.[]{}()^$+#" else one for one in text)


def rules_of(document: dict[str, Any]) -> list[Rule]:
    """The rule that a document says; none when it is refused, which it is with a reason."""
    [parsed] = parse_rules(yaml.safe_dump(document, allow_unicode=True))
    assert parsed.rule is not None or parsed.broken
    return [parsed.rule] if isinstance(parsed.rule, Rule) and not parsed.broken else []
