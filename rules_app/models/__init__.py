"""Rules with their versions, reviews, pinned events and tests, rule sets, event models with theirs, import jobs."""

from rules_app.models.event_models import EventModel, EventModelVersion
from rules_app.models.import_jobs import ImportJob
from rules_app.models.pins import PinnedEvent
from rules_app.models.reviews import ReviewAct, RuleComment
from rules_app.models.rule_tests import RuleTest
from rules_app.models.rules import DraftState, Rule, RuleSet, RuleVersion

__all__ = [
    "DraftState",
    "EventModel",
    "EventModelVersion",
    "ImportJob",
    "PinnedEvent",
    "ReviewAct",
    "Rule",
    "RuleComment",
    "RuleSet",
    "RuleTest",
    "RuleVersion",
]
