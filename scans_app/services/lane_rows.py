"""A correlation's window as plain data for a row: who was in it, when it was fulfilled, who fell out and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scans_app.services.event_rows import FrozenRule, clean_text
from sigma_engine import CorrelationHit, FellOut, Member, NearestWindow, Plan, why_silent

VALUE_KEPT = 200  # characters of a group's value


def member_row(member: Member, rules: Sequence[FrozenRule]) -> dict[str, Any]:
    """`{evidence, chunk, position, record_id, time, computer, rule}`: where an event is, and which rule matched it."""
    return {
        "evidence": int(member.evidence),
        "chunk": member.chunk,
        "position": member.position,
        "record_id": member.record_id,
        "time": member.time,
        "computer": clean_text(member.computer),
        "rule": rules[member.rule_index].title,
    }


def lane_row(plan: Plan, hit: CorrelationHit, rules: Sequence[FrozenRule]) -> dict[str, Any]:
    """`{type, span, asked, rules, group, value, reached, fell_out}` of a hit; times and the span in microseconds."""
    return _question(plan, rules) | {
        "group": _group(hit.group),
        "value": hit.value,
        "reached": hit.lane.reached,
        "fell_out": [_fell_out(one, rules) for one in hit.lane.fell_out],
    }


def nearest_row(plan: Plan, nearest: NearestWindow, rules: Sequence[FrozenRule]) -> dict[str, Any]:
    """The same of a silent correlation's nearest window, with `cause`, a sentence, and `members`; `reached` is None."""
    return _question(plan, rules) | {
        "cause": why_silent(plan, nearest, [rule.title for rule in rules]),
        "group": _group(nearest.group),
        "value": nearest.value,
        "reached": None,
        "members": [member_row(member, rules) for member in nearest.members],
        "fell_out": [_fell_out(one, rules) for one in nearest.fell_out],
    }


def _question(plan: Plan, rules: Sequence[FrozenRule]) -> dict[str, Any]:
    return {
        "type": plan.window.type,
        "span": plan.window.span,
        "asked": [[bound.operator, bound.number] for bound in plan.window.bounds],
        "rules": [rules[reference.index].title for reference in plan.references],
    }


def _group(group: dict[str, str | None]) -> dict[str, str | None]:
    return {
        clean_text(name): None if text is None else clean_text(text, VALUE_KEPT)
        for name, text in group.items()
    }


def _fell_out(out: FellOut, rules: Sequence[FrozenRule]) -> dict[str, Any]:
    return member_row(out.member, rules) | {
        "reason": out.reason,
        "late": out.late,
        "group": _group(out.group),
    }
