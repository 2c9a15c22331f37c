"""The command line: `python -m sigma_engine scan|check|explain|report`. stdout carries results and nothing else."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from sigma_engine.command_check import run_check
from sigma_engine.command_explain import run_explain
from sigma_engine.command_report import run_report
from sigma_engine.command_scan import run_scan
from sigma_engine.rule import LEVELS, STATUSES

DEFAULT_MODEL = "Windows event logs"
USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code: 0 done, 1 errors found (`check`, `--strict`), 2 wrong usage."""
    options = _parser().parse_args(arguments)
    missing = [path for path in _paths(options) if not Path(path).exists()]
    if missing:
        print(f"sigma_engine: there is no file or folder {missing[0]}", file=sys.stderr)
        return USAGE
    try:
        return int(options.run(options))
    except BrokenPipeError:  # the reader of our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _paths(options: argparse.Namespace) -> list[str]:
    evidence = getattr(options, "evidence", [])
    more = [getattr(options, name, None) for name in ("tuning", "abbreviations")]
    paths = [*(evidence if isinstance(evidence, list) else [evidence]), *options.rules, *more]
    return [path for path in paths if path is not None]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sigma_engine", description="Match Sigma rules against event logs."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_scan(commands.add_parser("scan", help="run rules over evidence, one hit a line"))
    _add_check(commands.add_parser("check", help="say what is wrong with rules, one finding a line"))
    _add_report(commands.add_parser("report", help="say which rules a model serves and what it lacks"))
    _add_explain(commands.add_parser("explain", help="say why rules do or do not match events"))
    return parser


def _add_scan(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run_scan)
    parser.add_argument(
        "evidence", nargs="+", metavar="EVIDENCE", help=".evtx, .jsonl or .json files, or folders"
    )
    parser.add_argument(
        "--rules", nargs="+", action="extend", required=True, metavar="PATH", help="files or folders"
    )
    _add_model(parser)
    parser.add_argument("--format", choices=("jsonl", "csv"), help="jsonl unless given")
    parser.add_argument("--out", metavar="FILE", help="write hits here, not to stdout")
    parser.add_argument(
        "--debug", metavar="FILE", help="also write why each rule did or did not hit, as JSON; slower"
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit 1 if a rule, file or chunk could not be used"
    )
    parser.add_argument(
        "--jobs", type=_jobs, default=_cores(), metavar="N", help="processes; the cores unless given"
    )
    parser.add_argument(
        "--level", action="append", default=[], choices=LEVELS, help="may be given more than once"
    )
    parser.add_argument(
        "--status", action="append", default=[], choices=STATUSES, help="may be given more than once"
    )
    parser.add_argument("--tag", action="append", default=[], help="whole, or a namespace such as attack")
    parser.add_argument(
        "--title", default="", metavar="REGEX", help="only rules whose title has this, case ignored"
    )
    parser.add_argument(
        "--tuning", metavar="FOLDER", help="with level_tuning.txt, noisy_rules.txt, exclude_rules.txt"
    )
    parser.add_argument(
        "--abbreviations", metavar="FILE", help="short names of channels: full name,short name"
    )
    parser.add_argument(
        "--rule-filter", default="", metavar="LAMBDA", help="over the rule, x=>x.Level = 'high'"
    )


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run_check)
    parser.add_argument("rules", nargs="+", metavar="PATH", help="rule files or folders")
    _add_model(parser)


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run_report)
    parser.add_argument("rules", nargs="+", metavar="PATH", help="rule files or folders")
    _add_model(parser)


def _add_explain(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run_explain)
    parser.add_argument("evidence", metavar="EVIDENCE", help="an .evtx, .jsonl or .json file")
    parser.add_argument("--rules", nargs=1, required=True, metavar="FILE", help="a rule file")
    parser.add_argument("--record", type=int, metavar="N", help="only events with this record id")
    _add_model(parser)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", default=DEFAULT_MODEL, metavar="NAME|FILE", help=f"`{DEFAULT_MODEL}` unless given"
    )


def _jobs(text: str) -> int:
    jobs = int(text)
    if jobs < 1:
        raise ValueError("at least one")
    return jobs


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    sys.exit(main())
