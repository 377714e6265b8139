"""Values as text that Prometheus reads, whatever is in them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tiercel.serving.prometheus import exposition
from tiercel.watching.values import Part, Unit, Value, counter, gauge, info

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x85\u2028\u2029\x0b\x0c\x1c\x1d\x1e"))


def test_names_are_those_of_falco() -> None:
    values = [
        counter(Part.SCAP, "n_drops", 3, "Lost."),
        gauge(Part.FALCO, "cpu_usage", 0.25, "Busy.", Unit.RATIO),
        gauge(Part.FALCO, "start", 1_795_336_746_084_886_424, "When.", Unit.TIMESTAMP),
        info(Part.FALCO, "version", version="1"),
        gauge(Part.OWN, "outputs_waiting", 2, "Waiting.", output="http_output"),
        counter(Part.SCAP, "n_evts_cpu", 5, "Each.", cpu="0"),
        counter(Part.SCAP, "n_drops", 4, "Not told twice.", cpu="1"),
    ]
    assert exposition(values).splitlines() == [
        "# HELP falcosecurity_scap_n_drops_total Lost.",
        "# TYPE falcosecurity_scap_n_drops_total counter",
        "falcosecurity_scap_n_drops_total 3",
        'falcosecurity_scap_n_drops_total{cpu="1"} 4',
        "# HELP falcosecurity_falco_cpu_usage_ratio Busy.",
        "# TYPE falcosecurity_falco_cpu_usage_ratio gauge",
        "falcosecurity_falco_cpu_usage_ratio 0.25",
        "# HELP falcosecurity_falco_start_timestamp_nanoseconds When.",
        "# TYPE falcosecurity_falco_start_timestamp_nanoseconds gauge",
        "falcosecurity_falco_start_timestamp_nanoseconds 1795336746084886424",
        "# HELP falcosecurity_falco_version_info Said by its labels.",
        "# TYPE falcosecurity_falco_version_info gauge",
        'falcosecurity_falco_version_info{version="1"} 1',
        "# HELP tiercel_outputs_waiting Waiting.",
        "# TYPE tiercel_outputs_waiting gauge",
        'tiercel_outputs_waiting{output="http_output"} 2',
        "# HELP falcosecurity_scap_n_evts_cpu_total Each.",
        "# TYPE falcosecurity_scap_n_evts_cpu_total counter",
        'falcosecurity_scap_n_evts_cpu_total{cpu="0"} 5',
    ]


@given(TEXTS, TEXTS)
def test_rule_names_and_tags_are_read_as_they_are(name: str, tag: str) -> None:
    value = Value(
        Part.FALCO, "rules_matches", Unit.COUNT, 1, "h", True, labels={"rule_name": name, f"tag_{tag}": "true"}
    )
    (family,) = text_string_to_metric_families(exposition([value]))
    (sample,) = family.samples
    assert sample.labels["rule_name"] == name
    assert list(sample.labels.values()).count("true") == (2 if name == "true" else 1)


def test_tags_that_come_to_the_same_label_are_told_once() -> None:
    value = counter(Part.FALCO, "rules_matches", 1, "h", **{"tag_a.b": "true", "tag_a-b": "true"})
    assert exposition([value]).splitlines()[-1] == 'falcosecurity_falco_rules_matches_total{tag_a_b="true"} 1'
