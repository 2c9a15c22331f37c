"""A hit beside the list: its event, why, rule and notes; verdicts and comments, alone and in bulk."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.scans_pages.conftest import HOSTILE

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.http import HttpResponse
    from django.test import Client

    from scans_app.models import Case, Hit, Scan

pytestmark = pytest.mark.django_db
MakeHit = Callable[..., "Hit"]
TABS = ("event", "why", "rule", "notes")


def slide_of(page: str) -> str:
    """The part of a page that is the slide-over."""
    return page[
        page.index('<aside class="slide"') : page.index("</aside>", page.index('<aside class="slide"'))
    ]


@pytest.mark.parametrize("tab", TABS)
def test_a_tab_is_the_same_beside_the_list_and_alone_for_htmx(
    case: Case, make_hit: MakeHit, owner_client: Client, hx: Callable[..., HttpResponse], tab: str
) -> None:
    hit = make_hit()
    query = f"?level=high&hit={hit.pk}&tab={tab}"
    whole = owner_client.get(f"/cases/{case.pk}/hits/{query}").content.decode()
    answer = hx(owner_client, "get", f"/cases/{case.pk}/hits/{hit.pk}/{query}", target="event")
    assert answer.headers["HX-Push-Url"] == f"/cases/{case.pk}/hits/{query}"
    alone = answer.content.decode()
    assert "<html" not in alone
    assert slide_of(whole).split("csrfmiddlewaretoken")[0] == slide_of(alone).split("csrfmiddlewaretoken")[0]
    assert f'id="tab-{tab}" ' in alone


def test_a_hits_own_address_leads_to_the_list_with_it_open(
    case: Case, make_hit: MakeHit, owner_client: Client
) -> None:
    hit = make_hit()
    response = owner_client.get(f"/cases/{case.pk}/hits/{hit.pk}/", follow=True)
    assert response.redirect_chain[0][0] == f"/cases/{case.pk}/hits/?scan={hit.scan_id}&hit={hit.pk}"
    assert f'data-hit="{hit.pk}"' in slide_of(response.content.decode())


def test_closing_keeps_filters_and_page(case: Case, make_hit: MakeHit, owner_client: Client) -> None:
    hit = make_hit()
    page = owner_client.get(
        f"/cases/{case.pk}/hits/?level=high&sort=-time&hit={hit.pk}&tab=why"
    ).content.decode()
    assert 'href="?level=high&amp;sort=-time" data-close' in page


def test_the_event_shows_all_fields_with_types_and_four_kinds_of_nothing(
    case: Case, make_hit: MakeHit, owner_client: Client
) -> None:
    fields = {
        "Hex": "0x17",
        "Number": 23,
        "Null": None,
        "Empty": "",
        "Dash": "-",
        "Truth": True,
        "Data": ["a", "b"],
    }
    hit = make_hit(data={"EventData": fields, "System": {"EventID": {"Value": 4688}}})
    slide = slide_of(owner_client.get(f"/cases/{case.pk}/hits/?hit={hit.pk}").content.decode())
    shown = re.findall(r"<dt>([^<]*)</dt><dd>.*?>([^<]*)</a><span class=\"type\">([^<]*)</span>", slide)
    expected = [
        ("Hex", "0x17", "hex, 23"),
        ("Number", "23", "number"),
        ("Null", "null", "null"),
        ("Empty", "empty", "text, empty"),
        ("Dash", "-", "a dash as written"),
        ("Truth", "true", "true or false"),
        ("Data[0]", "a", "text"),
        ("Data[1]", "b", "text"),
        ("EventID.Value", "4688", "number"),
    ]
    assert sorted(shown) == sorted(expected)  # PostgreSQL keeps the keys of JSON in an order of its own
    assert "event.EventData.Null=%28null%29" in slide
    assert "event_id=4688" in slide


def test_a_value_too_long_for_an_address_is_shown_whole_without_a_link(
    case: Case, make_hit: MakeHit, owner_client: Client
) -> None:
    script = "x" * 5_000
    hit = make_hit(data={"EventData": {"ScriptBlockText": script}})
    slide = slide_of(owner_client.get(f"/cases/{case.pk}/hits/?hit={hit.pk}").content.decode())
    assert slide.count(script) == 1


def test_why_shows_the_log_source_and_the_tree_of_the_rule_that_hit(
    case: Case, make_hit: MakeHit, owner_client: Client
) -> None:
    hit = make_hit()
    slide = slide_of(owner_client.get(f"/cases/{case.pk}/hits/?hit={hit.pk}&tab=why").content.decode())
    assert "process_creation/windows/*" in slide
    assert "matches this event" in slide
    assert "Image|endswith" in slide


def test_why_explains_any_other_rule_that_is_searched_for(
    case: Case, make_hit: MakeHit, owner_client: Client, rule_set: Any
) -> None:
    hit = make_hit()
    other = rule_set.rules.exclude(pk=hit.rule_id).get()
    response = owner_client.get(f"/cases/{case.pk}/hits/?hit={hit.pk}&tab=why&find={other.title.split()[0]}")
    address = next(address for rule, address in response.context["slide"].rules_found if rule == other)
    slide = slide_of(owner_client.get(f"/cases/{case.pk}/hits/{address}").content.decode())
    assert f"<b>{other.title}</b>" in slide
    assert "does not match this event" in slide
    assert "another value" in slide
    assert "Back to the rule that hit" in slide


def test_the_address_of_an_explanation_leads_to_it(
    case: Case, make_hit: MakeHit, owner_client: Client, rule_set: Any
) -> None:
    hit = make_hit()
    other = rule_set.rules.exclude(pk=hit.rule_id).get()
    response = owner_client.get(f"/cases/{case.pk}/hits/{hit.pk}/why/?rule={other.pk}", follow=True)
    assert f"<b>{other.title}</b>" in slide_of(response.content.decode())


def test_the_rule_tab_shows_the_version_that_hit(
    case: Case, make_hit: MakeHit, owner_client: Client, publish_text: Callable[..., object]
) -> None:
    hit = make_hit()
    publish_text(hit.rule, hit.rule_version.text.replace("tool.exe", "changed.exe"))
    slide = slide_of(owner_client.get(f"/cases/{case.pk}/hits/?hit={hit.pk}&tab=rule").content.decode())
    assert "not the current one" in slide
    assert "changed.exe" not in slide


def test_a_verdict_without_script_leads_back_to_the_list(
    case: Case, make_hit: MakeHit, owner_client: Client, owner: User
) -> None:
    hit = make_hit()
    form = {"hit": hit.pk, "verdict": "benign", "query": f"scan={hit.scan_id}&level=high&hit={hit.pk}"}
    response = owner_client.post(f"/cases/{case.pk}/hits/judge/", form)
    assert response.headers["Location"] == f"/cases/{case.pk}/hits/?{form['query']}"
    hit.refresh_from_db()
    assert hit.verdict == "benign"
    assert hit.judgements.get().author == owner


def test_a_verdict_by_htmx_answers_with_each_new_verdict_for_its_place(
    case: Case, make_hit: MakeHit, analyst_client: Client, hx: Callable[..., HttpResponse]
) -> None:
    hits = [make_hit(), make_hit(), make_hit()]
    form = {"hit": [hits[0].pk, hits[1].pk], "verdict": "true_positive", "open": hits[0].pk}
    answer = hx(analyst_client, "post", f"/cases/{case.pk}/hits/judge/", form)
    page = answer.content.decode()
    assert answer.headers["HX-Trigger"] == "judged"
    assert f'id="verdict-{hits[0].pk}" data-verdict="true_positive" hx-swap-oob="true"' in page
    assert f'id="verdict-{hits[1].pk}"' in page
    assert f'id="verdict-{hits[2].pk}"' not in page
    assert page.count('class="judge"') == 1
    assert "2 hits are true positive" in page


def test_all_hits_of_the_filter_are_judged_and_no_other(
    case: Case, make_hit: MakeHit, owner_client: Client, scan: Scan
) -> None:
    from scans_app.models import Hit

    for level in (4, 4, 2):
        make_hit(level=level)
    form = {"scope": "filter", "verdict": "false_positive", "query": f"scan={scan.pk}&level=high"}
    owner_client.post(f"/cases/{case.pk}/hits/judge/", form)
    assert list(Hit.objects.order_by("pk").values_list("verdict", flat=True)) == ["false_positive"] * 2 + [""]


def test_the_whole_filter_without_a_scan_judges_nothing(
    case: Case, make_hit: MakeHit, owner_client: Client
) -> None:
    hit = make_hit()
    owner_client.post(f"/cases/{case.pk}/hits/judge/", {"scope": "filter", "verdict": "benign", "query": ""})
    hit.refresh_from_db()
    assert hit.verdict == ""


def test_a_verdict_is_taken_back(case: Case, make_hit: MakeHit, owner_client: Client) -> None:
    hit = make_hit(verdict="benign")
    owner_client.post(f"/cases/{case.pk}/hits/judge/", {"hit": hit.pk, "verdict": ""})
    hit.refresh_from_db()
    assert hit.verdict == ""


def test_an_unknown_verdict_is_refused(case: Case, make_hit: MakeHit, owner_client: Client) -> None:
    hit = make_hit()
    response = owner_client.post(f"/cases/{case.pk}/hits/judge/", {"hit": hit.pk, "verdict": "nice"})
    assert response.status_code == 400


def test_a_reader_cannot_judge_or_comment_and_is_told_why(
    case: Case, make_hit: MakeHit, reader_client: Client
) -> None:
    hit = make_hit()
    judged = reader_client.post(f"/cases/{case.pk}/hits/judge/", {"hit": hit.pk, "verdict": "benign"})
    commented = reader_client.post(f"/cases/{case.pk}/hits/{hit.pk}/comment/", {"text": "x"})
    assert (judged.status_code, commented.status_code) == (403, 403)
    hit.refresh_from_db()
    assert hit.verdict == ""
    assert not hit.comments.exists()
    page = reader_client.get(f"/cases/{case.pk}/hits/?hit={hit.pk}").content.decode()
    assert 'class="judge"' not in page
    assert 'class="bulk"' not in page
    assert "You are a reader of this case" in page


def test_hits_of_another_case_are_never_judged(
    case: Case, make_hit: MakeHit, stranger_client: Client, stranger: User
) -> None:
    from scans_app.services.cases import create_case

    hit = make_hit()
    own = create_case("Own", "", stranger)
    stranger_client.post(f"/cases/{own.pk}/hits/judge/", {"hit": hit.pk, "verdict": "benign"})
    form = {"scope": "filter", "verdict": "benign", "query": f"scan={hit.scan_id}"}
    stranger_client.post(f"/cases/{own.pk}/hits/judge/", form)
    hit.refresh_from_db()
    assert hit.verdict == ""


def test_judging_needs_the_token(case: Case, make_hit: MakeHit, owner_client: Client) -> None:
    hit = make_hit()
    owner_client.handler.enforce_csrf_checks = True
    response = owner_client.post(f"/cases/{case.pk}/hits/judge/", {"hit": hit.pk, "verdict": "benign"})
    assert response.status_code == 403


def test_a_comment_stands_with_its_author_and_verdicts_have_a_history(
    case: Case,
    make_hit: MakeHit,
    owner_client: Client,
    analyst_client: Client,
    hx: Callable[..., HttpResponse],
) -> None:
    hit = make_hit()
    for client, verdict in [(owner_client, "unsure"), (analyst_client, "benign")]:
        client.post(f"/cases/{case.pk}/hits/judge/", {"hit": hit.pk, "verdict": verdict})
    path = f"/cases/{case.pk}/hits/{hit.pk}/comment/"
    page = hx(analyst_client, "post", path, {"text": "The backup job."}, target="notes").content.decode()
    assert "<b>anna</b>" in page
    assert "The backup job." in page
    assert re.findall(r"</span> <span class=\"muted\">by (\w+)", page) == ["olivia", "anna"]


def test_an_empty_comment_is_said_at_its_field(
    case: Case, make_hit: MakeHit, owner_client: Client, hx: Callable[..., HttpResponse]
) -> None:
    hit = make_hit()
    response = hx(
        owner_client, "post", f"/cases/{case.pk}/hits/{hit.pk}/comment/", {"text": " "}, target="notes"
    )
    assert response.status_code == 422
    assert "The comment is empty" in response.content.decode()


@pytest.mark.parametrize("tab", TABS)
def test_hostile_text_of_evidence_rules_and_people_is_escaped_everywhere(
    case: Case, make_hit: MakeHit, owner_client: Client, hx: Callable[..., HttpResponse], tab: str
) -> None:
    system = {"Channel": HOSTILE, "EventID": {"Value": HOSTILE}}
    data = {HOSTILE: {HOSTILE: [HOSTILE, {"x": HOSTILE}]}, "System": system}
    facts = {"computer": HOSTILE, "channel": HOSTILE, "user": HOSTILE, "title": HOSTILE}
    hit = make_hit(data=data, details=f"{HOSTILE}: {HOSTILE} ¦ {HOSTILE}", **facts)
    owner_client.post(f"/cases/{case.pk}/hits/{hit.pk}/comment/", {"text": HOSTILE})
    queries = [
        {"hit": hit.pk, "tab": tab, "find": HOSTILE},
        {"q": HOSTILE, "computer": HOSTILE, "not.channel": "x", "stack": "computer"},
        {"stack": f"event.`{HOSTILE}`", f"event.{HOSTILE}": HOSTILE, "sort": HOSTILE, HOSTILE: HOSTILE},
        {"stack": HOSTILE, "level": HOSTILE, "from": HOSTILE, "order": HOSTILE, "seen": HOSTILE},
    ]
    for query in queries:
        for page in (
            owner_client.get(f"/cases/{case.pk}/hits/", query),
            hx(owner_client, "get", f"/cases/{case.pk}/hits/", query, target="stacks"),
            hx(owner_client, "get", f"/cases/{case.pk}/hits/{hit.pk}/", query, target="event"),
        ):
            assert page.status_code == 200
            text = page.content.decode()
            assert "<img src=x" not in text
            assert "<script>alert" not in text
            assert '"><img' not in text
