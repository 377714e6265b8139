"""Time stamp tokens (RFC 3161): asked for, read, verified."""

from __future__ import annotations

import http.client
import re
import ssl
import urllib.error
import urllib.request
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from tiercel.custody.clock import rfc3339
from tiercel.errors import InputError

_MOST = 1 << 20  # bytes of a response; real ones have some 5,000
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_SHA256 = "2.16.840.1.101.3.4.2.1"


@dataclass(frozen=True, slots=True)
class Token:
    """A granted response of an authority, not yet verified.

    Attributes:
        der: the response as it came.
        where: where it came from, for errors.
        imprint: the SHA-256 (hexadecimal) that was stamped.
        time: the authority's, RFC 3339.
        authority: subject of the certificate that it names as its own, "" when it carries none.
        policy, serial: as the authority gives them.
    """

    der: bytes
    where: str
    imprint: str
    time: str
    authority: str
    policy: str
    serial: str

    @classmethod
    def parse(cls, der: bytes, where: str) -> Token:
        """Return the token of a response (DER). Raises InputError when it is none or was refused."""
        if len(der) > _MOST:
            raise InputError(f"{where}: too long for a time stamp")
        try:
            response = decode_timestamp_response(der)
            if response.status:
                reason = ", ".join(response.status_string) or f"status {response.status}"
                raise InputError(f"{where}: the time stamp authority refused: {reason}")
            info = response.tst_info
            if info.message_imprint.hash_algorithm.dotted_string != _SHA256:
                raise InputError(f"{where}: not a time stamp over a SHA-256")
            return cls(
                der=der,
                where=where,
                imprint=info.message_imprint.message.hex(),
                time=_rfc3339(info.gen_time),
                authority=_authority(response),
                policy=info.policy.dotted_string,
                serial=str(info.serial_number),
            )
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise InputError(f"{where}: no time stamp response ({error})") from None

    @classmethod
    def load(cls, path: str | Path) -> Token:
        """Return the token in a file. Raises InputError when there is none."""
        try:
            with open(path, "rb") as file:
                return cls.parse(file.read(_MOST + 1), str(path))
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None

    def verify(self, roots: Sequence[x509.Certificate], nonce: int | None = None) -> None:
        """Check signature, certificates, purpose, and the nonce if one is given.

        Raises:
            InputError: it is not valid for these root certificates.
        """
        builder = VerifierBuilder(nonce=nonce)
        for root in dict.fromkeys(roots):
            builder = builder.add_root_certificate(root)
        try:
            builder.build().verify(decode_timestamp_response(self.der), bytes.fromhex(self.imprint))
        except (VerificationError, ValueError) as error:
            raise InputError(
                f"{self.where}: the time stamp is not valid: {error}; are the root certificates those of the authority?"
            ) from None


def request(message: bytes) -> tuple[bytes, int | None]:
    """Return a request (DER) for a stamp over the SHA-256 of ``message``, and its nonce."""
    asked = TimestampRequestBuilder().data(message).hash_algorithm(HashAlgorithm.SHA256).nonce(nonce=True).build()
    return asked.as_bytes(), asked.nonce


def ask(url: str, query: bytes, timeout: float = 30) -> Token:
    """Send a request to an authority and return what it answers; ``timeout`` in seconds.

    Raises:
        InputError: it cannot be reached, refuses, or answers something else.
    """
    if not url.lower().startswith(("http://", "https://")):
        raise InputError(f"{url}: not an http or https address")
    try:
        asked = urllib.request.Request(url, query, {"Content-Type": "application/timestamp-query"})
        with urllib.request.urlopen(asked, timeout=timeout) as answer:
            return Token.parse(answer.read(_MOST + 1), url)
    except urllib.error.HTTPError as error:
        raise InputError(f"{url}: the time stamp authority answered {error.code} {error.reason}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise InputError(f"{url}: the time stamp authority cannot be reached: {reason}") from None


def load_roots(path: str | Path | None) -> list[x509.Certificate]:
    """Return the certificates of a PEM file, for None those that the system trusts.

    Raises:
        InputError: there are none.
    """
    source = Path(path) if path is not None else _system_roots()
    try:
        pem = source.read_bytes()
    except OSError as error:
        raise InputError(f"{source}: {error.strerror}; give the authority's root certificates (PEM)") from None
    certificates = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # systems trust a few that are not to the letter of the standard
        for text in _CERTIFICATE.findall(pem):
            try:
                certificates.append(x509.load_pem_x509_certificate(text))
            except ValueError:
                if path is not None:
                    raise InputError(f"{source}: a certificate in it is damaged") from None
    if not certificates:
        raise InputError(f"{source}: no certificates in PEM form")
    return certificates


def _system_roots() -> Path:
    paths = ssl.get_default_verify_paths()
    return Path(paths.cafile or paths.openssl_cafile)


def _rfc3339(moment: datetime) -> str:
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return rfc3339((since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000)


def _authority(response: TimeStampResponse) -> str:
    signers = [(who.issuer, who.serial_number) for who in response.signed_data.signer_infos]
    for der in response.signed_data.certificates:
        certificate = x509.load_der_x509_certificate(der)
        if (certificate.issuer, certificate.serial_number) in signers:
            return certificate.subject.rfc4514_string()
    return ""
