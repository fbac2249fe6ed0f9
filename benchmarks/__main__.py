"""`python -m benchmarks [NAME ...]`: measure, print one table, write results.json. Fails when a goal is missed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import bundle, costs, live, pages, people, speed, verification  # noqa: F401 -- each registers its entries
from benchmarks.portal import portal
from benchmarks.registry import ENTRIES, Entry, Result

RESULTS = Path(__file__).with_name("results.json")


def table(results: Sequence[Result]) -> str:
    rows = [("name", "figure", "unit", "goal", "")]
    rows += [
        (r.name, _shown(r.figure), r.unit, f"{'>=' if r.at_least else '<='} {r.goal:g}", _word(r)) for r in results
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _shown(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:g}"


def _word(result: Result) -> str:
    if result.figure is None:
        return "not measured"
    return "ok" if result.ok else "MISSED"


def _chosen(arguments: Sequence[str] | None) -> list[Entry]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure, and compare with the goals.")
    parser.add_argument("beginnings", nargs="*", metavar="NAME", help="how an entry's name begins; without any, all")
    beginnings = tuple(parser.parse_args(arguments).beginnings) or ("",)
    if unknown := [each for each in beginnings if not any(entry.name.startswith(each) for entry in ENTRIES)]:
        parser.error(f"no entry begins with {', '.join(unknown)}: there are {', '.join(e.name for e in ENTRIES)}")
    return [entry for entry in ENTRIES if entry.name.startswith(beginnings)]


def main(arguments: Sequence[str] | None = None) -> int:
    entries = _chosen(arguments)
    with portal():
        results = [entry.result() for entry in entries]
    RESULTS.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")
    print(table(results))
    for result in results:
        if result.detail:
            print(f"\n{result.name}: {result.detail}")
    return 0 if all(result.ok for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
