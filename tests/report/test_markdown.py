"""Markdown: evidence is shown, not interpreted."""

from __future__ import annotations

from tests.report.sample import HOSTILE, report
from tiercel.report.markdown import markdown, text


def test_no_markup_comes_from_evidence() -> None:
    page = markdown(report(HOSTILE))
    assert "<script>" not in page
    assert "\\<script\\>" in page
    assert text("a|b`c` [x](http://y)") == "a\\|b\\`c\\` \\[x\\]\\(http:\\/\\/y\\)"


def test_tells_the_story() -> None:
    page = markdown(report())
    assert "### 1. evil.sh in a container (Critical)" in page
    assert "- 00:00:18.600 evil.sh wrote /etc/cron.d/x. \\[act 2, alert 1\\]" in page
    assert "| /etc/cron.d/x | created by evil.sh |" in page
