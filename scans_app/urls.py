"""The pages of cases, their evidence, scans and hits."""

from django.urls import include, path

from scans_app.views import (
    case_fields,
    cases,
    debug,
    drafting,
    evidence,
    explain,
    hit,
    hit_diff,
    hits,
    near_misses,
    pins,
    raw_events,
    scan_new,
    scans,
    trying,
)

app_name = "cases"

in_case = [
    path("", cases.case, name="case"),
    path("members/", cases.members, name="members"),
    path("members/<int:pk>/remove/", cases.member_remove, name="member_remove"),
    path("fields/", case_fields.fields, name="fields"),
    path("pin/", pins.pin, name="pin"),
    path("trials/<int:pk>/", trying.step, name="trial"),
    path("trials/<int:pk>/cancel/", trying.cancel, name="trial_cancel"),
    path("near/<int:pk>/", near_misses.near, name="near"),
    path("near/<int:pk>/widen/", near_misses.widen, name="near_widen"),
    path("evidence/", evidence.evidence, name="evidence"),
    path("evidence/upload/", evidence.upload, name="upload"),
    path("evidence/<int:pk>/", evidence.evidence_file, name="evidence_file"),
    path("draft/", drafting.draft, name="draft"),
    path("draft/counts/", drafting.draft_counts, name="draft_counts"),
    path("draft/open/", drafting.draft_open, name="draft_open"),
    path("events/", raw_events.case_events, name="case_events"),
    path("evidence/<int:pk>/events/", raw_events.events, name="events"),
    path("evidence/<int:pk>/events/<int:chunk>/<int:position>/", raw_events.event, name="event"),
    path(
        "evidence/<int:pk>/events/<int:chunk>/<int:position>/explain/",
        explain.event_explain,
        name="event_explain",
    ),
    path(
        "evidence/<int:pk>/events/<int:chunk>/<int:position>/rules/", explain.event_rules, name="event_rules"
    ),
    path("scans/", scans.scans, name="scans"),
    path("scans/new/", scan_new.scan_new, name="scan_new"),
    path("scans/new/preflight/", scan_new.preflight, name="preflight"),
    path("scans/<int:pk>/", scans.scan, name="scan"),
    path("scans/<int:pk>/progress/", scans.progress, name="progress"),
    path("scans/<int:pk>/cancel/", scans.cancel, name="cancel"),
    path("scans/<int:pk>/debug/", debug.debug, name="debug"),
    path("scans/<int:pk>/debug/fields/", debug.debug_fields, name="debug_fields"),
    path("scans/<int:pk>/debug/sources/", debug.debug_sources, name="debug_sources"),
    path("scans/<int:pk>/debug/csv/", debug.debug_csv, name="debug_csv"),
    path("scans/<int:pk>/debug/json/", debug.debug_json, name="debug_json"),
    path("scans/<int:pk>/debug/<int:rule>/", debug.debug_rule, name="debug_rule"),
    path("scans/<int:pk>/diff/", hit_diff.diff, name="diff"),
    path("scans/<int:pk>/diff/accept/", hit_diff.accept, name="diff_accept"),
    path("hits/", hits.hits, name="hits"),
    path("hits/judge/", hit.judge, name="judge"),
    path("hits/<int:pk>/", hit.hit, name="hit"),
    path("hits/<int:pk>/why/", hit.why, name="why"),
    path("hits/<int:pk>/explain/", explain.hit_explain, name="hit_explain"),
    path("hits/<int:pk>/rules/", explain.hit_rules, name="hit_rules"),
    path("hits/<int:pk>/comment/", hit.comment, name="comment"),
]
urlpatterns = [
    path("cases/", cases.case_list, name="list"),
    path("cases/choice/", case_fields.choice, name="choice"),
    path("cases/explain/", case_fields.explain_text, name="explain_text"),
    path("cases/trials/", trying.choice, name="trials"),
    path("cases/trials/start/", trying.start, name="trial_start"),
    path("cases/diff/<int:pk>/<int:number>/", hit_diff.choice, name="diff_choice"),
    path("cases/rule/<int:pk>/", hit_diff.rule_hits, name="rule_hits"),
    path("cases/new/", cases.case_new, name="new"),
    path("cases/<int:case_pk>/", include(in_case)),
]
