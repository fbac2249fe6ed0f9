"""What a page asks of the database: counts, so they are the same on every machine."""

from __future__ import annotations

from benchmarks.registry import measures


@measures("setup.queries", unit="queries", goal=10)
def queries_of_the_setup_page() -> float:
    """Database queries of a ready person's own page, session and user included."""
    import datetime as dt

    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from onboarding.models import User
    from tests.factories import make_ready_person

    user = make_ready_person().user
    assert user is not None
    client = Client()
    client.force_login(user)
    # Signed in before the verification ended: otherwise the visit would start another.
    User.objects.filter(pk=user.pk).update(last_login=timezone.now() - dt.timedelta(hours=1))
    with CaptureQueriesContext(connection) as queries:
        response = client.get("/setup/")
    if response.status_code != 200:
        raise RuntimeError(f"/setup/ answered {response.status_code}")
    return len(queries)
