"""What a running watch says, and does, when its configuration changes."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from tests.sources.live.host import watchable
from tests.watching.watcher import RULE, run, until, watching


def answers(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


@watchable
def test_the_web_server_and_what_is_printed_follow_the_configuration(tmp_path: Path) -> None:
    config, rules = tmp_path / "falco.yaml", tmp_path / "rules.yaml"
    rules.write_text(RULE.format(name="Any", word="service-a"))
    given = f"rules_files: [{rules}]\nlog_syslog: true\n"
    served = "webserver: {enabled: true, listen_address: 127.0.0.1, listen_port: 0, k8s_healthz_endpoint: PATH}\n"
    config.write_text(given + served.replace("PATH", "/one"))
    with watching(tmp_path, "-c", str(config)) as watcher:
        first = watcher.port
        until(lambda: answers(first, "/one") == 200)
        config.write_text(given + "stdout_output: {enabled: false}\n" + served.replace("PATH", "/two"))
        until(lambda: watcher.said.count("webserver on") == 2)
        watcher.says("rules reloaded")
        assert (answers(watcher.port, "/one"), answers(watcher.port, "/two")) == (404, 200)
        assert answers(first, "/one") == 0 or first == watcher.port
        run("service-a")
        config.write_text(given + "log_stderr: true\n")
        until(lambda: watcher.said.count("rules reloaded") == 2)
        assert answers(watcher.port, "/two") == 0
        run("service-a")
        watcher.alerted("Any")
        said = watcher.end()
    assert len(watcher.alerts("Any")) == 1
    assert said.count("'log_syslog' has no effect here") == 1  # not said again
    assert said.count("'log_stderr' has no effect here") == 1


@watchable
def test_an_address_that_cannot_be_had_leaves_the_server_as_it_is(tmp_path: Path) -> None:
    config = tmp_path / "falco.yaml"
    served = "webserver: {{enabled: true, listen_address: {}, listen_port: 0}}\n"
    config.write_text(served.format("127.0.0.1"))
    with watching(tmp_path, "-c", str(config)) as watcher:
        until(lambda: answers(watcher.port, "/healthz") == 200)
        config.write_text(served.format("192.0.2.77"))
        watcher.says("it stays as it was")
        until(lambda: watcher.said.count("webserver on") == 2)
        assert answers(watcher.port, "/healthz") == 200
