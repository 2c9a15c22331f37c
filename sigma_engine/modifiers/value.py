"""Modifiers of what a value is compared with: numbers, networks, times, other fields; and of whole lists."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Any

from sigma_engine.modifiers.base import Modifier, ModifierError
from sigma_engine.patterns import (
    CidrTest,
    CompareTest,
    ExistsTest,
    FieldRefTest,
    NumberTest,
    TextPattern,
    TimePartTest,
    ValueTest,
    Wild,
)


class Exists(Modifier):
    """The field is there (`true`) or not (`false`), whatever its value."""

    names = ("exists",)
    must_be_first = True

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        if not isinstance(raw, bool):
            raise ModifierError(
                "modifier_value", "`exists` takes true or false.", "Write `true` or `false` unquoted."
            )
        return ExistsTest(raw)


class Cidr(Modifier):
    """An address in a network, IPv4 or IPv6; a single address is a network of one."""

    names = ("cidr",)
    must_be_first = True

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        if not isinstance(raw, str):
            raise ModifierError(
                "modifier_type", "`cidr` needs text such as `10.0.0.0/8`.", "Quote the value."
            )
        try:
            return CidrTest(ipaddress.ip_network(raw, strict=False))
        except ValueError as error:
            raise ModifierError(
                "cidr_invalid", f"`{raw}` is not a network: {error}.", "Write `10.0.0.0/8`."
            ) from error


class _Compare(Modifier):
    """Compares with a number; of several values any will do."""

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        name = self.names[0]
        if isinstance(test, TimePartTest) and isinstance(test.test, NumberTest):
            return replace(test, test=CompareTest(name, test.test.number))
        if not isinstance(test, NumberTest):
            raise ModifierError(
                "modifier_type", f"`{name}` needs a number.", "Write the number without quotes."
            )
        return CompareTest(name, test.number)


class Gt(_Compare):
    """Greater than."""

    names = ("gt",)


class Gte(_Compare):
    """Greater than or equal."""

    names = ("gte",)


class Lt(_Compare):
    """Less than."""

    names = ("lt",)


class Lte(_Compare):
    """Less than or equal."""

    names = ("lte",)


class FieldRef(Modifier):
    """Equal to another field of the event; with `startswith`, `endswith` or `contains`, to a part of this one."""

    names = ("fieldref",)

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        if not isinstance(raw, str) or not raw:
            raise ModifierError("modifier_type", f"`{self.names[0]}` needs the name of a field.")
        if "*" in raw or "?" in raw:
            message = f"`{self.names[0]}` needs one field, without wildcards."
            raise ModifierError("modifier_wildcard", message, "Write its whole name.")
        place = "equals"
        if isinstance(test, TextPattern):
            wilds = (test.parts[:1] == (Wild.ANY,), test.parts[-1:] == (Wild.ANY,))
            place = {(True, True): "contains", (True, False): "endswith", (False, True): "startswith"}.get(
                wilds, "equals"
            )
        return FieldRefTest(raw, place, isinstance(test, TextPattern) and test.cased)


class EqualsField(FieldRef):
    """The older name of `fieldref` in Hayabusa's rules."""

    names = ("equalsfield",)


class EndsWithField(FieldRef):
    """The older name of `fieldref|endswith` in Hayabusa's rules."""

    names = ("endswithfield",)

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        referred = super().modify(test, raw)
        return replace(referred, place="endswith") if isinstance(referred, FieldRefTest) else referred


class _TimePart(Modifier):
    """One part of a time in UTC."""

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        if not isinstance(test, NumberTest):
            raise ModifierError(
                "modifier_type", f"`{self.names[0]}` needs a number.", "Write it without quotes."
            )
        return TimePartTest(self.names[0], test)


class Minute(_TimePart):
    """Minute of the hour, 0 to 59."""

    names = ("minute",)


class Hour(_TimePart):
    """Hour of the day, 0 to 23."""

    names = ("hour",)


class Day(_TimePart):
    """Day of the month."""

    names = ("day",)


class Week(_TimePart):
    """Week of the year, 1 to 53, by ISO 8601."""

    names = ("week",)


class Month(_TimePart):
    """Month, 1 to 12."""

    names = ("month",)


class Year(_TimePart):
    """Year, four digits."""

    names = ("year",)


class All(Modifier):
    """Every value must be found, not just one."""

    names = ("all",)

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        return test


class Neq(Modifier):
    """The whole test is turned round: true for a missing field as well."""

    names = ("neq",)

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        return test
