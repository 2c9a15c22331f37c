"""Every URL x every visitor x what is theirs, another's, or missing. The table is `url_matrix.py`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from rules_app.models import ImportJob, Rule
from rules_app.services import create_model, create_rule, get_or_create_set, publish, sync_shipped_models
from rules_app.services.pins import PinSource
from rules_app.services.rule_tests import add_tests
from scans_app.models import Case, Deletion, Event, Evidence, Hit, Scan, ScanFunnel, Trial
from scans_app.models.hits import event_pk
from scans_app.services.cases import add_member, create_case
from sigmaweb.models import issue_link
from tests.house.url_matrix import MATRIX, May, Page
from tests.scans.conftest import log_bytes

pytestmark = pytest.mark.django_db

MISSING = 987_654
RULE = """\
title: A shell that reads the sign-in key
logsource: {product: windows, category: process_creation}
detection:
  selection: {CommandLine|contains: secret_key}
  condition: selection
level: high
"""
MODEL = "name: A model of the matrix\nsources: []\n"


def patterns(
    resolver: URLResolver, prefix: str = "", before: tuple[str, ...] = ()
) -> Iterator[tuple[str, URLPattern, tuple[str, ...]]]:
    """Every pattern that the site answers at: its full name, itself, and the names of its arguments."""
    for entry in resolver.url_patterns:
        arguments = (*before, *entry.pattern.converters)
        if isinstance(entry, URLResolver):
            yield from patterns(
                entry, f"{prefix}{entry.namespace}:" if entry.namespace else prefix, arguments
            )
        else:
            yield f"{prefix}{entry.name}", entry, arguments


PATTERNS = {name: pattern for name, pattern, _arguments in patterns(get_resolver())}
ARGUMENTS = {name: arguments for name, _pattern, arguments in patterns(get_resolver())}


@dataclass
class World:
    """Two cases with the same things in them, the cast, and the arguments for every URL."""

    visitors: dict[str, User | None]
    own: dict[str, Any]
    others: dict[str, Any]
    shared: dict[str, Any]
    token: str

    def addresses(self, name: str) -> dict[str, str]:
        """kind of target -> path. URLs without an object have the kind "own" alone."""
        if name == "sign_in_link":
            return {"own": reverse(name, args=[self.token])}
        if not _converters(name):
            return {"own": reverse(name)}
        kinds = {"own": self.own, "missing": None}
        if "case_pk" in _converters(name):
            kinds |= {"others": self.others, "missing case": self.own}
            if len(_converters(name)) > 1 and OBJECT_OF.get(name) not in self.shared:
                kinds["crossed"] = self.others
        return {
            kind: reverse(name, kwargs=self._kwargs(name, kind, objects)) for kind, objects in kinds.items()
        }

    def _kwargs(self, name: str, kind: str, objects: dict[str, Any] | None) -> dict[str, int]:
        found = {}
        for key in _converters(name):
            if key == "case_pk":
                cases = {"own": self.own["case"], "missing": self.own["case"], "others": self.others["case"]}
                case = self.own["case"] if kind == "crossed" else cases.get(kind)
                found[key] = (
                    case.pk if case and not (kind == "missing" and len(_converters(name)) == 1) else MISSING
                )
            elif key == "number":
                found[key] = 1
            elif key == "rule":
                found[key] = MISSING if objects is None else self.shared["rule"].pk
            elif key in ("chunk", "position"):
                found[key] = MISSING if objects is None else 0
            else:
                found[key] = MISSING if objects is None else self._object(name, objects).pk
        return found

    def _object(self, name: str, objects: dict[str, Any]) -> Any:
        return (objects | self.shared)[OBJECT_OF.get(name) or name.partition(":")[2].partition("_")[0]]


# which object a `pk` is, where the first word of the URL's name does not say it
OBJECT_OF = {
    "rules:edit": "rule",
    "rules:enabled": "rule",
    "rules:version": "rule",
    "rules:test_add": "rule",
    "rules:import_job": "import",
    "rules:import_again": "import",
    "cases:member_remove": "member",
    "cases:evidence_file": "evidence",
    "cases:events": "evidence",
    "cases:event": "evidence",
    "cases:event_explain": "evidence",
    "cases:event_rules": "evidence",
    "rules:explain_on": "rule",
    "rules:review": "rule",
    "rules:comment": "rule",
    "rules:restore": "rule",
    "cases:diff_choice": "rule",
    "cases:rule_hits": "rule",
    "cases:diff": "scan",
    "cases:diff_accept": "scan",
    "rules:widen": "rule",
    "cases:near": "rule",
    "cases:near_widen": "rule",
    "cases:progress": "scan",
    "cases:cancel": "scan",
    **dict.fromkeys(
        ("cases:debug", "cases:debug_fields", "cases:debug_sources", "cases:debug_csv", "cases:debug_json"),
        "scan",
    ),
    "cases:debug_rule": "scan",
    "cases:why": "hit",
    "cases:comment": "hit",
}


def _converters(name: str) -> list[str]:
    """The names of the arguments of a URL, in order."""
    return list(ARGUMENTS[name])


def make_case(
    owner: User, analyst: User | None, reader: User | None, rule: Rule, model_version: Any
) -> dict[str, Any]:
    """A case with one of everything that has a page."""
    case = create_case(f"Case of {owner}", "", owner)
    for person, role in ((analyst, "analyst"), (reader, "reader")):
        if person is not None:
            add_member(case, person, role)
    evidence = Evidence.objects.create(
        case=case,
        name="log.evtx",
        stored_name=f"{case.pk}.evtx",
        kind="evtx",
        state="catalogued",
        size=69632,
        sha256=f"{case.pk:064}",
        stored_sha256=f"{case.pk:064}",
        stored_mtime_ns=0,
        chunk_count=1,
        chunk_size=65536,
        events=1,
    )
    evidence.path.parent.mkdir(parents=True, exist_ok=True)
    evidence.path.write_bytes(log_bytes(1))
    scan = Scan.objects.create(
        case=case,
        state="finished",
        created_by=owner,
        model_version=model_version,
        rules_run=1,
        hits=1,
        events=1,
    )
    scan.evidence.add(evidence)
    ScanFunnel.objects.create(scan=scan, rule=rule, title=rule.title, stopped_at="hit")
    event = Event.objects.create(
        pk=event_pk(evidence.pk, 0, 0),
        evidence=evidence,
        chunk=0,
        position=0,
        channel="Security",
        computer="ws-1",
        event_code=4688,
        data={"System": {"EventID": {"Value": 4688}, "Channel": "Security"}, "EventData": {}},
    )
    hit = Hit.objects.create(
        scan=scan,
        rule=rule,
        rule_version=rule.current,
        event=event,
        evidence=evidence,
        chunk=0,
        position=0,
        level=4,
        title=rule.title,
        computer="ws-1",
        channel="Security",
        event_code=4688,
    )
    deletion = Deletion.objects.create(
        kind="scan", case=case, case_name=case.name, name="Scan 7", author=owner, state="gone"
    )
    trial = Trial.objects.create(case=case, user=owner, text=RULE, state="finished")
    return {
        "case": case,
        "trial": trial,
        "deletion": deletion,
        "evidence": evidence,
        "scan": scan,
        "hit": hit,
        "member": case.members.first(),
    }


@pytest.fixture
def world(make_user: Callable[..., User], owner: User, teammate: User, stranger: User, admin: User) -> World:
    reader, other = make_user("rita"), make_user("otto")
    sync_shipped_models()
    rule = create_rule(get_or_create_set("matrix", owner), RULE, owner)
    publish(rule.draft, admin)
    rule.refresh_from_db()
    model = create_model("A model of the matrix", MODEL, owner)
    job = ImportJob.objects.create(rule_set=rule.rule_set, created_by=owner)
    (test,) = add_tests(owner, rule, [PinSource({"System": {}}, "", {"pasted": True})], must_hit=False)
    return World(
        visitors={
            "nobody": None,
            "stranger": stranger,
            "reader": reader,
            "analyst": teammate,
            "owner": owner,
            "admin": admin,
        },
        own=make_case(owner, teammate, reader, rule, model.current),
        others=make_case(other, None, None, rule, model.current),
        shared={"rule": rule, "set": rule.rule_set, "model": model, "import": job, "test": test},
        token=issue_link(owner, "/"),
    )


ROLE_OF = {"reader": May.READ, "analyst": May.EDIT, "owner": May.OWN, "admin": May.OWN}
RANK = [May.READ, May.EDIT, May.OWN]


def expected(may: May | None, visitor: str, kind: str) -> str:
    """ "answered", or the status that the table asks for."""
    if may is May.ANYONE:
        return "answered"
    if visitor == "nobody":
        return "302 to sign in" if may else "405 or 302 to sign in"
    if may is None:
        return "405"
    if may is May.SIGNED_IN:
        return "404" if kind == "missing" else "answered"
    if may is May.ADMIN:
        return "answered" if visitor == "admin" else "403"
    if may is May.MINE:  # made by the owner
        seen = {"owner": ("own",), "admin": ("own", "others")}
        return "answered" if kind in seen.get(visitor, ()) else "404"
    if visitor == "stranger" or kind == "missing case" or (kind == "others" and visitor != "admin"):
        return "404"
    allowed = RANK.index(ROLE_OF[visitor]) >= RANK.index(may)
    if kind in ("missing", "crossed"):
        return "404" if allowed else "403 or 404"
    return "answered" if allowed else "403"


def got(response: Any) -> str:
    """The answer in the words of `expected`."""
    if response.status_code == 302 and response["Location"].startswith("/sign-in/"):
        return "302 to sign in"
    if response.status_code in (200, 204, 286, 302, 303, 307, 400, 409, 410, 422, 503):
        return "answered"
    return str(response.status_code)


@contextmanager
def undone(*, writes: bool) -> Iterator[None]:
    """Whatever happens in the block is undone; without `writes` the database refuses to write at all."""
    with transaction.atomic():
        if not writes:
            _forbid_writes(forbid=True)
        try:
            with transaction.atomic():
                yield
                transaction.set_rollback(True)
        finally:
            if not writes:
                _forbid_writes(forbid=False)
        transaction.set_rollback(True)


def _forbid_writes(*, forbid: bool) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"PRAGMA query_only={'ON' if forbid else 'OFF'}")
        elif forbid:  # PostgreSQL: until the outer savepoint is rolled back
            cursor.execute("SET LOCAL transaction_read_only = on")


def test_every_url_has_a_row_and_every_row_a_url() -> None:
    assert sorted(PATTERNS) == sorted(MATRIX)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", sorted(MATRIX))
def test_each_visitor_gets_what_the_matrix_says(
    world: World, client_of: Callable[..., Client], name: str, method: str
) -> None:
    page: Page = MATRIX[name]
    may = page.get if method == "get" else page.post
    differences = []
    for visitor, user in world.visitors.items():
        client = client_of(user)
        for kind, address in world.addresses(name).items():
            with undone(writes=method == "post"):
                found = got(getattr(client, method)(address))
            wanted = expected(may, visitor, kind)
            if found not in wanted and not (name == "sign_out" and found == "302 to sign in"):
                differences.append(f"{method} {kind} {address} by {visitor}: {found}, not {wanted}")
    assert differences == []


def test_a_url_that_nobody_knows_is_the_same_404_as_a_foreign_case(
    world: World, stranger_client: Client
) -> None:
    foreign = stranger_client.get(world.own["case"].get_absolute_url())
    missing = stranger_client.get(f"/cases/{MISSING}/")
    assert foreign.status_code == missing.status_code == 404
    assert without_token(foreign) == without_token(missing)


def without_token(response: Any) -> str:
    return re.sub(r"(csrfmiddlewaretoken. value=.|X-CSRFToken.: .)\w+", r"\1", response.content.decode())


def test_writes_are_really_forbidden_while_a_get_runs() -> None:
    with pytest.raises(Exception, match=r"(?i)read.?only"), undone(writes=False):
        Case.objects.create(name="written by a GET")
