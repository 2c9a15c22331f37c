"""Rules, sets and models for tests, made by the services that pages use."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rules_app.models import EventModel, Rule, RuleSet

RULE = """\
title: {title}
id: {id}
status: test
description: Finds a whoami that somebody started
author: Olivia
tags:
    - attack.discovery
    - attack.t1033
logsource:
    category: {category}
    product: {product}
detection:
    selection:
        Image|endswith: '\\whoami.exe'
    condition: selection
level: {level}
"""
RULE_ID = "8f0c5f40-6b38-4b3c-9d5f-0d7c8c6f1a01"
BROKEN = """\
title: Left open
logsource:
    product: windows
detection:
    selection:
        A: b
    condition: nothing
"""


def rule_text(
    title: str = "Whoami was run",
    *,
    id: str = RULE_ID,
    level: str = "high",
    category: str = "process_creation",
    product: str = "windows",
) -> str:
    """A rule in order, that differs where the test wants it to."""
    return RULE.format(title=title, id=id, level=level, category=category, product=product)


def zip_of(files: dict[str, str | bytes]) -> bytes:
    """A zip archive of these files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


@pytest.fixture
def shipped(db: None) -> EventModel:
    """The default model, as a start brings it into the database."""
    from rules_app import services
    from rules_app.models import EventModel

    services.sync_shipped_models()
    default = EventModel.objects.default()
    assert default is not None
    return default


@pytest.fixture
def rule_set(db: None) -> RuleSet:
    from rules_app import services

    return services.get_or_create_set("House rules", None)


@pytest.fixture
def make_rule(shipped: EventModel, rule_set: RuleSet) -> Callable[..., Rule]:
    """make_rule("Title", level="low") gives a published rule; make_rule(text=..) one with this text."""
    from rules_app import services

    paths = (f"rule-{number}.yml" for number in count(1))

    def make(title: str = "Whoami was run", *, text: str = "", **parts: str) -> Rule:
        path = next(paths)
        content = (text or rule_text(title, **parts)).encode()
        services.import_rules([services.FoundFile(path, content)], rule_set, None)
        return rule_set.rules.select_related("current").get(path=path)

    return make


@pytest.fixture
def own_model(shipped: EventModel) -> EventModel:
    """A model of the workspace that extends the shipped one."""
    from rules_app import services

    return services.create_model("Ours", "name: Ours\nextends: Windows event logs\n", None)
