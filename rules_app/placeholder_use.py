"""Reading sets: what their rules are worth, and which placeholders they ask for."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Count, Q

from rules_app.models import Rule, RuleSet
from rules_app.text_views import DiffLine
from sigma_engine import Placeholders

EXAMPLES = 3


@dataclass
class PlaceholderUse:
    """One name: how many values it has (0: none are defined), and the rules that ask for it.

    `examples` are (rule pk, title) of the first few of them.
    """

    name: str
    values: int
    rules: int = 0
    examples: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True)
class SetRow:
    """A set with its numbers: rules, broken ones, and names that are defined and that are asked for in vain."""

    rule_set: RuleSet
    rules: int
    broken: int
    defined: int
    missing: int


def uses_of(rule_set: RuleSet) -> list[PlaceholderUse]:
    """Every name that is defined or asked for; first those without values, and of them those of most rules."""
    uses = {name: PlaceholderUse(name, len(values)) for name, values in rule_set.placeholders.items()}
    asking = rule_set.rules.exclude(placeholders=[]).order_by("title", "pk")
    for pk, title, names in asking.values_list("pk", "title", "placeholders"):
        for name in names:
            use = uses.setdefault(name, PlaceholderUse(name, 0))
            use.rules += 1
            if len(use.examples) < EXAMPLES:
                use.examples.append((pk, title))
    return sorted(uses.values(), key=lambda use: (use.values > 0, -use.rules, use.name))


def difference(theirs: Placeholders, mine: Placeholders) -> list[DiffLine]:
    """The values that stand in one of two lists of a name and not in the other, numbered by their place there."""
    lines = []
    for name in sorted({*theirs, *mine}):
        old, new = theirs.get(name, ()), mine.get(name, ())
        for kind, here, there in (("del", old, set(new)), ("add", new, set(old))):
            numbered = enumerate(here, 1)
            lines += [DiffLine(kind, at, f"{name}: {one}") for at, one in numbered if one not in there]
    return lines


def set_rows(user: AbstractBaseUser | AnonymousUser) -> list[SetRow]:
    """The sets that this person may see, by name."""
    sets = RuleSet.objects.visible_to(user).annotate(
        rule_count=Count("rules"), broken_count=Count("rules", filter=Q(rules__broken=True))
    )
    sets = sets.order_by("name")  # a grouped query has no order of its own
    asked: dict[int, set[str]] = {}
    asking = Rule.objects.visible_to(user).exclude(placeholders=[])
    for pk, names in asking.values_list("rule_set", "placeholders"):
        asked.setdefault(pk, set()).update(names)
    return [
        SetRow(
            one,
            one.rule_count,
            one.broken_count,
            len(one.placeholders),
            len(asked.get(one.pk, set()) - set(one.placeholders)),
        )
        for one in sets
    ]
