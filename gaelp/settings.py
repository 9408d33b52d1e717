"""Process settings: where the services are. Read from the environment once, at a program's start.

These are the only GAELP_ variables that are not training configuration; gaelp/configuration ignores them. Touch this
when a program needs the address of another service.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator, model_validator

PREFIX = "gaelp_"


class Settings(BaseModel):
    """Addresses and places. Defaults are those of `make dev`.

    Read without pydantic-settings, whose import costs every command 70 ms.
    """

    # Inputs are hidden: a refused address may hold a password, and its refusal ends up in a log.
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    home: Path = Field(Path(".gaelp"), description="where everything local is kept")
    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = "default"
    temporal_tls: bool = Field(False, description="encrypt the line; a certificate or an API key implies it")
    temporal_tls_ca: Path | None = Field(None, description="PEM file of who signed the server's certificate")
    temporal_tls_cert: Path | None = Field(None, description="PEM file of the certificate that we show (mTLS)")
    temporal_tls_key: Path | None = Field(None, validate_default=True, description="PEM file of its private key")
    temporal_tls_server_name: str = Field("", description="the server's name in its certificate, if not its address")
    temporal_api_key: SecretStr | None = Field(None, description="of Temporal Cloud")
    temporal_ui: str = "http://127.0.0.1:8233"
    ledger_url: str = Field("", description="SQLAlchemy URL; default sqlite in home")
    store_url: str = Field("", description="fsspec URL of the content store; default a folder in home")
    warehouse_url: str = Field("", description="bigquery://PROJECT/DATASET or a folder; default a folder in home")
    redis_url: str = "redis://127.0.0.1:6379/0"
    pubsub_project: str = Field("", description="Google Cloud project of the events topic; none: a Redis stream")
    emulator_url: str = "http://127.0.0.1:8700"
    emulator_token: str = Field("local-emulator", description="bearer token of the platform emulator", repr=False)
    llm_url: str = Field(
        "http://127.0.0.1:8080",
        pattern=r"^https?://[^\s@]+$",
        description="base address of the OpenAI-compatible endpoint that rates personas",
    )
    llm_api_key: SecretStr | None = Field(None, description="its bearer token, where it wants one")
    reaper_seconds: int = Field(
        30, ge=1, le=3600, description="how often the reaper looks for campaigns that nothing covers"
    )
    metrics_address: str = Field(
        "",
        pattern=r"^$|^[^\s/@]+:[1-9][0-9]{0,4}$",
        description="HOST:PORT at which a worker serves metrics to Prometheus; none: they are not served",
    )
    traces_url: str = Field(
        "",
        pattern=r"^$|^https?://[^\s@]+$",
        description="where traces go by OTLP over HTTP, as in http://127.0.0.1:4318/v1/traces; none: nowhere",
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    notifications: Path | None = Field(None, description="file of Apprise addresses that `notify` sends to, by account")
    approver_key: Path | None = Field(None, description="private key that `approve` signs with")

    @model_validator(mode="before")
    @classmethod
    def _with_the_environment(cls, given: dict[str, Any]) -> dict[str, Any]:
        variables = {name.lower(): value for name, value in os.environ.items()}
        named = {field: f"{PREFIX}{field}" for field in cls.model_fields}
        return {**{field: variables[name] for field, name in named.items() if name in variables}, **given}

    @classmethod
    def named_by(cls, variables: Mapping[str, str]) -> Settings:
        """What these GAELP_ variables say, as those of a stack's own services; they go before the environment's."""
        named = {name: value for name, value in variables.items() if name.startswith(PREFIX.upper())}
        return cls.model_validate({name.lower().removeprefix(PREFIX): value for name, value in named.items()})

    @field_validator("temporal_tls_key")
    @classmethod
    def _with_its_certificate(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        if (key is None) != (info.data.get("temporal_tls_cert") is None):
            raise ValueError("GAELP_TEMPORAL_TLS_CERT and GAELP_TEMPORAL_TLS_KEY belong together: set both or neither")
        return key

    @property
    def ledger(self) -> str:
        """URL of the ledger database."""
        return self.ledger_url or f"sqlite:///{(self.home / 'ledger.db').absolute()}"

    @property
    def store(self) -> str:
        """URL of the content store."""
        return self.store_url or str((self.home / "store").absolute())

    @property
    def warehouse(self) -> str:
        """URL of the warehouse."""
        return self.warehouse_url or str((self.home / "warehouse").absolute())
