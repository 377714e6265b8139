"""TLS of a channel: whom to trust, and who we are."""

from __future__ import annotations

import ssl
from pathlib import Path

from tiercel.errors import InputError
from tiercel.outputs.channels.settings import TlsSettings


def context(settings: TlsSettings, key: str) -> ssl.SSLContext:
    """Return the context of a client.

    Args:
        key: the key of the configuration to name in errors.

    Raises:
        InputError: a file cannot be read or is no certificate or key.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.insecure:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    else:
        file = settings.ca_cert or settings.ca_bundle
        try:
            if file:
                made.load_verify_locations(cafile=file)
            else:
                _trust_folder(made, settings.ca_path)
        except (OSError, ssl.SSLError) as error:
            raise InputError(f"{key}: {file or settings.ca_path}: no certificates could be read: {error}") from error
    if settings.client_cert:
        try:
            made.load_cert_chain(settings.client_cert, settings.client_key or None)
        except (OSError, ssl.SSLError) as error:
            raise InputError(f"{key}: {settings.client_cert}: cannot be used with its key: {error}") from error
    return made


def _trust_folder(made: ssl.SSLContext, folder: str) -> None:
    """Trust a folder: by the hashed names OpenSSL looks for, and files that have other names."""
    if not folder or not Path(folder).is_dir():
        made.set_default_verify_paths()
        return
    made.load_verify_locations(capath=folder)
    if folder != "/etc/ssl/certs":  # that one has hashed names
        for file in sorted(Path(folder).iterdir()):
            if file.suffix in (".pem", ".crt", ".cer") and file.is_file():
                made.load_verify_locations(cafile=file)
