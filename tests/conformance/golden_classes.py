"""Where we and two peers differ on EVTX-ATTACK-SAMPLES, as classes: what differs, why, how often, one example.

A class is a check that repeats the peer's reading of the rule or event and sees whether its answer comes out; so a
new difference of the same kind is explained and any other is not. `docs/conformance.md` lists them with their sizes.
The peers' readings are those of research/sigma.md, "Hayabusa" and "C (Chainsaw/tau)".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from sigma_engine import Model, Rule, explain, parse_rules

Change = Callable[[str, list[Any]], tuple[str, list[Any]]]


@dataclass(frozen=True)
class Difference:
    """A hit that one side has and the other lacks, with what a class may ask.

    `event` is None for a hit of a count rule, which has no record. `listed` holds the ids of the peer's own list of
    rules to leave out; `peer_rules` those that the peer hit at all.
    """

    evidence: str
    record: str
    rule: Rule
    folder: str
    event: dict[str, Any] | None
    model: Model
    listed: frozenset[str]
    peer_rules: frozenset[str]

    def verdict(self, rule: Rule | None = None, event: dict[str, Any] | None = None) -> bool:
        """Our verdict on the rule or event as changed."""
        assert self.event is not None
        return explain(rule or self.rule, self.model, event or self.event, self.evidence).plain_verdict

    @cached_property
    def trees(self) -> list[dict[str, Any]]:
        """The explanation's condition trees."""
        assert self.event is not None
        return explain(self.rule, self.model, self.event, self.evidence).to_dict()["conditions"]

    @cached_property
    def tests(self) -> list[tuple[str, list[Any]]]:
        """Every `field|modifiers` of the rule with its values."""
        found: list[tuple[str, list[Any]]] = []
        _changed(yaml.safe_load(self.rule.text)["detection"], lambda k, v: (found.append((k, v)), (k, v))[1])
        return found

    @property
    def modifiers(self) -> set[str]:
        """The modifiers that the rule uses."""
        return {name for key, _ in self.tests for name in key.split("|")[1:]}

    def rewritten(self, change: Change) -> Rule:
        """The rule with `change` done to every field test."""
        document = yaml.safe_load(self.rule.text)
        document["detection"] = _changed(document["detection"], change)
        [parsed] = parse_rules(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
        assert isinstance(parsed.rule, Rule), parsed.findings
        return parsed.rule


def _changed(part: Any, change: Change) -> Any:
    if isinstance(part, list):
        return [_changed(item, change) for item in part]
    if not isinstance(part, dict):
        return part
    done: dict[str, Any] = {}
    for key, value in part.items():
        nested = isinstance(value, dict) or (
            isinstance(value, list) and any(isinstance(v, dict) for v in value)
        )
        if nested or key in ("condition", "timeframe"):
            done[key] = _changed(value, change)
        else:
            new_key, new_values = change(key, value if isinstance(value, list) else [value])
            done[new_key] = new_values
    return done


def _is_text_test(key: str) -> bool:
    return set(key.split("|")[1:]) <= {"contains", "startswith", "endswith", "all"}


# Hayabusa


def is_listed(difference: Difference) -> bool:
    """The rule is on the peer's list of rules that it leaves out, and the peer has no hit of it at all."""
    return difference.rule.id in difference.listed and difference.rule.id not in difference.peer_rules


_TOKEN = re.compile(r"(\\\\[*?]|\\[*?]|[*?])")


def _hayabusa_literal(value: str) -> str:
    r"""What its regular expression asks: `\\` before a wildcard is one backslash, and any other stays doubled."""
    texts = {"\\\\*": "\\\\*", "\\\\?": "\\\\?", "\\*": "\\*", "\\?": "\\?", "*": "*", "?": "?"}
    parts = _TOKEN.split(value)
    return "".join(part if part in texts else part.replace("\\", "\\\\") for part in parts)


def _takes_a_regex(key: str, value: str) -> bool:
    ends_open = not {"contains", "startswith"}.isdisjoint(key.split("|")[1:])
    odd_end = ends_open and re.search(r"(^|[^\\])\\$|\\\\\\$", value) is not None
    return "?" in value or "*" in value.strip("*") or odd_end


def reads_backslashes_twice(difference: Difference) -> bool:
    """A value that Hayabusa turns into a regular expression keeps the doubled backslashes that Sigma reads as one."""

    def change(key: str, values: list[Any]) -> tuple[str, list[Any]]:
        if not _is_text_test(key):
            return key, values
        return key, [
            _hayabusa_literal(v) if isinstance(v, str) and _takes_a_regex(key, v) else v for v in values
        ]

    return difference.event is not None and not difference.verdict(rule=difference.rewritten(change))


def trims_values(difference: Difference) -> bool:
    """With white space cut off both ends of every value our verdict turns round."""
    if difference.event is None:
        return False
    event = difference.event | {"EventData": _trimmed(difference.event.get("EventData"))}
    return difference.verdict(event=event) != difference.verdict()


def _trimmed(data: Any) -> Any:
    if not isinstance(data, dict):
        return data
    return {name: value.strip() if isinstance(value, str) else value for name, value in data.items()}


_DASHES = re.compile(r"[/\-\u2013\u2014\u2015]")


def replaces_one_dash(difference: Difference) -> bool:
    """Under windash the first dash of pattern and value becomes `/`, and `/` itself counts as that first dash."""
    if difference.event is None or "windash" not in difference.modifiers:
        return False

    def change(key: str, values: list[Any]) -> tuple[str, list[Any]]:
        names = key.split("|")
        if "windash" not in names:
            return key, values
        both = [text for value in values for text in (str(value), _DASHES.sub("/", str(value), count=1))]
        return "|".join(name for name in names if name != "windash"), both

    fields = {key.split("|")[0] for key, _ in difference.tests if "windash" in key}
    data = {
        name: _DASHES.sub("/", value, count=1) if name in fields and isinstance(value, str) else value
        for name, value in difference.event["EventData"].items()
    }
    return not difference.verdict(difference.rewritten(change), difference.event | {"EventData": data})


def refers_by_sysmon_name(difference: Difference) -> bool:
    """A `fieldref` names the Sysmon field; Hayabusa asks the record for that name and does not find it."""
    names = [str(value) for key, values in difference.tests if "fieldref" in key for value in values]
    return difference.event is not None and any(name not in difference.event["EventData"] for name in names)


# Chainsaw

CHAINSAW_MODIFIERS = {"all", "base64", "base64offset", "contains", "endswith", "startswith", "re"}
CHAINSAW_EXCLUDED_TITLES = {"WMI Event Subscription"}
# Fields of these rules that its mapping does not name, and its fields that are not in EventData.
CHAINSAW_UNMAPPED = {"ObjectDN", "Data", "TaskContentNew", "SourceUser", "FilterOrigin", "IpPort"}
CHAINSAW_SYSTEM = {"EventID", "Channel", "Computer", "Keywords", "Level", "Provider_Name", "ProviderName"}


def was_not_run(difference: Difference) -> bool:
    """The rule is of `rules-threat-hunting`, which that run did not have."""
    return difference.folder == "rules-threat-hunting"


def has_refused_modifier(difference: Difference) -> bool:
    """The rule uses a modifier that Chainsaw refuses, and Chainsaw has no hit of it at all."""
    refused = difference.modifiers - CHAINSAW_MODIFIERS
    return bool(refused) and difference.rule.id not in difference.peer_rules


def has_excluded_title(difference: Difference) -> bool:
    """Chainsaw's mapping leaves out rules of this title."""
    return (
        difference.rule.title in CHAINSAW_EXCLUDED_TITLES and difference.rule.id not in difference.peer_rules
    )


def is_of_another_provider(difference: Difference) -> bool:
    """The rule is for service security, which the mapping narrows to one provider, and the event has another."""
    assert difference.event is not None
    provider = difference.event["System"]["Provider"]["Name"]
    return (
        difference.rule.logsource.service == "security" and provider != "Microsoft-Windows-Security-Auditing"
    )


def _chainsaw(node: dict[str, Any], leaf: Callable[[dict[str, Any]], bool | None]) -> bool | None:
    """The truth of an explanation's node where `leaf` may say None for a field that is not there: such a test is
    false, and its negation is false as well."""
    if not node["children"]:
        return leaf(node)
    truths = [_chainsaw(child, leaf) for child in node["children"]]
    if node["kind"] == "not":
        return truths[0] is False
    if node["kind"] in ("and", "all") or node["label"].startswith("all of"):
        return next((truth for truth in truths if truth is not True), True)
    return True if True in truths else False if False in truths else None


def _would_hit(difference: Difference, leaf: Callable[[dict[str, Any]], bool | None]) -> bool:
    return any(_chainsaw(tree, leaf) is True for tree in difference.trees)


def lacks_the_field(difference: Difference) -> bool:
    """A field is not found by its own name (a built-in double, or a name its mapping lacks)."""
    assert difference.event is not None
    data = difference.event.get("EventData") or {}
    seen = (data.keys() - CHAINSAW_UNMAPPED) | CHAINSAW_SYSTEM
    return not _would_hit(difference, lambda node: node["truth"] if node["field"] in seen else None)


def keeps_types_apart(difference: Difference) -> bool:
    """A number in the rule does not equal a text in the event, nor `'true'` in quotes a true."""
    numbers = {(key, str(v)) for key, values in difference.tests for v in values if isinstance(v, int)}

    def leaf(node: dict[str, Any]) -> bool:
        is_number = (node["field"], node["pattern"]) in numbers
        return node["truth"] and node["type"] != ("string" if is_number else "bool")

    return not _would_hit(difference, leaf)


def keeps_backslashes_doubled(difference: Difference) -> bool:
    """Chainsaw takes no escapes: a doubled backslash stands for two."""

    def change(key: str, values: list[Any]) -> tuple[str, list[Any]]:
        plain = [v.replace("\\", "\\\\") if isinstance(v, str) else v for v in values]
        return key, plain if _is_text_test(key) else values

    return not difference.verdict(rule=difference.rewritten(change))


def takes_inner_wildcards_literally(difference: Difference) -> bool:
    """An asterisk or question mark inside a value is that character."""

    def change(key: str, values: list[Any]) -> tuple[str, list[Any]]:
        literal = [re.sub(r"(?<=.)([*?])(?=.)", r"\\\1", v) if isinstance(v, str) else v for v in values]
        return key, literal if _is_text_test(key) else values

    return not difference.verdict(rule=difference.rewritten(change))


@dataclass(frozen=True)
class Example:
    """One worked difference: in the event of this record `field` has `value`. A count rule has no record."""

    evidence: str
    record: str
    rule_id: str
    field: str
    value: Any


@dataclass(frozen=True)
class DifferenceClass:
    """A reason for differences; `ours` is True for hits that we alone have."""

    name: str
    peer: str
    ours: bool
    explains: Callable[[Difference], bool]
    size: int
    example: Example


def _class(
    name: str,
    peer: str,
    explains: Callable[[Difference], bool],
    size: int,
    example: Example,
    *,
    ours: bool = True,
) -> DifferenceClass:
    return DifferenceClass(name, peer, ours, explains, size, example)


PANACHE = "AutomatedTestingTools/PanacheSysmon_vs_AtomicRedTeam01.evtx"
RDP = "Command and Control/DE_RDP_Tunnel_5156.evtx"
RENAMED_PSEXEC = "Lateral Movement/LM_renamed_psexecsvc_5145.evtx"

# The first class that explains a difference has it.
CLASSES = (
    _class(
        "on the list of rules to leave out",
        "hayabusa",
        is_listed,
        74,
        Example(RDP, "227693", "9b14c9d8-6b61-e49f-f8a8-0836d0ad98c9", "SubjectUserName", "admin01"),
    ),
    _class(
        "backslashes stay doubled in regular expressions",
        "hayabusa",
        reads_backslashes_twice,
        26,
        Example(RENAMED_PSEXEC, "84050", "426009da-814c-c1c0-cf41-6631c9ff6a8e", "ShareName", r"\\*\IPC$"),
    ),
    _class(
        "values are trimmed",
        "hayabusa",
        trims_values,
        1,
        Example(
            PANACHE,
            "4047",
            "f22e33b8-1e72-08d3-56d2-134964af9514",
            "CommandLine",
            r" /s C:\AtomicRedTeam\atomics\T1117\bin\AllTheThingsx86.dll",
        ),
    ),
    _class(
        "only the first dash is looked at",
        "hayabusa",
        replaces_one_dash,
        1,
        Example(
            PANACHE,
            "4124",
            "7e123dab-4cff-fd89-7282-bc8fc564cd09",
            "CommandLine",
            r'"C:\Windows\system32\cmd.exe" /c "procdump.exe -accepteula -ma lsass.exe lsass_dump.dmp"',
        ),
    ),
    _class(
        "a reference to a field by its Sysmon name",
        "hayabusa",
        refers_by_sysmon_name,
        1,
        Example(
            "Credential Access/tutto_malseclogon.evtx",
            "329921",
            "a0f22264-4d87-83f0-24f3-583409c6f464",
            "ParentProcessName",
            r"C:\Windows\System32\lsass.exe",
        ),
    ),
    _class(
        "values are trimmed",
        "hayabusa",
        trims_values,
        2,
        Example(
            "Privilege Escalation/privexchange_dirkjan.evtx",
            "65969",
            "059e7255-411c-1666-a2e5-2e99e294e614",
            "LogonProcessName",
            "NtLmSsp ",
        ),
        ours=False,
    ),
    _class(
        "not in the run",
        "chainsaw",
        was_not_run,
        344,
        Example(
            "AutomatedTestingTools/Malware/rundll32_cmd_schtask.evtx",
            "424115",
            "e79a9e79-eb72-4e78-a628-0e7e8f59e89c",
            "OriginalFileName",
            "RUNDLL32.EXE",
        ),
    ),
    _class(
        "a modifier that it refuses",
        "chainsaw",
        has_refused_modifier,
        46,
        Example(
            PANACHE,
            "3677",
            "7c9340a9-e2ee-4e43-94c5-c54ebbea1006",
            "CommandLine",
            r'"C:\Windows\system32\cmd.exe" /c "dir c:\ /b /s .key | findstr /e .key"',
        ),
    ),
    _class(
        "a title that its mapping leaves out",
        "chainsaw",
        has_excluded_title,
        14,
        Example(PANACHE, "4055", "0f06a3a5-6a09-413f-8743-e6cf35561297", "EventType", "WmiFilterEvent"),
    ),
    _class(
        "another provider in the Security log",
        "chainsaw",
        is_of_another_provider,
        24,
        Example(RDP, "227693", "d99b79d2-0a6f-4f46-ad8b-260b6e17f982", "SubjectUserName", "admin01"),
    ),
    _class(
        "a field that it does not find by that name",
        "chainsaw",
        lacks_the_field,
        64,
        Example(
            "Credential Access/ACL_ForcePwd_SPNAdd_User_Computer_Accounts.evtx",
            "198238053",
            "e5ac86dd-2da1-454b-be74-05d26c769d7d",
            "ObjectDN",
            "CN={31B2F340-016D-11D2-945F-00C04FB984F9},CN=POLICIES,CN=SYSTEM,DC=INSECUREBANK,DC=LOCAL",
        ),
    ),
    _class(
        "types do not mix",
        "chainsaw",
        keeps_types_apart,
        14,
        Example(RDP, "227727", "5bed80b6-b3e8-428e-a3ae-d3c757589e41", "DestPort", "3389"),
    ),
    _class(
        "backslashes stay doubled",
        "chainsaw",
        keeps_backslashes_doubled,
        48,
        Example(
            PANACHE,
            "3674",
            "3abd6094-7027-475f-9630-8ab9be7b9725",
            "CommandLine",
            r"net  use \\Target\C$ P@ssw0rd1 /u:DOMAIN\Administrator",
        ),
    ),
    _class(
        "a wildcard inside a value is that character",
        "chainsaw",
        takes_inner_wildcards_literally,
        2,
        Example(
            "Lateral Movement/LM_impacket_docmexec_mmc_sysmon_01.evtx",
            "9839",
            "c30fb093-1109-4dc8-88a8-b30d11c95a5d",
            "CommandLine",
            r'"C:\Windows\System32\cmd.exe" /Q /c whoami /all 1> \\127.0.0.1\ADMIN$\__1556656511.61 2>&1',
        ),
    ),
)
