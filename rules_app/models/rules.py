"""Rule sets, rules and their versions.

The text of a version is the truth. The columns of `Rule` are derived from its published text, or from the draft of
a rule that was never published, so that the library can be filtered and sorted without parsing; nothing else writes
them.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.urls import reverse

from rules_app.models.saved_texts import SavedText
from sigma_engine import LEVELS

SEARCH_WORDS = 8  # more words than this narrow nothing and cost a scan of the table each


class RuleSetQuerySet(models.QuerySet["RuleSet"]):
    """The questions that are asked of sets, by name."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> RuleSetQuerySet:
        """The sets that this person may see: all of them for anyone signed in, none for others."""
        return self.all() if user.is_authenticated and user.is_active else self.none()

    def names(self) -> RuleSetQuerySet:
        """Without their placeholders, which are up to 64 KiB each."""
        return self.defer("placeholders")


class RuleSet(models.Model):
    """Rules that came together: a published collection at one release, or a team's own.

    `placeholders` are the lists that `%name%` in its rules stands for, {name: [values]}.
    """

    name = models.CharField(max_length=200, unique=True)
    description = models.TextField(blank=True)
    placeholders = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = RuleSetQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("rules:set", args=[self.pk])


class RuleQuerySet(models.QuerySet["Rule"]):
    """The questions that are asked of rules, by name."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> RuleQuerySet:
        """The rules that this person may see: all of them for anyone signed in, none for others."""
        return self.all() if user.is_authenticated and user.is_active else self.none()

    def of_set(self, rule_set: RuleSet) -> RuleQuerySet:
        """The rules of one set."""
        return self.filter(rule_set=rule_set)

    def enabled(self) -> RuleQuerySet:
        """The rules that nobody took out of scans."""
        return self.filter(enabled=True)

    def published(self) -> RuleQuerySet:
        """The rules that scans can run: a rule that only has a draft is not among them."""
        return self.filter(current__isnull=False)

    def in_review(self) -> RuleQuerySet:
        """The rules whose draft waits for a reviewer."""
        return self.filter(draft_state=DraftState.IN_REVIEW)

    def broken(self) -> RuleQuerySet:
        """The rules whose own text keeps them out of scans."""
        return self.filter(broken=True)

    def not_served(self) -> RuleQuerySet:
        """The rules in order for whose log source the default model has no events."""
        return self.filter(broken=False, served=False)

    def search(self, text: str) -> RuleQuerySet:
        """The rules in which each word of `text` is in the title, id, description, tags or path."""
        found = self
        for word in text.split()[:SEARCH_WORDS]:
            found = found.filter(
                models.Q(title__icontains=word)
                | models.Q(rule_uid__icontains=word)
                | models.Q(tags_text__icontains=word)
                | models.Q(path__icontains=word)
                | models.Q(description__icontains=word)
            )
        return found


class DraftState(models.TextChoices):
    """Where a draft is on its way to being published."""

    DRAFT = "draft", "Draft"
    IN_REVIEW = "in_review", "In review"
    CHANGES_ASKED = "changes_asked", "Changes asked"


class Rule(models.Model):
    """A rule as it is now. Its identity within a set is its path and its place in that file.

    `current` is the published version: scans run it and the columns say what it says. `draft` is the newest version
    that was not published, with its state; a rule has one of the two or both.
    """

    rule_set = models.ForeignKey(RuleSet, on_delete=models.CASCADE, related_name="rules")
    path = models.CharField(max_length=1000)  # display text: never a place on our disk
    document = models.PositiveIntegerField(default=0)  # which YAML document of that file, from 0
    rule_uid = models.CharField("id", max_length=200, blank=True, db_index=True)
    title = models.CharField(max_length=500)
    level = models.PositiveSmallIntegerField(default=0)  # sigma_engine.level_rank: 1..5, 0 for none
    status = models.CharField(max_length=40, blank=True)
    category = models.CharField(max_length=100, blank=True)
    product = models.CharField(max_length=100, blank=True)
    service = models.CharField(max_length=100, blank=True)
    tags = models.JSONField(default=list, blank=True)
    tags_text = models.TextField(default=" ", blank=True)  # lower case, for `search`
    author = models.TextField(blank=True)
    description = models.TextField(blank=True)
    placeholders = models.JSONField(default=list, blank=True)  # names of lists it asks for, defined or not
    broken = models.BooleanField(default=False)
    served = models.BooleanField(default=False)  # by the default model; services.models keeps it right
    enabled = models.BooleanField(default=True)
    imported_sha256 = models.CharField(max_length=64, blank=True)  # of the last imported text
    current = models.ForeignKey("RuleVersion", null=True, on_delete=models.SET_NULL, related_name="+")
    draft = models.ForeignKey("RuleVersion", null=True, on_delete=models.SET_NULL, related_name="+")
    draft_state = models.CharField(max_length=14, choices=DraftState, blank=True)  # "" without a draft
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(db_index=True)

    objects = RuleQuerySet.as_manager()

    class Meta:
        ordering = ["-level", "title", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["rule_set", "path", "document"], name="rule_place_in_set"),
        ]
        indexes = [
            models.Index(fields=["-level", "title", "id"], name="rule_by_level"),
            models.Index(fields=["title", "id"], name="rule_by_title"),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("rules:rule", args=[self.pk])

    @property
    def to_edit(self) -> RuleVersion:
        """The version that an edit begins with: the draft, else the published one."""
        version = self.draft or self.current
        if version is None:
            raise ValueError(f"rule {self.pk} has neither a draft nor a published version")
        return version

    @property
    def shown(self) -> RuleVersion:
        """The version that the columns are derived from: the published one, else the draft."""
        return self.current or self.to_edit

    @property
    def level_name(self) -> str:
        """The level's word, "" for a rule that has none."""
        return LEVELS[self.level - 1] if self.level else ""

    @property
    def description_paragraphs(self) -> list[str]:
        """The description as paragraphs: authors break its lines where their editor was narrow."""
        return self.description.split("\n\n")

    @property
    def has_logsource(self) -> bool:
        """Whether it names a log source; correlations name none, their rules do."""
        return bool(self.category or self.product or self.service)

    @property
    def logsource(self) -> str:
        """`category/product/service` with `*` for what the rule leaves out, as models write it."""
        return "/".join(part or "*" for part in (self.category, self.product, self.service))


class RuleVersion(SavedText):
    """One saved text of a rule.

    Its findings are of the rule itself, with its set's placeholders; what a model says is asked when shown. Those of
    the published version and of the draft follow the placeholders (services.placeholders), all else stays as it was.
    """

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="versions")

    class Meta(SavedText.Meta):
        constraints = [models.UniqueConstraint(fields=["rule", "number"], name="rule_version_number")]

    def __str__(self) -> str:
        return f"version {self.number}"

    @property
    def first_error_line(self) -> int:
        """The line of the first finding that breaks the rule; 0 for one in order."""
        return next((finding["line"] for finding in self.findings if finding["severity"] == "error"), 0)
