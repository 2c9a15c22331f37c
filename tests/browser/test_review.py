"""Two people bring a rule from a draft to published: one edits, both see what is gained and lost, the other decides."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.rule_text import text_of, write

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.live_server import Server

TITLE = "Log emptied on a desk"
# A case of both with one log of the sample case, and a finished scan of it with one rule of its own.
PREPARE = f"""
import time
from django.contrib.auth.models import User
from rules_app.models import EventModel
from rules_app.selection import RuleSelection
from rules_app.services import FoundFile, get_or_create_set, import_rules
from scans_app.models import Evidence, Scan
from scans_app.services.cases import add_member, create_case
from scans_app.services.intake import receive
from scans_app.services.scans import start_scan
vera, lukas = (User.objects.get(username=name) for name in ("vera", "lukas"))
case = create_case("Two pairs of eyes", "", vera)
add_member(case, lukas, "analyst")
rules = get_or_create_set("Reviewed", vera)
text = '''title: {TITLE}
id: 0b7c3e4e-2f4a-4c7e-9d3f-6a1f2b7f3c55
status: test
level: high
logsource:
  product: windows
  service: system
detection:
  selection:
    EventID: 104
  condition: selection
'''
import_rules([FoundFile("log_emptied.yml", text.encode())], rules, vera)
def wait(row, *states):
    while row.state not in states:
        time.sleep(0.2)
        row.refresh_from_db()
log = next(one for one in Evidence.objects.order_by("pk") if any(key[1] == 104 for key in one.counts))
with log.path.open("rb") as stream:
    stored = receive(case, vera, "System.evtx", stream).stored
wait(stored[0], "catalogued")
wait(start_scan(case, stored, RuleSelection(sets=(rules.pk,)), EventModel.objects.default().current, vera), "finished")
print(case.get_absolute_url())
"""


def test_one_edits_another_sees_what_is_lost_and_publishes(
    open_as: Callable[..., Page], server: Server, sample_case: str
) -> None:
    vera, lukas = open_as("vera"), open_as("lukas")
    case = server.manage("shell", "-v0", "-c", PREPARE).splitlines()[-1]

    vera.goto(f"{case}hits/")
    vera.locator("[data-check-all]").check()
    vera.locator(".bulk [value=true_positive]").click()
    vera.locator("#hits [data-verdict=true_positive]").first.wait_for()

    vera.goto(f"/rules/?q={TITLE}")
    vera.get_by_role("link", name=TITLE, exact=True).click()
    vera.get_by_role("link", name=re.compile("^Edit")).click()
    write(vera, text_of(vera).replace("EventID: 104", "EventID: 4242"))
    vera.locator("#id_comment").fill("The id of the new agent")
    vera.get_by_role("button", name=re.compile("^Save")).click()
    vera.wait_for_url("**/review/")
    expect(vera.locator("#hit-diff")).to_contain_text(re.compile(r"Loses \d+ true positive"))
    vera.get_by_role("button", name="Send to review").click()
    expect(vera.locator("main")).to_contain_text("waits for somebody else")
    address = vera.url

    lukas.goto("/rules/")
    lukas.get_by_role("link", name=re.compile("waits? for review")).click()
    lukas.get_by_role("link", name=TITLE, exact=True).click()
    lukas.wait_for_url(re.compile(r"/rules/\d+/$"))
    lukas.keyboard.press("v")
    lukas.wait_for_url("**/review/")
    expect(lukas.locator("main")).to_contain_text("The id of the new agent")
    expect(lukas.get_by_role("button", name="Approve and publish")).to_be_disabled()
    expect(lukas.locator("#stops")).to_contain_text("true positive")
    lukas.locator("#note").fill("Is nobody on the old agent any more?")
    lukas.get_by_role("button", name="Ask for changes").click()

    vera.goto(address)
    expect(vera.locator("#history")).to_contain_text("Is nobody on the old agent any more?")
    vera.locator("#note").fill("Nobody since May")
    vera.get_by_role("button", name="Send to review").click()

    lukas.goto(address)
    expect(lukas.locator(".diff-accept")).to_be_visible()
    for box in lukas.locator(".diff-accept [type=checkbox]").all():
        box.check()
    lukas.get_by_role("button", name="I looked at these, they may be lost").click()
    publish = lukas.get_by_role("button", name="Approve and publish")
    expect(publish).to_be_enabled()
    publish.click()
    lukas.wait_for_url(re.compile(r"/rules/\d+/$"))
    expect(lukas.locator(".steps")).to_contain_text("Published 2")
    expect(lukas.locator("#history")).to_contain_text("Approved version 2")

    lukas.goto(f"{lukas.url}versions/1/")
    lukas.get_by_role("button", name="Restore as a draft").click()
    lukas.wait_for_url("**/review/")
    expect(lukas.locator("#hit-diff")).to_contain_text("gained")
    lukas.get_by_role("button", name="Drop the draft").click()
    expect(lukas.locator(".steps")).to_contain_text("Published 2")
