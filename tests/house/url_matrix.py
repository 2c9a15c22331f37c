"""Who may do what at which address: one row for each URL pattern. A pattern without a row fails the build.

`tests/house/test_urls.py` asks every address as every visitor, for what is theirs, what is another case's,
what is another case's under the address of theirs, and what does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class May(StrEnum):
    """Who is answered. A stranger gets 404 where a case is asked for, nobody gets the way to sign in."""

    ANYONE = "anyone"
    SIGNED_IN = "signed in"
    MINE = "who made it"
    READ = "member of the case"
    EDIT = "owner or analyst of the case"
    OWN = "owner of the case"
    ADMIN = "administrator"


@dataclass(frozen=True, slots=True)
class Page:
    """Who may GET and who may POST; None: the method is refused with 405."""

    get: May | None
    post: May | None = None


ANYONE, SIGNED_IN, MINE, READ, EDIT, OWN = May.ANYONE, May.SIGNED_IN, May.MINE, May.READ, May.EDIT, May.OWN
ADMIN = May.ADMIN

MATRIX: dict[str, Page] = {
    # the house
    "home": Page(SIGNED_IN),
    "sign_in": Page(ANYONE, ANYONE),
    "sign_in_link": Page(ANYONE, ANYONE),
    "sign_out": Page(None, ANYONE),
    "theme": Page(None, ANYONE),
    "healthz": Page(ANYONE),
    # rules and models: everybody who is signed in reads and writes them, each save is a version with its author
    "rules:list": Page(SIGNED_IN),
    "rules:new": Page(SIGNED_IN, SIGNED_IN),
    "rules:check": Page(None, SIGNED_IN),
    "rules:explain_on": Page(SIGNED_IN),
    "rules:words": Page(SIGNED_IN),
    "rules:fields": Page(SIGNED_IN),
    # pins are their owner's, tests belong to the rule
    "rules:dots": Page(None, SIGNED_IN),
    "rules:pin_add": Page(None, SIGNED_IN),
    "rules:pin_remove": Page(None, SIGNED_IN),
    "rules:pin_adopt": Page(None, SIGNED_IN),
    "rules:pin_expect": Page(None, SIGNED_IN),
    "rules:test_change": Page(None, SIGNED_IN),
    "rules:test_add": Page(None, SIGNED_IN),
    "rules:import": Page(SIGNED_IN, SIGNED_IN),
    "rules:import_job": Page(MINE),
    "rules:import_again": Page(None, MINE),
    "rules:rule": Page(SIGNED_IN),
    "rules:edit": Page(SIGNED_IN, SIGNED_IN),
    "rules:review": Page(SIGNED_IN, SIGNED_IN),
    "rules:comment": Page(None, SIGNED_IN),
    "rules:restore": Page(None, SIGNED_IN),
    "rules:widen": Page(None, SIGNED_IN),
    "rules:enabled": Page(None, SIGNED_IN),
    "rules:version": Page(SIGNED_IN),
    "rules:sets": Page(SIGNED_IN),
    "rules:set_check": Page(None, SIGNED_IN),
    "rules:set": Page(SIGNED_IN, SIGNED_IN),
    "rules:models": Page(SIGNED_IN),
    "rules:model_new": Page(SIGNED_IN, SIGNED_IN),
    "rules:model_check": Page(None, SIGNED_IN),
    "rules:model": Page(SIGNED_IN),
    "rules:model_edit": Page(SIGNED_IN, SIGNED_IN),
    "rules:model_copy": Page(None, SIGNED_IN),
    "rules:model_default": Page(None, SIGNED_IN),
    "rules:model_version": Page(SIGNED_IN),
    # cases: members only
    "cases:list": Page(SIGNED_IN),
    "cases:new": Page(SIGNED_IN, SIGNED_IN),
    "cases:choice": Page(SIGNED_IN),
    "cases:explain_text": Page(None, SIGNED_IN),
    "cases:case": Page(READ),
    "cases:history": Page(READ),
    "cases:delete": Page(OWN, OWN),
    "cases:scan_delete": Page(OWN, OWN),
    "cases:evidence_delete": Page(OWN, OWN),
    "cases:deletions": Page(ADMIN),
    "cases:deletion": Page(MINE),
    "cases:fields": Page(READ),
    "cases:members": Page(None, OWN),
    "cases:member_remove": Page(None, OWN),
    "cases:near": Page(READ, EDIT),
    "cases:near_widen": Page(None, READ),
    "cases:evidence": Page(READ),
    "cases:pin": Page(None, READ),
    "cases:trials": Page(SIGNED_IN),
    "cases:trial_start": Page(None, SIGNED_IN),
    "cases:trial": Page(None, MINE),
    "cases:trial_cancel": Page(None, MINE),
    "cases:upload": Page(None, EDIT),
    "cases:evidence_file": Page(READ),
    "cases:draft": Page(READ, READ),
    "cases:draft_counts": Page(None, READ),
    "cases:draft_open": Page(None, READ),
    "cases:case_events": Page(READ),
    "cases:events": Page(READ),
    "cases:event": Page(READ),
    "cases:event_explain": Page(READ),
    "cases:event_rules": Page(READ),
    "cases:scans": Page(READ),
    "cases:scan_new": Page(EDIT, EDIT),
    "cases:preflight": Page(EDIT),
    "cases:scan": Page(READ),
    "cases:debug": Page(READ),
    "cases:debug_fields": Page(READ),
    "cases:debug_sources": Page(READ),
    "cases:debug_csv": Page(READ),
    "cases:debug_json": Page(READ),
    "cases:debug_rule": Page(READ),
    "cases:progress": Page(READ),
    "cases:cancel": Page(None, EDIT),
    "cases:diff_choice": Page(SIGNED_IN),
    "cases:rule_hits": Page(SIGNED_IN),
    "cases:diff": Page(READ, EDIT),
    "cases:diff_accept": Page(None, EDIT),
    "cases:hits": Page(READ),
    "cases:hits_csv": Page(READ),
    "cases:hits_jsonl": Page(READ),
    "cases:judge": Page(None, EDIT),
    "cases:undo": Page(None, EDIT),
    "cases:star": Page(None, EDIT),
    "cases:assign": Page(None, EDIT),
    "cases:hit": Page(READ),
    "cases:why": Page(READ),
    "cases:hit_explain": Page(READ),
    "cases:hit_rules": Page(READ),
    "cases:comment": Page(None, EDIT),
}
