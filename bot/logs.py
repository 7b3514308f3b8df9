"""Structured logs: one JSON line an event, with the ids of what is being worked on and without secrets."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from bot.domain.redaction import Redactor


def configure(level: str, redactor: Redactor) -> None:
    """Every logger, our own and the libraries', ends in the same lines; the redactor sees them last."""

    def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {key: redactor.value(_plain(value)) for key, value in event.items()}

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            redact,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for noisy in ("apscheduler", "slack_sdk", "slack_bolt", "procrastinate", "botocore", "urllib3", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        # Without it every debug line runs the whole chain before the library throws it away.
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )


def _plain(value: Any) -> Any:
    """What the redactor can look into: anything that is not text, number or container becomes its text."""
    return value if isinstance(value, (str, int, float, bool, dict, list, tuple, type(None))) else str(value)
