"""Two people who save in the same moment, on connections of their own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from rules_app import services
from rules_app.models import EventModel, Rule
from tests.rules.conftest import rule_text

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 4


def all_at_once(save: Callable[[int], Any]) -> list[Any]:
    """What each of the people gets: what `save(n)` gives, or the conflict that it raises."""
    barrier = Barrier(PEOPLE)

    def one(number: int) -> Any:
        try:
            barrier.wait(timeout=30)
            return save(number)
        except services.EditConflict as conflict:
            return conflict
        finally:
            connections.close_all()

    with ThreadPoolExecutor(PEOPLE) as pool:
        return list(pool.map(one, range(PEOPLE)))


def test_one_save_of_a_rule_wins_and_the_others_are_told(make_rule: Callable[..., Rule]) -> None:
    rule = make_rule()
    answers = all_at_once(lambda number: services.save_rule(rule, rule_text(f"By {number}"), 1, None))
    conflicts = [answer for answer in answers if isinstance(answer, services.EditConflict)]
    assert len(conflicts) == PEOPLE - 1
    assert [version.number for version in rule.versions.all()] == [2, 1]


def test_one_save_of_a_model_wins_and_the_others_are_told(own_model: EventModel) -> None:
    text = "name: Ours\nextends: Windows event logs\ndescription: By {}\n"
    answers = all_at_once(lambda number: services.save_model(own_model, text.format(number), 1, None))
    conflicts = [answer for answer in answers if isinstance(answer, services.EditConflict)]
    assert len(conflicts) == PEOPLE - 1
    assert [version.number for version in own_model.versions.all()] == [2, 1]


def test_rules_of_one_title_made_at_once_are_all_kept(make_rule: Callable[..., Rule]) -> None:
    rule_set = make_rule().rule_set
    made = all_at_once(lambda number: services.create_rule(rule_set, rule_text("Twin"), None))
    assert len({rule.path for rule in made}) == PEOPLE


def test_a_second_default_model_takes_the_place_of_the_first(own_model: EventModel) -> None:
    all_at_once(lambda number: services.make_default(own_model))
    assert EventModel.objects.filter(is_default=True).get() == own_model


def test_an_event_that_several_people_make_a_test_at_once_is_one_test(
    make_rule: Callable[..., Rule], make_user: Callable[..., Any]
) -> None:
    from rules_app.services.pins import PinSource
    from rules_app.services.rule_tests import add_tests, tests_of_rule

    rule, people = make_rule(), [make_user(f"person{number}") for number in range(PEOPLE)]
    source = PinSource({"System": {"Channel": "Security"}}, "", {"pasted": True})
    made = all_at_once(lambda number: add_tests(people[number], rule, [source], must_hit=True))
    assert [len(tests) for tests in made] == [1] * PEOPLE
    assert len(tests_of_rule(rule)) == 1
