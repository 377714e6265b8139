"""The report as PDF, through WeasyPrint."""

from __future__ import annotations

import logging
from typing import Any

from tiercel.errors import InputError


def pdf(page: str) -> bytes:
    """Return an HTML report as a PDF document.

    Raises:
        InputError: WeasyPrint, or a library it needs, is not installed.
    """
    try:
        from weasyprint import HTML
    except (ImportError, OSError) as error:
        raise InputError(f"PDF needs WeasyPrint ({error}): pip install 'tiercel[pdf]', and the Pango library") from None

    def refuse(url: str, *arguments: object, **options: object) -> dict[str, Any]:
        raise ValueError(f"a report refers to nothing outside: {url}")

    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # it lists what of the screen's style it has no use for
    document: bytes = HTML(string=page, url_fetcher=refuse).write_pdf()
    return document
