"""The WSGI application gunicorn serves."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from portal.traces import start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

# Before the application is made: it takes its middleware from the settings then.
start("web")
application = get_wsgi_application()
