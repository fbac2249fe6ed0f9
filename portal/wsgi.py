"""The WSGI application gunicorn serves."""

from __future__ import annotations

import gc
import os
from importlib import import_module

from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application

from portal.traces import start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")


def _loaded() -> WSGIHandler:
    """The application with all of its pages, so that the first visitor does not wait for them.

    What is loaded here stays: the collector looks for no rubbish among it, neither meanwhile nor later.
    """
    gc.disable()
    # Before the application is made: it takes its middleware from the settings then.
    start("web")
    application = get_wsgi_application()
    import_module("portal.urls")
    gc.freeze()
    gc.enable()
    return application


application = _loaded()
