"""Runs the part of PowerShell that our scripts are written in, because no PowerShell can be had where the tests run.

It is no PowerShell: it knows what these scripts use and refuses the rest, by `Misuse`. It was written from the
language's documentation, to find slips of ours, above all those that Windows PowerShell does not report:
- what a function or method leaves in the pipeline, and lists that are taken apart on the way;
- variables, properties and members that do not exist (`Set-StrictMode -Version 2`);
- comparisons of text by the rules of a culture, and of whole lists;
- a dictionary's own member where a property of that name was meant.

https://learn.microsoft.com/powershell/scripting/lang-spec/chapter-01
"""

from __future__ import annotations

from tests.unit.bundles.windows import expressions, statements
from tests.unit.bundles.windows.language import Exit, Machine, Scope
from tests.unit.bundles.windows.values import Misuse

# Importing them is what makes the language known.
MAKERS = (statements, expressions)

__all__ = ["MAKERS", "Exit", "Machine", "Misuse", "Scope"]
