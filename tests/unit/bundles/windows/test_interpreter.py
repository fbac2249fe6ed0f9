"""The model of PowerShell itself: what the other tests rely on it to know, and to refuse.

Each example is of PowerShell's documentation, above all
https://learn.microsoft.com/powershell/scripting/learn/deep-dives/everything-about-arrays and `about_Return`.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.bundles.windows.cmdlets import machine
from tests.unit.bundles.windows.values import Misuse, Thrown


def left(source: str) -> list[Any]:
    out: list[Any] = []
    machine({"FOO": "bar"}).load(source.encode(), "", [], out)
    return out


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        # A list is taken apart on its way out of a function, a dictionary is not, and a comma saves the list.
        ("function F { return @(1, 2) }\n(F).Length", [2]),
        ("function F { return @(1) }\n$x = F\n$x", [1]),
        ("function F { return @() }\n@(F).Length", [0]),
        ("function F { return $null }\n@(F).Length", [1]),
        ("function F { return , @(1) }\n$x = F\n$x.Length", [1]),
        ("function F { return @{ A = 1 } }\n(F).A", [1]),
        ("$l = New-Object System.Collections.ArrayList\n$n = $l.Add(5)\n$l.Count", [1]),
        # What a method returns, if nobody takes it, is left in the pipeline; of an assignment nothing is.
        ("$l = New-Object System.Collections.ArrayList\n$l.Add(5)", [0]),
        ("$l = New-Object System.Collections.ArrayList\n$null = $l.Add(5)", []),
        ("$l = New-Object System.Collections.ArrayList\n$l.Insert(0, 5)", []),
        # Variables, functions and -eq know no case; a function's variables end with it, and it sees its caller's.
        ("$Xy = 1\n$xY", [1]),
        ("function F { $x = 2 }\n$x = 1\nF\n$x", [1]),
        ("function G { $x }\nfunction F { $x = 2\nG }\nF", [2]),
        ("'a' -eq 'A'\n'a' -ceq 'A'", [True, False]),
        # Typed parameters convert: $null is no text, but a list of one is still a list.
        ("function F { param([string]$T)\n$T.Length }\nF $null", [0]),
        ("function F { param([string[]]$T)\n$T.Length }\nF 'x'", [1]),
        ('$x = @{ A = 1 }\n"$x.A" -ceq "x"', Misuse),
        ("$a = 'x'\n\"$a.b $($a.Length)`t${a}$env:FOO\"", ["x.b 1\txbar"]),
        ("@(1, 2, 3)[0..-1]", [1, 3]),
        ("foreach ($i in $null) { 1 }", []),
        ("$x = foreach ($i in 1, 2) { $i }\n$x.Length", [2]),
        (
            "try { throw (New-Object System.FormatException 'm') }\n"
            "catch [System.FormatException] { $_.Exception.Message }",
            ["m"],
        ),
        ("switch ('a') {\n'A' { 1 }\ndefault { 2 }\n}", [1]),
        ("'abc'.Substring(1, 1) + [char]100", ["bd"]),
    ],
)
def test_it_does_as_powershell_does(source: str, expected: Any) -> None:
    if expected is Misuse:
        with pytest.raises(Misuse):
            left(source)
    else:
        assert left(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "$never",
        "$x = @{ A = 1 }\n$x.B",
        "$x = $null\n$x.Length",
        "@(1) -eq 1",
        "'\u00e9' -ceq 'e'",
        "'a'.StartsWith('a')",
        "'a'.IndexOf('a')",
        "'1' -cmatch '\\d'",
        "$d = New-Object System.Collections.Specialized.OrderedDictionary ([System.StringComparer]::Ordinal)\n$d[0]",
        "$d = New-Object System.Collections.Specialized.OrderedDictionary\n$d",
        "[System.IO.File]::Replace('a', 'b', $null, $true)",
        "function F { param($A) }\nF 1 2",
        "Get-ChildItem",
        "5 / 2",
    ],
)
def test_it_refuses_what_does_not_do_what_it_seems_to(source: str) -> None:
    with pytest.raises((Misuse, TypeError)):
        left(source)


def test_what_does_not_parse_does_not_run() -> None:
    with pytest.raises(Thrown):
        left("1\nif ($true) { 2")
