"""The functions of the lambda language that make text: case, format, split and join, regexes, paths.

Each is `(run, arguments by name) -> value`, as `lambda_functions` lists them; a null or absent text gives
`ABSENT`. All output is charged to the run before it is made, where its size is known before.
"""

from __future__ import annotations

import re
from typing import Any

from sigma_engine import lambda_values as values
from sigma_engine.lambda_values import LambdaError, Run
from sigma_engine.values import ABSENT

_MAX_PADDING = 1000
_VERB = re.compile(r"%([-+ #0]*)([0-9]{0,9})(?:\.([0-9]{1,9}))?([a-zA-Z%])")
_GROUP = re.compile(r"\$(?:(\w{1,64})|\{(\w{1,64})\})", re.ASCII)


def _is_null(value: Any) -> bool:
    return value is None or value is ABSENT


def lowcase(run: Run, arguments: dict[str, Any]) -> Any:
    """`lowcase(string=)`: the text in lower case."""
    return _changed(run, arguments["string"], str.lower)


def upcase(run: Run, arguments: dict[str, Any]) -> Any:
    """`upcase(string=)`: the text in upper case."""
    return _changed(run, arguments["string"], str.upper)


def _changed(run: Run, value: Any, change: Any) -> Any:
    if _is_null(value):
        return ABSENT
    if isinstance(value, list):
        run.step(len(value))
        return [_changed(run, item, change) if not isinstance(item, list) else item for item in value]
    text = run.text(value)
    run.charge(len(text))
    return change(text)


def strip(run: Run, arguments: dict[str, Any]) -> Any:
    """`strip(string=, prefix=, suffix=)`: without that beginning and end; without either, without blanks."""
    if _is_null(arguments["string"]):
        return ABSENT
    text = run.text(arguments["string"])
    run.charge(len(text))
    if "prefix" not in arguments and "suffix" not in arguments:
        return text.strip()
    text = text.removeprefix(run.text(arguments.get("prefix", "")))
    return text.removesuffix(run.text(arguments.get("suffix", "")))


def join(run: Run, arguments: dict[str, Any]) -> Any:
    """`join(array=, sep=, prefix=)`: the items as text, with `sep` between them."""
    array = arguments["array"]
    if _is_null(array):
        return ABSENT
    sep, prefix = run.text(arguments.get("sep", "")), run.text(arguments.get("prefix", ""))
    items = [run.text(item) for item in (array if isinstance(array, list) else [array])]
    run.charge(len(prefix) + len(sep) * len(items) + sum(map(len, items)))
    return prefix + sep.join(items)


def split(run: Run, arguments: dict[str, Any]) -> Any:
    """`split(string=, sep=)`: the pieces between what the regex `sep` finds; `sep_string` is plain text."""
    if _is_null(arguments["string"]):
        return ABSENT
    text = run.scanned(arguments["string"])
    run.charge(len(text))
    if "sep_string" in arguments:
        plain = run.text(arguments["sep_string"])
        pieces = text.split(plain) if plain else list(text)
        run.charge(len(pieces))
        return pieces
    pieces, end = [], 0
    for match in values.compile_regex(run.text(arguments.get("sep", ","))).finditer(text):
        if match.end() > match.start():
            run.charge(1)
            pieces.append(text[end : match.start()])
            end = match.end()
    return [*pieces, text[end:]]


def regex_replace(run: Run, arguments: dict[str, Any]) -> Any:
    """`regex_replace(source=, re=, replace=)`: `$1`, `${1}` and `${name}` in `replace` are groups."""
    if _is_null(arguments["source"]):
        return ABSENT
    text = run.scanned(arguments["source"])
    regex, template = values.compile_regex(run.text(arguments["re"])), run.text(arguments["replace"])
    pieces, end = [], 0
    for match in regex.finditer(text):
        made = _expanded(template, match)
        run.charge(match.start() - end + len(made) + 1)
        pieces += [text[end : match.start()], made]
        end = match.end()
    run.charge(len(text) - end)
    return "".join([*pieces, text[end:]])


def _expanded(template: str, match: Any) -> str:
    return _GROUP.sub(lambda group: _group(match, group[1] or group[2]), template)


def _group(match: Any, name: str) -> str:
    try:
        return match.group(int(name) if name.isdigit() else name) or ""
    except (IndexError, KeyError, ValueError):
        return ""


def parse_string_with_regex(run: Run, arguments: dict[str, Any]) -> Any:
    """`parse_string_with_regex(string=, regex=)`: a dict of the groups: `g1`, `g2`, .. or their names."""
    if _is_null(arguments["string"]):
        return ABSENT
    text, found = run.scanned(arguments["string"]), {}
    patterns = arguments["regex"] if isinstance(arguments["regex"], list) else [arguments["regex"]]
    for pattern in patterns:
        run.step(1 + (len(text) >> 12))
        regex = values.compile_regex(run.text(pattern))
        match = regex.search(text)
        if match is None:
            continue
        names = {number: name for name, number in regex.groupindex.items()}
        for number, group in enumerate(match.groups(), 1):
            if group is not None:
                run.charge(len(group))
                found[names.get(number, f"g{number}")] = group
    return found


def basename(run: Run, arguments: dict[str, Any]) -> Any:
    """`basename(path=)`: what follows the last `\\` or `/` (or `sep`)."""
    return ABSENT if _is_null(arguments["path"]) else _path_parts(run, arguments)[1]


def dirname(run: Run, arguments: dict[str, Any]) -> Any:
    """`dirname(path=)`: what stands before the last `\\` or `/` (or `sep`)."""
    return ABSENT if _is_null(arguments["path"]) else _path_parts(run, arguments)[0]


def _path_parts(run: Run, arguments: dict[str, Any]) -> tuple[str, str]:
    path, sep = run.text(arguments["path"]), arguments.get("sep")
    run.charge(len(path))
    cut = path.rfind(run.text(sep)) if sep else max(path.rfind("\\"), path.rfind("/"))
    return (path[:cut], path[cut + (len(run.text(sep)) if sep else 1) :]) if cut >= 0 else ("", path)


def format_text(run: Run, arguments: dict[str, Any]) -> Any:
    """`format(format=, args=)`: Go's verbs `%s %v %d %x %X %q %t %f %e %g %%` with flags, width, precision.

    A HexInt text under `%d`, `%x` or `%X` is its number. A verb without an argument, or of another kind,
    stays as it is written, so that it is seen.
    """
    template, given = run.text(arguments["format"]), arguments.get("args", [])
    remaining = list(given) if isinstance(given, list) else [given]
    run.charge(len(remaining))
    remaining.reverse()
    run.step(1 + (len(template) >> 12))

    def one(match: re.Match[str]) -> str:
        if match[4] == "%":
            return "%"
        text = _formatted(run, match, remaining.pop()) if remaining else match[0]
        run.charge(len(text))
        return text

    run.charge(len(template))
    return _VERB.sub(one, template)


def _formatted(run: Run, match: re.Match[str], value: Any) -> str:
    flags, width, precision, verb = match[1], int(match[2] or 0), match[3], match[4]
    if width > _MAX_PADDING or int(precision or 0) > _MAX_PADDING:
        raise LambdaError(f"format() pads to at most {_MAX_PADDING} characters.")
    number = values.number_of(value)
    if verb in "dxX" and number is not None and number == number and abs(number) < 1 << 64:
        text = _integer(int(number), verb, flags)
    elif verb in "feg" and isinstance(number, int | float) and abs(number) < 1 << 64:
        text = format(float(number), f".{precision or 6}{verb}")
    elif verb in "svqt":
        text = run.text(value)[: int(precision) if precision else None]
        text = f'"{text}"' if verb == "q" else text
    elif verb in "xX" and not _is_null(value):
        run.charge(2 * len(run.text(value)))
        text = run.text(value).encode("utf-8", "surrogatepass").hex()
    else:
        return match[0]
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags and number is not None:
        sign, digits = (text[0], text[1:]) if text[:1] in ("-", "+") else ("", text)
        return sign + digits.rjust(width - len(sign), "0")
    return text.rjust(width)


def _integer(number: int, verb: str, flags: str) -> str:
    prefix = "0x" if verb == "x" else "0X"
    digits = format(abs(number), verb)
    sign = "-" if number < 0 else "+" if "+" in flags else ""
    return sign + (prefix if "#" in flags and verb != "d" else "") + digits
