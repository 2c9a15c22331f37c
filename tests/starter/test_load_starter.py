"""`manage.py load_starter`: one call gives a workspace with hits, a second one changes nothing."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from rules_app.models import Rule, RuleVersion
from scans_app.models import Case, Evidence, Hit, Scan

pytestmark = pytest.mark.django_db(transaction=True)


def _load(**options: object) -> str:
    out = StringIO()
    call_command("load_starter", stdout=out, **options)
    return out.getvalue()


def test_a_new_workspace_gets_rules_a_case_and_a_finished_scan_with_hits() -> None:
    admin = User.objects.create_superuser("admin")
    said = _load()
    scan = Scan.objects.get()
    assert Rule.objects.filter(rule_set__name="Starter", broken=False, served=True).count() >= 36
    assert scan.is_over and scan.case.members.get().user == admin
    assert scan.rules_left_out == []
    assert Hit.objects.filter(scan=scan).count() == scan.hits > 100
    assert f"{scan.hits:,} hits" in said


def test_the_damaged_log_says_what_was_salvaged_and_lost() -> None:
    User.objects.create_superuser("admin")
    _load()
    damaged = Evidence.objects.get(name__contains="damaged")
    assert damaged.salvaged > 0 and damaged.lost > 0 and damaged.problems
    assert Evidence.objects.exclude(pk=damaged.pk).filter(salvaged=0, lost=0, problems=[]).count() == 6


def test_loading_again_changes_nothing() -> None:
    User.objects.create_superuser("admin")
    _load()
    kinds = (Rule, RuleVersion, Case, Evidence, Scan, Hit)
    before = [kind.objects.count() for kind in kinds]
    _load()
    assert [kind.objects.count() for kind in kinds] == before


def test_a_load_that_was_cut_short_is_finished_by_the_next() -> None:
    User.objects.create_superuser("admin")
    _load()
    Scan.objects.all().delete()
    Evidence.objects.filter(name="DC01-Security.evtx").delete()
    _load()
    assert Evidence.objects.filter(name="DC01-Security.evtx", state=Evidence.State.CATALOGUED).exists()
    assert Scan.objects.get().hits > 100


def test_without_an_administrator_it_says_how_to_make_one() -> None:
    with pytest.raises(CommandError, match="sign_in_link NAME --new --admin"):
        _load()
