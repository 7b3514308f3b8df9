"""The bot's own database, trail, address and pace."""

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr

from bot.config.reading import guide


class OwnSettings(BaseModel):
    """What this bot is, whatever platform it looks after."""

    database_url: SecretStr = Field(
        description="The bot's own PostgreSQL database, reached directly (never through a transaction-mode pooler), "
        "as the role that can neither alter nor delete.",
    )
    migrate_database_url: SecretStr | None = Field(
        None, description="The same database as the role that owns the tables; only `python -m bot migrate` uses it."
    )
    sequencer_database_url: SecretStr | None = Field(
        None,
        description="The same database as the role that chains the audit trail; without it, this process does not. "
        "`migrate` grants that role its rights.",
    )
    retention_database_url: SecretStr | None = Field(
        None, description="The same database as the role that may drop old months of the trail: `audit retire` alone."
    )
    audit_key_file: Path | None = Field(
        None,
        description="The Ed25519 key that signs this bot's audit entries (`python -m bot audit key FILE` makes one); "
        "production does not start without it, elsewhere one is made for each start.",
    )
    sequencer_key_file: Path | None = Field(
        None, description="The Ed25519 key that signs the heads of the trail; needed where the trail is chained."
    )
    anchor_bucket: str = Field(
        "",
        description="The S3 bucket with Object Lock that keeps the heads of the trail; production needs one.",
    )
    anchor_prefix: str = Field("audit/", description="What the names of the anchors begin with in that bucket.")
    anchor_days: int = Field(
        400,
        ge=1,
        le=36500,
        description="How long an anchor is locked in compliance mode: nobody deletes it earlier.",
    )
    http_host: str = Field("127.0.0.1", description="The address the HTTP surface listens on.")
    http_port: int = Field(8080, ge=0, le=65535, description="Its port; 0 takes a free one.")
    worker_concurrency: int = Field(8, ge=1, le=64, description="How many jobs one process works on at once.")
    runs_at_once: int = Field(4, ge=1, le=64, description="How many runs one process works on at once.")
    lease_seconds: float = Field(
        20,
        ge=2,
        le=600,
        description="How long a worker may be silent before another takes over its runs, which happens within half as "
        "long again, in seconds.",
    )
    otlp_endpoint: str = Field(
        "",
        validation_alias=guide("OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="An OpenTelemetry collector (http://host:4318) that gets the traces from click to step; empty: "
        "none are made. OTEL_EXPORTER_OTLP_HEADERS may hold what it wants to see.",
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
