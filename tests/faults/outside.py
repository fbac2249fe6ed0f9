"""`python -m tests.faults.outside aws|idp PEOPLE PORTS PORTAL`: a company of so many people, as its AWS or its
identity provider, until it is ended. The file PORTS gets the port once it answers.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
import threading
from pathlib import Path

from benchmarks.scale import MODELS, Scale, company_of, email_of
from sandbox import company as sandbox

ADMIN = "admin@bench.example"
_DAYS = 4
_USERS = 10


def scale_of(people: int) -> Scale:
    return Scale(people=people, roles=4, accounts=2, regions=("eu-west-1",))


def company(people: int) -> sandbox.Company:
    """benchmarks/scale.py's company, some of whom have used Claude for some days; and an admin with a team."""
    scale = scale_of(people)
    habits = tuple(
        sandbox.Habit(
            account=scale.account_of(number),
            region="eu-west-1",
            requests=40,
            models={f"eu.{MODELS[1][0]}": 3, f"eu.{MODELS[2][0]}": 1},
            permission_set=f"ClaudeCode{scale.group_of(number).rpartition('-')[2]}",
            session=email_of(number),
        )
        for number in range(min(people, _USERS))
    )
    made = company_of(scale)
    team = "-".join(map(str, scale.plan_of(0)))
    user = sandbox.DirectoryUser(ADMIN, ADMIN, (scale.group_of(0),))
    admin = sandbox.Person(ADMIN, "Admin", groups=("onramp-admins", team), directory=user)
    return dataclasses.replace(
        made, people=(*made.people, admin), usage=sandbox.Usage(_DAYS, billing_lag_days=1, habits=habits)
    )


def _serve(kind: str, people: int, folder: Path, portal: str) -> int:
    from sandbox.__main__ import start_idp
    from sandbox.aws.server import start

    if kind == "aws":
        return start(company(people)).port
    state = Path(tempfile.mkdtemp(prefix="idp-", dir=folder))
    return start_idp(company(people), 0, portal, state).port


def main(kind: str, people: str, ports: str, portal: str) -> None:
    port = _serve(kind, int(people), Path(ports).parent, portal)
    draft = Path(f"{ports}.draft")
    draft.write_text(str(port))
    draft.replace(ports)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
