"""A certificate in the place of Microsoft's client secret: the whole way, and what Microsoft would refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bot.domain.errors import ProviderMisconfigured
from bot.domain.grant import Secret
from providers.microsoft.certificate import TYPE, ClientCertificate
from tests.providers.contract import NOW
from tests.providers.microsoft_stage import CLIENT_ID, MicrosoftStage, a_microsoft_stage
from tests.test_config import settings, wrong

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def an_rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def pem_of(key: Key, *, of: Key | None = None, ends: datetime = NOW + timedelta(days=90)) -> bytes:
    """A key, and a certificate for it, or for another one."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "inboxkeeper")])
    made = x509.CertificateBuilder(name, name, (of or key).public_key(), x509.random_serial_number())
    made = made.not_valid_before(ends - timedelta(days=365)).not_valid_after(ends)
    signed = made.sign(of or key, hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + signed.public_bytes(Encoding.PEM)


PEM = pem_of(an_rsa_key())


@pytest.fixture
async def stage() -> AsyncIterator[MicrosoftStage]:
    """An organisation that forbids secrets."""
    async with a_microsoft_stage() as made:
        made.microsoft.register_certificate(PEM)
        made.microsoft.forbid_secrets()
        yield made


def signing(stage: MicrosoftStage, pem: bytes = PEM) -> Any:
    """A provider that has a certificate and no secret."""
    return stage.make(client_secret=Secret(""), certificate=ClientCertificate.of(pem))


async def test_the_whole_way_without_a_secret(stage: MicrosoftStage) -> None:
    """Code, refresh and look; a statement is signed anew when it is five minutes old."""
    provider = signing(stage)
    grant = await stage.connected(provider=provider)
    for _ in range(3):
        await provider.probe(grant, await provider.refresh(grant))
        stage.clock.advance(timedelta(minutes=6))


async def test_a_secret_is_refused_there(stage: MicrosoftStage) -> None:
    """It is the operator's matter, not the mailbox's."""
    grant = await stage.connected(provider=signing(stage))
    with pytest.raises(ProviderMisconfigured, match="AADSTS7000215"):
        await stage.provider.refresh(grant)


async def test_a_certificate_that_is_not_registered_is_ours_to_mend(stage: MicrosoftStage) -> None:
    """Another one, and one whose time is over at Microsoft."""
    grant = await stage.connected(provider=signing(stage))
    with pytest.raises(ProviderMisconfigured, match="AADSTS700027"):
        await signing(stage, pem_of(an_rsa_key())).refresh(grant)
    stage.clock.advance(timedelta(days=89))
    for _ in range(2):
        await signing(stage).refresh(grant)
        stage.clock.advance(timedelta(hours=11))
    stage.clock.advance(timedelta(hours=3))
    with pytest.raises(ProviderMisconfigured, match="AADSTS700024"):
        await signing(stage).refresh(grant)


URL = "https://login.microsoftonline.com/common/oauth2/v2.0/token"


def test_what_is_signed_is_what_microsoft_documents() -> None:
    """PS256, the certificate by its SHA-256, ten minutes, for one address; kept for a while, per address."""
    certificate = ClientCertificate.of(PEM)
    said = certificate.assertion(CLIENT_ID, URL, NOW)
    header, claims = jwt.get_unverified_header(said), jwt.decode(said, options={"verify_signature": False})
    assert (header["alg"], header["typ"]) == ("PS256", "JWT") and len(header["x5t#S256"]) == 43
    assert (claims["aud"], claims["iss"], claims["sub"]) == (URL, CLIENT_ID, CLIENT_ID)
    assert claims["exp"] - claims["nbf"] == 600 and claims["jti"]
    assert certificate.assertion(CLIENT_ID, URL, NOW + timedelta(minutes=4)) == said
    assert certificate.assertion(CLIENT_ID, f"{URL}/", NOW) != said
    assert certificate.assertion(CLIENT_ID, URL, NOW + timedelta(minutes=5)) != said
    assert certificate.assertion(CLIENT_ID, URL, NOW - timedelta(hours=1)) != said
    assert certificate.proof(CLIENT_ID, URL, lambda: NOW)["client_assertion_type"] == TYPE
    assert repr(certificate) == "ClientCertificate(…)"
    assert certificate.ends_at == NOW + timedelta(days=90)


async def test_the_local_microsoft_is_strict(stage: MicrosoftStage) -> None:
    """Each part of a statement is looked at: what Microsoft refuses is refused here with its number."""
    grant = await stage.connected(provider=signing(stage))
    key = an_rsa_key()
    pem = pem_of(key)
    stage.microsoft.register_certificate(pem)
    thumbprint = jwt.get_unverified_header(ClientCertificate.of(pem).assertion(CLIENT_ID, URL, NOW))[
        "x5t#S256"
    ]
    provider = signing(stage, pem)
    audience = provider._client.token_url(grant.identity.tenant)
    now = int(stage.clock().timestamp())
    right = {"aud": audience, "iss": CLIENT_ID, "sub": CLIENT_ID, "jti": "1", "nbf": now, "exp": now + 600}

    async def number(claims: dict[str, Any], algorithm: str = "PS256", name: str = "x5t#S256") -> str:
        said = jwt.encode(claims, key, algorithm=algorithm, headers={name: thumbprint})
        odd = signing(stage, pem)
        odd._client.certificate._kept[CLIENT_ID, audience] = stage.clock(), said
        try:
            await odd.refresh(grant)
        except ProviderMisconfigured as error:
            return error.code
        return ""

    assert await number(right) == ""
    assert await number(right, "RS256") == "AADSTS700027"
    assert await number(right, name="x5t") == "AADSTS700027"
    assert await number(right | {"jti": ""}) == "AADSTS700027"
    assert await number(right | {"iss": "somebody"}) == "AADSTS700021"
    assert await number(right | {"aud": URL}) == "AADSTS700023"
    assert await number(right | {"exp": now - 301}) == "AADSTS700024"
    assert await number(right | {"nbf": now + 301}) == "AADSTS700024"


FAULTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "no certificate": (lambda: b"-----BEGIN RUBBISH-----", "no certificate"),
    "no key": (lambda: PEM[PEM.index(b"-----BEGIN CERTIFICATE") :], "no private key"),
    "another key": (lambda: pem_of(an_rsa_key(), of=an_rsa_key()), "not the certificate's"),
    "a short key": (lambda: pem_of(an_rsa_key(1024)), "2048 bits"),
    "no RSA": (lambda: pem_of(ec.generate_private_key(ec.SECP256R1())), "must be RSA"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_cannot_serve_is_named_at_the_start(fault: str, tmp_path: Path) -> None:
    """With what is wrong with it, and nothing of what stands in it."""
    content, words = FAULTS[fault]
    file = tmp_path / "client.pem"
    file.write_bytes(content())
    said = wrong(MICROSOFT_CLIENT_ID=CLIENT_ID, MICROSOFT_CERTIFICATE_FILE=str(file))
    assert words in said["MICROSOFT_CERTIFICATE_FILE"]
    assert "BEGIN" not in str(said)


def test_a_certificate_stands_for_the_secret(tmp_path: Path) -> None:
    """One of the two; each needs the client's id."""
    file = tmp_path / "client.pem"
    file.write_bytes(PEM)
    made = settings(MICROSOFT_CLIENT_ID=CLIENT_ID, MICROSOFT_CERTIFICATE_FILE=str(file)).microsoft
    assert made is not None and made.certificate is not None and not made.client_secret.reveal()
    both = wrong(
        MICROSOFT_CLIENT_ID=CLIENT_ID,
        MICROSOFT_CERTIFICATE_FILE=str(file),
        MICROSOFT_CLIENT_SECRET="Abc8Q~" + "x" * 34,
    )
    assert "beside a certificate" in both["MICROSOFT_CLIENT_SECRET"]
    assert "MICROSOFT_CLIENT_ID" in wrong(MICROSOFT_CERTIFICATE_FILE=str(file))
    nowhere = wrong(MICROSOFT_CLIENT_ID=CLIENT_ID, MICROSOFT_CERTIFICATE_FILE=str(tmp_path / "no.pem"))
    assert "cannot be read" in nowhere["MICROSOFT_CERTIFICATE_FILE"]
