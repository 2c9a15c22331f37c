"""What people send: parsed and bounded here, so that views and services get clean values."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from rules_app.models import EventModel

MAX_TEXT = 1024 * 1024  # characters; the engine reads no longer text
TOO_LONG = {"max_length": "The text has %(show_value)s characters; at most %(limit_value)s are kept."}


class TextForm(forms.Form):
    """The text of a rule or a model as it comes out of the editor, with the version that it began with."""

    text = forms.CharField(
        strip=False, max_length=MAX_TEXT, error_messages={**TOO_LONG, "required": "The text is empty."}
    )
    base_version = forms.IntegerField(min_value=0, required=False, widget=forms.HiddenInput)
    comment = forms.CharField(max_length=500, required=False)


class NewRuleForm(TextForm):
    """A new rule, and the set that it is put into."""

    rule_set = forms.CharField(
        max_length=200, error_messages={"required": "Name the set that the rule belongs to."}
    )


class NewModelForm(TextForm):
    """A new model of the workspace."""

    name = forms.CharField(max_length=200, error_messages={"required": "Name the model."})

    def clean_name(self) -> str:
        """A name that no other model has."""
        name: str = self.cleaned_data["name"]
        if EventModel.objects.filter(name=name).exists():
            raise forms.ValidationError(f"There is a model named {name} already.")
        return name


class CheckForm(forms.Form):
    """A text to check while it is written, and the set of a rule. An empty text is a text too."""

    text = forms.CharField(strip=False, required=False, max_length=MAX_TEXT, error_messages=TOO_LONG)
    rule_set = forms.CharField(max_length=200, required=False)


class PlaceholdersForm(forms.Form):
    """The placeholders of a set as YAML, and the digest of those that the edit began with."""

    text = forms.CharField(strip=False, required=False, max_length=MAX_TEXT, error_messages=TOO_LONG)
    base_version = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)


class ReviewForm(forms.Form):
    """What somebody decides about a draft, by its number, and why."""

    act = forms.ChoiceField(choices=[(name, name) for name in ("send", "changes", "publish", "drop")])
    number = forms.IntegerField(min_value=1)
    note = forms.CharField(max_length=2000, required=False)

    def clean(self) -> dict[str, Any]:
        """Whoever asks for changes says which."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("act") == "changes" and not cleaned.get("note"):
            self.add_error("note", "Say what should change.")
        return cleaned


class CommentForm(forms.Form):
    """A comment on a rule, or the number of one's own to take back."""

    text = forms.CharField(max_length=5000, required=False)
    remove = forms.IntegerField(min_value=1, required=False)

    def clean(self) -> dict[str, Any]:
        """One of the two."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not cleaned.get("remove") and not cleaned.get("text"):
            self.add_error("text", "Write a comment.")
        return cleaned


class WidenForm(forms.Form):
    """A clause of a rule, and the value that it is to take too."""

    selection = forms.CharField(max_length=500)
    number = forms.IntegerField(min_value=0)
    value = forms.CharField(max_length=512, strip=False)


class _FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class _FilesField(forms.FileField):
    """Several files under one name."""

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        one = super().clean
        return [one(file, initial) for file in data] if data else [one(None, initial)]


class ImportForm(forms.Form):
    """Rule files and the set that they are brought into."""

    files = _FilesField(
        widget=_FilesInput,
        allow_empty_file=True,  # the report says which file is empty; the others are imported
        error_messages={"required": "Choose one or more .yml files or zip archives."},
    )
    rule_set = forms.CharField(
        max_length=200, error_messages={"required": "Name the set that the rules belong to."}
    )
