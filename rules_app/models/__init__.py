"""Rules and their versions, rule sets, event models and their versions, import jobs."""

from rules_app.models.event_models import EventModel, EventModelVersion
from rules_app.models.import_jobs import ImportJob
from rules_app.models.rules import Rule, RuleSet, RuleVersion

__all__ = ["EventModel", "EventModelVersion", "ImportJob", "Rule", "RuleSet", "RuleVersion"]
