"""`python -m portal.worker_alive`: what a probe asks about the worker of this machine; ends with 1 where it hangs.

It is asked through Redis. While that is away a worker can say nothing, waits, and goes on by itself: to restart it
would help nobody, and Kubernetes waits up to five minutes between restarts. So then nothing is wrong with it.
"""

from __future__ import annotations

import socket
import sys

import django

from portal.celery import app  # names the settings, too

_ANSWERS_WITHIN = 5.0  # seconds


def main() -> int:
    django.setup()
    from onboarding.tasks import broker_answers

    name = f"celery@{socket.gethostname()}"
    if not broker_answers():
        said = "Redis does not answer, so nothing is known"
    elif app.control.ping(destination=[name], timeout=_ANSWERS_WITHIN):
        said = "answers"
    elif broker_answers():
        said = "does not answer"
    else:
        said = "Redis stopped answering, so nothing is known"
    sys.stdout.write(f"{name}: {said}\n")
    return int(said == "does not answer")


if __name__ == "__main__":
    sys.exit(main())
