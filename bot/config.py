"""The settings: read once, checked as a whole, every fault named at once.

The one rule: nothing else in the product reads the environment, and no secret's value is ever shown.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    InstanceOf,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from bot import config_validators, feature_file
from bot.config_validators import Listed, Url
from bot.domain.features import Features
from bot.domain.grant import Secret
from bot.feature_file import FeatureFaults
from providers.microsoft.certificate import ClientCertificate
from providers.settings import GoogleClient, HubSpotPortal, ImapSettings, MicrosoftClient, Mode

PREFIX = "INBOXKEEPER_"


@dataclass(frozen=True, slots=True)
class Problem:
    """One setting that keeps the bot from starting."""

    name: str
    wrong: str
    example: str
    next_step: str

    def __str__(self) -> str:
        example = f"\n    Example: {self.name}={self.example}" if self.example else ""
        return f"  {self.name} {self.wrong}.{example}\n    Next: {self.next_step}"


class SettingsError(Exception):
    """The settings cannot be used. Its text is meant for the operator and names every problem."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        count = "1 setting needs" if len(problems) == 1 else f"{len(problems)} settings need"
        words = "\n\n".join(str(problem) for problem in problems)
        super().__init__(
            f"Inboxkeeper cannot start: {count} attention.\n\n{words}\n\n"
            "Settings come from the environment or from the file .env; `python -m bot settings` prints all."
        )


def _setting(default: Any = ..., *, about: str, example: str, hint: str = "", **more: Any) -> Any:
    """``about`` is the line in .env.example; ``hint`` says where a good value comes from."""
    extra = {"hint": hint or "see .env.example; without this setting the default is used."}
    given = more or {"default": default}
    return Field(**given, description=about, examples=[example], json_schema_extra={**extra})


def _endpoint(default: str, about: str, *, of: str = "Google") -> Any:
    return _setting(default, about=about, example=default, hint=f"leave it out to use the real {of}.")


_KEYGEN = "run `python -m bot keygen` and keep what it prints: without it stored mailboxes cannot be read."
_GOOGLE = "Google Cloud console › Google Auth Platform › Clients."
_MICROSOFT = "Microsoft Entra admin center › App registrations › your app."
_MEMBER = "in Slack, open the person's profile › ⋮ › Copy member ID."
_SECONDS = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


class Settings(BaseSettings):
    """All settings, in the order of .env.example. ``load`` makes one."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        dotenv_filtering="match_prefix",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        str_strip_whitespace=True,
    )

    secret_keys: Annotated[
        tuple[SecretStr, ...], NoDecode, Listed, AfterValidator(config_validators.fernet_keys)
    ] = _setting(
        about="Keys that encrypt what is stored, comma-separated; the first writes, all read.",
        example="the line that `python -m bot keygen` prints",
        hint=_KEYGEN,
    )
    database_url: Annotated[SecretStr, AfterValidator(config_validators.database_url)] = _setting(
        SecretStr("sqlite:///data/inboxkeeper.db"),
        about="Where everything is kept: a SQLite file, or PostgreSQL for several processes.",
        example="postgresql://inboxkeeper:password@db.example.com/inboxkeeper",
    )
    host: str = _setting("127.0.0.1", about="The address to listen on.", example="0.0.0.0")  # noqa: S104
    port: Annotated[int, Field(ge=0, le=65_535)] = _setting(
        8080, about="The port to listen on.", example="8080", hint="choose a number from 1 to 65535."
    )
    base_url: Annotated[str, AfterValidator(config_validators.base_url)] = _setting(
        default_factory=lambda given: f"http://localhost:{given['port']}",
        about="The bot's pages as people's browsers reach them, also under a path; https unless localhost.",
        example="https://inboxkeeper.example.com",
        hint="an intranet name with https will do; http only for localhost.",
    )
    watch_port: Annotated[int, Field(ge=1, le=65_535)] | None = _setting(
        None,
        about="A port of its own for /readyz and /metrics; without it nobody is told them.",
        example="9464",
        hint="choose a number from 1 to 65535, and let only your monitoring reach it.",
    )
    watch_host: str = _setting("127.0.0.1", about="The address that port listens on.", example="0.0.0.0")  # noqa: S104
    watch_public: bool = _setting(
        False,
        about="Whether the pages' port tells /readyz and /metrics, too: to anybody who reaches it.",
        example="true",
        hint="write true or false.",
    )
    heartbeat_url: Annotated[SecretStr, AfterValidator(config_validators.heartbeat_url)] | None = _setting(
        None,
        about="Asked for each minute while all is well; a service that misses it raises the alarm. A secret.",
        example="https://hc-ping.example.com/…",
        hint="copy the ping URL of a check (period 1 minute, grace 5) at Healthchecks or the like.",
    )

    slack_bot_token: Annotated[SecretStr, AfterValidator(config_validators.slack_token("xoxb-"))] = _setting(
        about="The bot's token (xoxb-…).",
        example="xoxb-…",
        hint="api.slack.com/apps › your app › OAuth & Permissions › Bot User OAuth Token.",
    )
    slack_app_token: Annotated[SecretStr, AfterValidator(config_validators.slack_token("xapp-"))] | None = (
        _setting(
            None,
            about="An app-level token (xapp-…) with connections:write; when it is set, Socket Mode is used.",
            example="xapp-…",
            hint="api.slack.com/apps › your app › Basic Information › App-Level Tokens.",
        )
    )
    slack_signing_secret: Annotated[
        tuple[SecretStr, ...], NoDecode, Listed, AfterValidator(config_validators.signing_secrets)
    ] = _setting(
        (),
        about="The signing secret, for HTTP; during a rotation the new and the old one, comma-separated.",
        example="0123456789abcdef0123456789abcdef",
        hint="api.slack.com/apps › your app › Basic Information › Signing Secret.",
    )
    slack_api_url: Url = _setting(
        "https://slack.com/api",
        about="Where Slack's Web API is.",
        example="https://slack.com/api",
        hint="leave it out to use the real Slack.",
    )
    command: Annotated[str, AfterValidator(config_validators.command)] = _setting(
        "/inbox",
        about="The slash command; the app's manifest must name the same one.",
        example="/inbox",
        hint="`python -m bot manifest --command …` prints the manifest for another one.",
    )

    super_admins: Annotated[
        tuple[str, ...], NoDecode, Listed, AfterValidator(config_validators.slack_ids)
    ] = _setting(
        (),
        about="Super admins by Slack member id, comma-separated; else the workspace's owners and admins.",
        example="U012AB3CD,U045EF6GH",
        hint=_MEMBER,
    )
    operators: Annotated[tuple[str, ...], NoDecode, Listed, AfterValidator(config_validators.slack_ids)] = (
        _setting(
            (),
            about="Who runs the bot and is told about its own trouble; else the super admins.",
            example="U012AB3CD",
            hint=_MEMBER,
        )
    )
    allowed_domains: Annotated[
        tuple[str, ...], NoDecode, Listed, AfterValidator(config_validators.domains)
    ] = _setting(
        (),
        about="The only mail domains that may be connected, comma-separated; empty allows all.",
        example="example.com,example.org",
        hint="write bare domains, without the part before the @.",
    )

    api: bool = _setting(
        False,
        about="Whether programs with a key are given access tokens (docs/api.md).",
        example="true",
        hint="write true or false.",
    )
    trusted_proxies: Annotated[
        tuple[str, ...], NoDecode, Listed, AfterValidator(config_validators.networks)
    ] = _setting(
        (),
        about="Networks of your own proxies: their X-Forwarded-For says where programs with a key come from.",
        example="10.20.0.5/32",
        hint="write them like 10.20.0.5/32; whoever is in them can pretend to come from anywhere.",
    )
    webhook_allowed_networks: Annotated[
        tuple[str, ...], NoDecode, Listed, AfterValidator(config_validators.networks)
    ] = _setting(
        (),
        about="Networks of programs' receivers (webhooks) off the public internet, comma-separated.",
        example="10.20.0.0/16",
        hint="write them like 10.20.0.0/16; name no more than the receivers' own.",
    )
    webhook_allowed_ports: Annotated[
        tuple[str, ...], NoDecode, Listed, AfterValidator(config_validators.ports)
    ] = _setting(
        (),
        about="More ports than 443 and 80, comma-separated; only for receivers in those networks.",
        example="8080",
        hint="write numbers from 1 to 65535.",
    )
    features_file: Annotated[InstanceOf[Features], BeforeValidator(feature_file.read)] | None = _setting(
        None,
        about="What mailboxes are used for, and the permissions that needs: a TOML file (docs/features.md).",
        example="features.toml",
        hint=f"start from a copy of {feature_file.EXAMPLE}; docs/features.md explains it.",
    )

    google_client_id: Annotated[str, AfterValidator(config_validators.client_id)] | None = _setting(
        None,
        about="The Google client's id; without it and its secret, Gmail is switched off.",
        example="1234567890-abc.apps.googleusercontent.com",
        hint=_GOOGLE,
    )
    google_client_secret: Annotated[SecretStr, AfterValidator(config_validators.client_secret)] | None = (
        _setting(None, about="The Google client's secret.", example="GOCSPX-…", hint=_GOOGLE)
    )
    google_auth_url: Url = _endpoint("https://accounts.google.com/o/oauth2/v2/auth", "Google's consent page.")
    google_token_url: Url = _endpoint("https://oauth2.googleapis.com/token", "Where tokens are renewed.")
    google_revoke_url: Url = _endpoint(
        "https://oauth2.googleapis.com/revoke", "Where a permission is given back."
    )
    google_certs_url: Url = _endpoint(
        "https://www.googleapis.com/oauth2/v3/certs", "The keys that sign Google's id tokens."
    )
    google_issuer: Url = _endpoint("https://accounts.google.com", "Who must have signed an id token.")
    gmail_api_url: Url = _endpoint("https://gmail.googleapis.com", "Where the Gmail API is.")

    microsoft_client_id: Annotated[str, AfterValidator(config_validators.microsoft_client_id)] | None = (
        _setting(
            None,
            about="The Microsoft app's application (client) id; without it and its secret, Microsoft is off.",
            example="6731de76-14a6-49ae-97bc-6eba6914391e",
            hint=_MICROSOFT,
        )
    )
    microsoft_client_secret: (
        Annotated[SecretStr, AfterValidator(config_validators.microsoft_client_secret)] | None
    ) = _setting(
        None,
        about="The value of a client secret of that app (not the secret's id).",
        example="Abc8Q~…",
        hint=f"{_MICROSOFT[:-1]} › Certificates & secrets.",
    )
    microsoft_secret_ends: date | None = _setting(
        None,
        about="The day on which that secret expires: the operator is told 30, 7 and 1 days before.",
        example="2027-06-30",
        hint="write it like 2027-06-30, as the page that made the secret shows it.",
    )
    microsoft_certificate_file: (
        Annotated[str, AfterValidator(config_validators.microsoft_certificate)] | None
    ) = _setting(
        None,
        about="A certificate and its key (one PEM file) in the place of a secret, which some tenants forbid.",
        example="/etc/inboxkeeper/microsoft.pem",
        hint=f"{_MICROSOFT[:-1]} › Certificates & secrets › Certificates; docs/install.md makes one.",
    )
    microsoft_tenant: Annotated[str, AfterValidator(config_validators.microsoft_tenant)] = _setting(
        "common",
        about="Who may sign in: common, organizations, consumers, or one tenant's id or domain.",
        example="common",
        hint='as the app\'s "Supported account types" say; one organisation only: its tenant id.',
    )
    microsoft_mode: Literal["full", "grant-only"] = _setting(
        "full",
        about="full looks into the inbox; grant-only needs no admin's approval and proves only the sign-in.",
        example="grant-only",
    )
    microsoft_login_url: Url = _endpoint(
        "https://login.microsoftonline.com", "Microsoft's sign-in.", of="Microsoft"
    )
    microsoft_graph_url: Url = _endpoint("https://graph.microsoft.com", "The Graph API.", of="Microsoft")

    imap: bool = _setting(
        True,
        about="Whether mailboxes at other hosts can be connected with a password (IMAP).",
        example="true",
        hint="write true or false.",
    )
    imap_probe_seconds: _SECONDS = _setting(
        900.0,
        about="How often an IMAP mailbox is looked at, at most: hosts lock out who logs in more often.",
        example="900",
        hint="900 or more; less only for trying it out on this very machine.",
    )
    imap_allowed_networks: Annotated[
        tuple[str, ...], NoDecode, Listed, AfterValidator(config_validators.networks)
    ] = _setting(
        (),
        about="Networks of your own mail servers that are not on the public internet, comma-separated.",
        example="10.20.0.0/16",
        hint="write them like 10.20.0.0/16; name no more than the mail servers' own.",
    )
    imap_allowed_ports: Annotated[
        tuple[str, ...], NoDecode, Listed, AfterValidator(config_validators.ports)
    ] = _setting(
        (),
        about="More ports than 993 and 143, comma-separated; only for hosts in those networks.",
        example="1993",
        hint="write numbers from 1 to 65535.",
    )
    imap_ca_file: Annotated[str, AfterValidator(config_validators.ca_file)] | None = _setting(
        None,
        about="A file (PEM) with the certificate authority of those servers; only they are trusted by it.",
        example="/etc/ssl/our-ca.pem",
        hint="name a file that holds certificates in PEM form.",
    )
    imap_ispdb_url: Url | None = _setting(
        "https://autoconfig.thunderbird.net/v1.1",
        about="Thunderbird's list of mail hosts, asked for the settings of a domain.",
        example="https://autoconfig.thunderbird.net/v1.1",
        hint="leave it out to use Thunderbird's own.",
    )

    hubspot_token: Annotated[
        tuple[SecretStr, ...], NoDecode, Listed, AfterValidator(config_validators.hubspot_tokens)
    ] = _setting(
        (),
        about="A HubSpot service key, to watch its team channels; in a rotation two. Without one it is off.",
        example="pat-eu1-…",
        hint="HubSpot › Development › Keys › Service keys (docs/hubspot.md).",
    )
    hubspot_api_url: Url = _endpoint("https://api.hubapi.com", "HubSpot's API.", of="HubSpot")
    hubspot_seconds: _SECONDS = _setting(
        120.0, about="How often HubSpot is looked at; two looks must agree on a loss.", example="120"
    )

    probe_team_seconds: _SECONDS = _setting(
        60.0, about="How often a team address is checked; less often beyond 2,500 of them.", example="60"
    )
    probe_personal_seconds: _SECONDS = _setting(
        300.0, about="How often a personal inbox is checked; less often beyond 5,000 of them.", example="300"
    )
    witness_seconds: _SECONDS = _setting(
        30.0, about="How long after a refusal it is checked again before anybody is told.", example="30"
    )
    mail_watch_seconds: _SECONDS = _setting(
        86_400.0,
        about="How often it is looked up where team addresses' mail goes; two looks must agree.",
        example="86400",
    )
    log_format: Literal["console", "json"] = _setting(
        "console", about="console for people, json for log collectors.", example="json"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """``load`` passes the environment as arguments, so that tests and embedders can bring their own."""
        return init_settings, dotenv_settings

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, given: dict[str, Any], handler: ModelWrapValidatorHandler[Settings]) -> Settings:
        """Rules between settings are checked even when single settings are wrong."""
        problems = list(_between(given))
        try:
            made = handler(given)
        except ValidationError as error:
            problems = [*_single(error), *problems]
        if problems:
            raise SettingsError(tuple(problems)) from None
        return made

    @property
    def socket_mode(self) -> bool:
        return self.slack_app_token is not None

    @property
    def features(self) -> Features:
        return self.features_file or Features()

    @property
    def google(self) -> GoogleClient | None:
        """``None`` when no Google client is configured: Gmail is off."""
        if self.google_client_id is None or self.google_client_secret is None:
            return None
        return GoogleClient(
            client_id=self.google_client_id,
            client_secret=Secret(self.google_client_secret.get_secret_value()),
            auth_url=self.google_auth_url,
            token_url=self.google_token_url,
            revoke_url=self.google_revoke_url,
            certs_url=self.google_certs_url,
            issuer=self.google_issuer,
            gmail_api_url=self.gmail_api_url,
        )

    @property
    def microsoft(self) -> MicrosoftClient | None:
        """``None`` when no Microsoft client is configured: Office 365 and Outlook.com are off."""
        certificate = self.microsoft_certificate_file
        if self.microsoft_client_id is None or (self.microsoft_client_secret is None and certificate is None):
            return None
        return MicrosoftClient(
            client_id=self.microsoft_client_id,
            client_secret=Secret((self.microsoft_client_secret or SecretStr("")).get_secret_value()),
            certificate=ClientCertificate.of(Path(certificate).read_bytes()) if certificate else None,
            tenant=self.microsoft_tenant,
            mode=Mode(self.microsoft_mode),
            login_url=self.microsoft_login_url,
            graph_url=self.microsoft_graph_url,
        )

    @property
    def imap_client(self) -> ImapSettings | None:
        """``None`` when mailboxes with a password are switched off."""
        return self.imap_hosts if self.imap else None

    @property
    def imap_hosts(self) -> ImapSettings:
        """Which hosts that people name are dialled, and how; in force for the web, too."""
        return ImapSettings(
            allowed_networks=tuple(ip_network(one) for one in self.imap_allowed_networks),
            allowed_ports=frozenset(map(int, self.imap_allowed_ports)),
            ca_file=self.imap_ca_file,
            ispdb_url=self.imap_ispdb_url or "",
            apart=timedelta(seconds=self.imap_probe_seconds),
        )

    @property
    def hubspot(self) -> HubSpotPortal | None:
        """``None`` without a token: HubSpot is not watched, and no screen speaks of it."""
        if not self.hubspot_token:
            return None
        url = self.hubspot_api_url.rstrip("/")
        return HubSpotPortal(
            tokens=tuple(Secret(token.get_secret_value()) for token in self.hubspot_token),
            api_url=self.hubspot_api_url,
            every=timedelta(seconds=self.hubspot_seconds),
            local=url if config_validators.is_loopback(urlsplit(url).hostname or "") else "",
        )

    def secrets(self) -> tuple[str, ...]:
        """Every secret's value, so that logging can be told to conceal them."""
        held: list[SecretStr | None] = [*self.secret_keys, *self.slack_signing_secret, *self.hubspot_token]
        held += [self.slack_bot_token, self.slack_app_token]
        held += [self.google_client_secret, self.microsoft_client_secret, self.heartbeat_url]
        password = config_validators.password_of(self.database_url.get_secret_value())
        return (*(secret.get_secret_value() for secret in held if secret is not None), *password)


def load(environ: Mapping[str, str] | None = None, env_file: str | Path | None = ".env") -> Settings:
    """Read the settings from ``environ`` (the process's own by default) over ``env_file``.

    An empty value counts as not given. Raises ``SettingsError`` naming everything that is wrong.
    """
    source = os.environ if environ is None else environ
    given: dict[str, Any] = {
        name.removeprefix(PREFIX).lower(): value.strip()
        for name, value in source.items()
        if name.startswith(PREFIX) and value.strip()
    }
    try:
        return Settings(**{"_env_file": env_file, **given})
    except (OSError, UnicodeDecodeError):
        fault = Problem(
            str(env_file), "cannot be read as UTF-8 text", "", "check its encoding and permissions."
        )
        raise SettingsError((fault,)) from None


def _between(given: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the settings taken together."""
    if not given.get("slack_app_token") and not given.get("slack_signing_secret"):
        wrong = f"is missing, and so is {PREFIX}SLACK_SIGNING_SECRET: one of them is needed"
        next_step = "set the app-level token for Socket Mode, or the signing secret for HTTP."
        yield _problem("slack_app_token", wrong, next_step)
    yield from _imap_pace(given)
    if given.get("watch_port") and str(given["watch_port"]) == str(given.get("port") or 8080):
        next_step = f"choose another port, or set {PREFIX}WATCH_PUBLIC=true instead."
        yield _problem("watch_port", "is the port of the pages", next_step)
    yield from _half_a_client(given, "google_client_id", "google_client_secret")
    proof = (
        "microsoft_certificate_file" if given.get("microsoft_certificate_file") else "microsoft_client_secret"
    )
    yield from _half_a_client(given, "microsoft_client_id", proof)
    if given.get("microsoft_certificate_file") and given.get("microsoft_client_secret"):
        next_step = "take one of them out; the certificate is the better one."
        yield _problem("microsoft_client_secret", "is set beside a certificate", next_step)


def _half_a_client(given: Mapping[str, Any], *pair: str) -> Iterator[Problem]:
    missing = [name for name in pair if not given.get(name)]
    if len(missing) == 1:
        [present] = set(pair) - set(missing)
        yield _problem(missing[0], f"is missing although {PREFIX}{present.upper()} is set")


def _imap_pace(given: Mapping[str, Any]) -> Iterator[Problem]:
    """Trying it out is done on this very machine; anywhere else accounts get locked."""
    try:
        host = urlsplit(str(given.get("base_url") or "http://localhost")).hostname or ""
        is_hasty = float(given.get("imap_probe_seconds") or 900) < 900
    except ValueError:
        return  # complained about already
    if is_hasty and not config_validators.is_loopback(host):
        yield _problem("imap_probe_seconds", "is less than 900, and mail hosts lock accounts for that")


def _single(error: ValidationError) -> Iterator[Problem]:
    """What is wrong with each setting by itself."""
    for fault in error.errors(include_url=False, include_input=False):
        name = str(fault["loc"][0])
        if fault["type"] == "default_factory_not_called":
            continue  # BASE_URL follows PORT, and PORT has been complained about already
        if fault["type"] == "extra_forbidden":
            yield _unknown(name)
        elif fault["type"] == "missing":
            yield _problem(name, "is missing")
        elif isinstance(cause := fault.get("ctx", {}).get("error"), FeatureFaults):
            yield from _in_file(name, cause)
        else:
            yield _problem(name, _said(fault["msg"]))


def _in_file(name: str, faults: FeatureFaults) -> Iterator[Problem]:
    """A file holds many things: each is a problem of its own."""
    for fault in faults.faults:
        problem = _problem(name, fault.wrong)
        yield replace(problem, name=f"{problem.name}: {fault.place}", example="") if fault.place else problem


def _said(message: str) -> str:
    plain = message.removeprefix("Value error, ").removeprefix("Input ")
    return plain if plain != message else message[:1].lower() + message[1:]


def _problem(name: str, wrong: str, next_step: str = "") -> Problem:
    about = Settings.model_fields[name]
    hint = about.json_schema_extra
    assert isinstance(hint, dict)
    return Problem(
        f"{PREFIX}{name.upper()}", wrong, str((about.examples or [""])[0]), next_step or str(hint["hint"])
    )


def _unknown(name: str) -> Problem:
    near = get_close_matches(name, Settings.model_fields, n=1, cutoff=0.6)
    wrong = "is not a setting" + (f" (did you mean {PREFIX}{near[0].upper()}?)" if near else "")
    return Problem(f"{PREFIX}{name.upper()}", wrong, "", "correct the name or take the line out.")
