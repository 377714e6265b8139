"""The PDF holds the text of the report."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.report.sample import report
from tiercel.report.html import html

pytest.importorskip(
    "weasyprint", reason="WeasyPrint or its libraries are not installed", exc_type=(ImportError, OSError)
)


@pytest.mark.slow
def test_text_is_in_it(tmp_path: Path) -> None:
    from tiercel.report.pdf import pdf

    document = pdf(html(report()))
    assert document.startswith(b"%PDF-")
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed: only the head was looked at")
    (tmp_path / "report.pdf").write_bytes(document)
    text = subprocess.run(
        ["pdftotext", "-layout", tmp_path / "report.pdf", "-"], capture_output=True, check=True
    ).stdout.decode()
    assert "evil.sh wrote /etc/cron.d/x." in text
    assert "Chain of custody" in text
