"""What gunicorn itself says, as the portal logs: `--logger-class portal.gunicorn_logger.Logger`.

Its worker processes log so by Django's LOGGING; its first process, which starts and ends them, loads no Django.
"""

from __future__ import annotations

import logging.config
from typing import Any

from gunicorn import glogging

from portal.environment import Environment
from portal.logs import logging_config


class Logger(glogging.Logger):  # type: ignore[misc]  # it has no types
    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        logging.config.dictConfig(logging_config(Environment().log_format))
