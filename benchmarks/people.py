"""The people page with a hundred thousand people, and the file of them: on PostgreSQL, in a process of its own."""

from __future__ import annotations

from benchmarks.costs import measured
from benchmarks.registry import Figure, measures

_MODULE = "benchmarks.people_page"


@measures("people.queries_constant", unit="queries", goal=0.0)
def queries_that_depend_on_how_many_people_there_are() -> Figure:
    """Queries of the page with 100,000 people, less those with ten; unfiltered, and of a search."""
    told = measured(_MODULE)
    more = max(
        abs(told["queries_many"] - told["queries_few"]), abs(told["queries_many_found"] - told["queries_few_found"])
    )
    return Figure(more, "{queries_many} queries, {queries_many_found} of a search".format(**told))


@measures("people.db_ms_worst", unit="ms", goal=25.0)
def what_the_slowest_page_asks_of_the_database() -> Figure:
    """All queries of the page that takes it longest: of every filter and order, the first page, and far behind it."""
    told = measured(_MODULE)
    return Figure(told["db_ms_worst"], "{slowest}, of {pages} pages".format(**told))


@measures("people.page_ratio", unit="ratio", goal=20.0)
def people_page_over_a_minimal_page() -> Figure:
    """CPU of the page of fifty people, over that of a minimal signed-in page."""
    told = measured(_MODULE)
    return Figure(told["ratio"], "{page_ms:.1f} ms, {minimal_ms:.2f} ms a minimal page".format(**told))


@measures("people.csv_rss_mb", unit="MB", goal=20.0)
def memory_that_the_file_takes() -> Figure:
    """How much the most memory of the process grew while it sent the file of everybody."""
    told = measured(_MODULE)
    return Figure(told["csv_rss_mb"], "{csv_rows} rows, {rss_before_mb:.0f} MB before".format(**told))
