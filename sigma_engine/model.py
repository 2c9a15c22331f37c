"""A model: what a rule needs before it means anything: log sources, field mappings, default details.

The YAML format is described in docs/models.md and read by `model_file`; models that ship with the engine are
the files of `sigma_engine/models`. A model may extend another: its own sources and fields come first. Velociraptor's
model files are read as they are, by `velociraptor_model`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from sigma_engine.findings import Finding, Scope, Severity
from sigma_engine.lambdas import Lambda
from sigma_engine.log_source import KeyLike, LogsourceLike, Source, base_name
from sigma_engine.mapping import ORIGIN_FALLBACK, Mapping
from sigma_engine.model_file import ModelFile, read_model_file
from sigma_engine.velociraptor_model import is_velociraptor_model, read_velociraptor_model
from sigma_engine.yaml_source import load_document

__all__ = [
    "Mapping",
    "Model",
    "ModelError",
    "Source",
    "load_model",
    "parse_model",
    "shipped_models",
]

MODELS = Path(__file__).parent / "models"
MAX_EXTENDS = 8  # models that extend one another
MAX_MODELS = 32  # models that one is made of
_MAX_REMEMBERED = (
    10_000  # answers per cache; the keys come from evidence, which could invent them without end
)


class ModelError(Exception):
    """A model that cannot be loaded; `findings` say why where its text is at fault."""

    def __init__(self, message: str, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(message)
        self.findings = findings


class Model:
    """Log sources, field mappings and default details, and the questions that scans ask of them.

    `sources` are in the order of their text, those of an extended model last. `default_details` maps
    `Provider/event id` to a template or a lambda; `details_query` is asked where it is silent. `bad_fields` and
    `bad_sources` are what a Velociraptor model knows that it lacks. `digest` (sha256, hex) covers the extended
    models too. Safe to share and to pickle.
    """

    def __init__(self, parts: ModelFile, text: str, bases: Sequence[Model] = ()) -> None:
        self.name = parts.name
        self.description = parts.description
        self.extends = parts.extends
        self.text = text
        self.sources: tuple[Source, ...] = (*parts.sources, *(one for base in bases for one in base.sources))
        all_parts: list[ModelFile | Model] = [*bases, parts]
        self.fields: dict[str, Mapping] = {}
        self.default_details: dict[str, str | Lambda] = {}
        self.details_query: Lambda | None = None
        self.bad_fields: frozenset[str] = frozenset()
        self.bad_sources: frozenset[str] = frozenset()
        for one in all_parts:
            self.fields |= one.fields
            self.default_details |= one.default_details
            self.details_query = one.details_query or self.details_query
            self.bad_fields |= one.bad_fields
            self.bad_sources |= one.bad_sources
        self.digest: str = sha256(
            (text + "".join(base.digest for base in bases)).encode("utf-8", "replace")
        ).hexdigest()
        self._forget()

    def _forget(self) -> None:
        self._by_specificity = sorted(self.sources, key=lambda source: source.specificity, reverse=True)
        self._asks_file = any(source.files for source in self.sources)
        self._served: dict[tuple[str | None, ...], tuple[Source, ...]] = {}
        self._accepting: dict[tuple[Any, ...], tuple[Source, ...]] = {}
        self._mappings: dict[tuple[str, tuple[Source, ...]], Mapping] = {}
        self._fallbacks: dict[str, Mapping] = {}

    def sources_for(self, logsource: LogsourceLike) -> tuple[Source, ...]:
        """The sources that serve rules of this logsource; none: the model does not serve such rules.

        A source serves a rule when each part that the rule names is named alike by the source. Parts that the
        rule leaves open match anything; a part that it names never matches a source's `*`.
        """
        key = (logsource.category, logsource.product, logsource.service)
        if key not in self._served:
            found = tuple(source for source in self.sources if source.serves(logsource))
            _remember(self._served, key, found)
        return self._served[key]

    def accepting(self, key: KeyLike, file_name: str) -> tuple[Source, ...]:
        """The sources that take events of this key from this file, the most specific first.

        A source's `where` is not asked: that is a question for each event.
        """
        file_name = base_name(file_name) if self._asks_file else ""
        known = (key.channel, key.event_id, key.provider, file_name)
        found = self._accepting.get(known)
        if found is None:
            found = tuple(source for source in self._by_specificity if source.accepts(key, file_name))
            _remember(self._accepting, known, found)
        return found

    def mapping(self, field: str, accepted: tuple[Source, ...]) -> Mapping:
        """Where `field` is found in events of the accepted sources (most specific first, as `accepting`).

        The first source that maps the field decides, then the model's own `fields`, then the fallback.
        """
        known = (field, accepted)
        found = self._mappings.get(known)
        if found is None:
            found = next((source.fields[field] for source in accepted if field in source.fields), None)
            found = found or self.fields.get(field) or self._fallback(field)
            _remember(self._mappings, known, found)
        return found

    def _fallback(self, field: str) -> Mapping:
        if field not in self._fallbacks:
            _remember(self._fallbacks, field, Mapping(field, ORIGIN_FALLBACK))
        return self._fallbacks[field]

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if not key.startswith("_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def __repr__(self) -> str:
        return f"Model({self.name!r}, {len(self.sources)} sources)"


def _remember(cache: dict[Any, Any], key: Any, value: Any) -> None:
    if len(cache) >= _MAX_REMEMBERED:
        cache.clear()
    cache[key] = value


FindText = Callable[[str], str | None]


def parse_model(text: str, find: FindText | None = None) -> tuple[Model | None, list[Finding]]:
    """A model of its YAML text, and all that is wrong with it; no model when a finding is an error.

    The text is in our own format or is a Velociraptor model file. `find` gives the text of a model that `extends`
    or `ImportConfigs` names (None: there is none); unless given, the models that ship with the engine are looked up.
    """
    return _parse(text, _Library(find or _shipped_text), ())


class _Library:
    """Where models are found by name, and how many more may be: each of them may name several others."""

    def __init__(self, find: FindText) -> None:
        self.find = find
        self.left = MAX_MODELS


def _parse(text: str, library: _Library, above: tuple[str, ...]) -> tuple[Model | None, list[Finding]]:
    root, findings = load_document(text)
    parts: ModelFile | None
    if root is not None and is_velociraptor_model(root):
        parts = read_velociraptor_model(root, text, findings)
    else:
        parts = read_model_file(root, text, findings)
    bases = _bases(parts, findings, library, above) if parts is not None else []
    if parts is None or any(finding.severity is Severity.ERROR for finding in findings):
        return None, findings
    return Model(parts, text, bases), findings


def _bases(
    parts: ModelFile, findings: list[Finding], library: _Library, above: tuple[str, ...]
) -> list[Model]:
    """The models that this one extends or imports; one that `extends` names must be there."""
    chain, bases = (*above, parts.name), []
    if parts.extends:
        base, problem = _base(parts.extends, library, chain)
        if problem:
            place = parts.extends_place
            findings.append(Finding("model_extends", Severity.ERROR, problem, "", *place, Scope.MODEL))
        bases += [base] if base else []
    is_empty = not (parts.sources or parts.fields)
    for name, line, column in parts.imports:
        base, problem = _base(name, library, chain)
        if problem:
            severity = Severity.WARNING if is_empty else Severity.INFO
            findings.append(Finding("model_import", severity, problem, "", line, column, Scope.MODEL))
        bases += [base] if base else []
    return bases


def _base(name: str, library: _Library, chain: tuple[str, ...]) -> tuple[Model | None, str]:
    if name in chain:
        return None, f"The model extends itself: {' -> '.join((*chain, name))}."
    if len(chain) >= MAX_EXTENDS:
        return None, f"More than {MAX_EXTENDS} models extend one another."
    if library.left <= 0:
        return None, f"More than {MAX_MODELS} models belong to this one."
    library.left -= 1
    text = library.find(name)
    if text is None:
        return None, f"There is no model `{name}`. The engine ships: {', '.join(shipped_models())}."
    base, findings = _parse(text, library, chain)
    if base is None:
        first = next((finding.message for finding in findings if finding.severity is Severity.ERROR), "")
        return None, f"The model `{name}` cannot be used: {first}"
    return base, ""


@lru_cache(maxsize=1)
def shipped_models() -> dict[str, Path]:
    """The models that ship with the engine: name -> file."""
    names: dict[str, Path] = {}
    for path in sorted(MODELS.glob("*.yaml")):
        root, _ = load_document(path.read_text(encoding="utf-8"))
        name = root.get("name") if root else None
        if name is None:
            raise ModelError(f"{path.name} is no model")
        names[name.text] = path
    return names


def _shipped_text(name: str) -> str | None:
    path = shipped_models().get(name)
    return path.read_text(encoding="utf-8") if path else None


def load_model(name_or_path: str) -> Model:
    """A shipped model by name, or one of a file by its path.

    Files that it imports are looked for beside it, by the last part of their names.
    Raises ModelError when there is none, it cannot be read, or its text has errors (`findings`).
    """
    text = _shipped_text(name_or_path)
    if text is None:
        text = _file_text(Path(name_or_path))
    folder = Path(name_or_path).parent
    model, findings = parse_model(text, lambda name: _shipped_text(name) or _text_beside(folder, name))
    if model is None:
        first = next(finding for finding in findings if finding.severity is Severity.ERROR)
        place = f"line {first.line}, column {first.column}"
        raise ModelError(
            f"The model {name_or_path} cannot be used: {place}: {first.message}", tuple(findings)
        )
    return model


def _text_beside(folder: Path, name: str) -> str | None:
    path = folder / base_name(name)
    return _file_text(path) if path.suffix in (".yaml", ".yml") and path.is_file() else None


def _file_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        known = ", ".join(f"`{name}`" for name in shipped_models())
        raise ModelError(f"There is no model and no file `{path}`. The engine ships: {known}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"The model file {path} cannot be read: {error}.") from error
