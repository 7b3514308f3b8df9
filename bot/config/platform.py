"""How the platform is reached."""

from pydantic import BaseModel, Field, SecretStr

from bot.config.reading import guide


class PlatformSettings(BaseModel):
    """Its database, Redis, chain and backend."""

    alertmanager_token: SecretStr | None = Field(
        None,
        description="What Alertmanager proves itself by at `POST /alertmanager`: a bearer token, or the password of "
        "basic auth; without it, everything there is refused.",
    )
    alertmanager_url: SecretStr | None = Field(
        None,
        description="Where Alertmanager's API is, for silences: https://alertmanager:9093, with user:password@ before "
        "the name where it asks for them; without it, alerts have no Silence buttons.",
    )
    alert_webhook_secret: SecretStr | None = Field(
        None,
        description="The last part of the path of a Slack-compatible incoming webhook: `POST /services/a/b/SECRET` "
        "takes what the guide's alertmanager.yml sends, with only its api_url changed.",
    )
    redis_url: SecretStr | None = Field(None, description="The platform's Redis (redis://...).")
    chain_rpc_url: SecretStr | None = Field(None, description="An RPC endpoint of the chain; it may hold a key.")
    chain_id: int | None = Field(None, description="The chain id expected there; unset: the one of NETWORK.")
    backend_urls: tuple[str, ...] = Field(
        ("http://localhost:3001/health",), description="The health addresses of the backend's instances, as JSON."
    )
    db_host: str = Field("localhost", validation_alias=guide("DB_HOST"), description="The platform's PostgreSQL host.")
    db_port: int = Field(5432, validation_alias=guide("DB_PORT"), description="Its port.")
    db_name: str = Field("takumi", validation_alias=guide("DB_NAME"), description="The database to look after.")
    db_user: str = Field("takumi", validation_alias=guide("DB_USER"), description="The bot's role there.")
    db_password: SecretStr = Field(
        SecretStr(""), validation_alias=guide("DB_PASSWORD"), description="That role's password."
    )
    network: str = Field("polygon", validation_alias=guide("NETWORK"), description="The chain's network.")
