"""What people type into the pages of cases, checked: a form's error is a sentence at its field."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from rules_app.models import EventModel, RuleSet
from rules_app.selection import RuleSelection
from scans_app.hit_filters import parse_time
from scans_app.models import Case, CaseMember, Evidence
from scans_app.services.cpu_share import FULL
from sigma_engine import LEVELS, STATUSES, SelectionError, select_rules


class CaseForm(forms.ModelForm):
    """A new case: its name and what it is about."""

    class Meta:
        model = Case
        fields = ("name", "description")
        labels = {"description": "About"}
        help_texts = {
            "name": "What colleagues call this matter.",
            "description": "What happened, what is asked. May stay empty.",
        }
        widgets = {"description": forms.Textarea(attrs={"rows": 4})}


class MemberForm(forms.Form):
    """Who joins a case, and as what. `cleaned_data["username"]` is the user."""

    username = forms.CharField(label="User name", max_length=150)
    role = forms.ChoiceField(
        choices=CaseMember.Role,
        initial=CaseMember.Role.ANALYST,
        help_text="A reader sees all and changes nothing, an analyst also uploads, scans and judges, "
        "an owner also manages members and deletes.",
    )

    def clean_username(self) -> AbstractBaseUser:
        """The user of that name, who must be able to sign in."""
        name = self.cleaned_data["username"].strip()
        users = get_user_model()._default_manager.filter(is_active=True)
        user = users.filter(username=name).first()
        if user is None:
            raise forms.ValidationError(f"There is no user {name}. Names are written as at sign-in.")
        return user

    def clean(self) -> dict[str, Any]:
        """The cleaned data as a mapping that is never None."""
        return super().clean() or {}


class ScanForm(forms.Form):
    """What a new scan runs on what. What is left empty chooses all."""

    TIME = "2024-03-12T14:30, in UTC. Empty is open."

    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    files = forms.ChoiceField(
        choices=(("all", "All"), ("some", "Chosen")), initial="all", widget=forms.RadioSelect, required=False
    )
    evidence = forms.ModelMultipleChoiceField(
        Evidence.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )
    sets = forms.ModelMultipleChoiceField(
        RuleSet.objects.names(), required=False, widget=forms.CheckboxSelectMultiple, label="Rule sets"
    )
    levels = forms.MultipleChoiceField(
        choices=[(level, level.capitalize()) for level in reversed(LEVELS)],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    statuses = forms.MultipleChoiceField(
        choices=[(status, status.capitalize()) for status in STATUSES],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    tags = forms.CharField(
        required=False,
        max_length=500,
        help_text="Rules with any of these, such as attack.t1003.001 attack.execution.",
    )
    title = forms.CharField(
        required=False,
        max_length=500,
        label="Title",
        help_text="A regular expression that is searched in the rules' titles, without case.",
    )
    rule_filter = forms.CharField(
        required=False,
        max_length=2000,
        label="Filter",
        help_text='A lambda over the rule, such as x=>x.author =~ "Roth".',
    )
    model = forms.ModelChoiceField(
        EventModel.objects.none(),
        empty_label=None,
        help_text="Where log sources and fields are in the events.",
    )
    time_from = forms.CharField(required=False, label="Events from", help_text=TIME)
    time_to = forms.CharField(required=False, label="Events to", help_text=TIME)
    cpu_share = forms.IntegerField(
        min_value=5,
        max_value=FULL,
        initial=FULL,
        required=False,
        label="Share of a core, %",
        help_text="What each worker takes for this scan: 100 is as fast as it goes.",
    )
    debug = forms.BooleanField(
        required=False,
        label="Debug",
        help_text="Keeps for every rule how far the events came with it, and why it was silent. Slower.",
    )

    def __init__(self, *args: Any, case: Case, user: AbstractBaseUser | AnonymousUser, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        catalogued = Evidence.objects.of_case(case).catalogued()
        models = EventModel.objects.visible_to(user).filter(current__isnull=False)
        self.fields["evidence"].queryset = catalogued  # type: ignore[attr-defined]
        self.fields["model"].queryset = models  # type: ignore[attr-defined]
        self.fields["model"].initial = models.default()

    @property
    def rule_boxes(self) -> list[forms.BoundField]:
        """The choices of rules that are boxes to tick."""
        return [self["sets"], self["levels"], self["statuses"]]

    def clean_tags(self) -> tuple[str, ...]:
        """The tags, separated by spaces or commas."""
        return tuple(self.cleaned_data["tags"].replace(",", " ").split())

    def clean_model(self) -> EventModel:
        """A model that can be scanned with."""
        model: EventModel = self.cleaned_data["model"]
        if model.current is None or model.current.broken:
            raise forms.ValidationError(f"The model {model} has errors. Mend it, or choose another.")
        return model

    def clean_time_from(self) -> int | None:
        """Microseconds since the epoch, None for open."""
        return self._time("time_from")

    def clean_time_to(self) -> int | None:
        """Microseconds since the epoch, None for open."""
        return self._time("time_to")

    def clean_cpu_share(self) -> int:
        """Percent of one core; all of it where nothing is typed."""
        return int(self.cleaned_data["cpu_share"] or FULL)

    def _time(self, name: str) -> int | None:
        text = self.cleaned_data[name]
        try:
            return parse_time(text) if text else None
        except ValueError as error:
            raise forms.ValidationError(f"{text} is no time: {error}.") from None

    def clean(self) -> dict[str, Any]:
        """Everything; files that were chosen must be some, and time goes forward."""
        data = super().clean() or {}
        if data.get("files") == "some" and not data.get("evidence"):
            self.add_error("evidence", "No file is ticked. Tick some, or take all.")
        start, end = data.get("time_from"), data.get("time_to")
        if start is not None and end is not None and start >= end:
            self.add_error("time_to", "This is not after the time in Events from, so no event could match.")
        try:
            select_rules((), title=data.get("title", ""), rule_filter=data.get("rule_filter", ""))
        except SelectionError as error:
            self.add_error(None, str(error))
        return data

    def chosen_evidence(self) -> list[Evidence]:
        """The catalogued files that the scan reads."""
        catalogued = self.fields["evidence"].queryset  # type: ignore[attr-defined]
        return list(self.cleaned_data["evidence"] if self.cleaned_data["files"] == "some" else catalogued)

    def selection(self) -> RuleSelection:
        """The rules that the scan runs."""
        data = self.cleaned_data
        return RuleSelection(
            sets=tuple(rule_set.pk for rule_set in data["sets"]),
            levels=tuple(data["levels"]),
            statuses=tuple(data["statuses"]),
            tags=data["tags"],
            title=data["title"],
            rule_filter=data["rule_filter"],
        )
