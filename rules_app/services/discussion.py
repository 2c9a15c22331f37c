"""What people say of a rule."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.utils import timezone

from rules_app.models import Rule, RuleComment


def add_comment(rule: Rule, text: str, user: User) -> RuleComment:
    """Keep what somebody said of a rule."""
    return RuleComment.objects.create(rule=rule, text=text, author=user, created_at=timezone.now())


def remove_comment(rule: Rule, pk: int, user: User) -> None:
    """Take back one's own comment; nothing happens to those of others."""
    rule.comments.filter(pk=pk, author=user).delete()
