"""Metadata in the shape of the container plugin, and within bounds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.identity.made import subject
from tiercel.identity.shape import MAX_JSON, blank, cpus, encoded, labels, merged, object_in, repository

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("", ("", "")),
        ("web", ("web", "")),
        ("web:1", ("web", "1")),
        ("registry.test:5000/shop/web", ("registry.test:5000/shop/web", "")),
        ("registry.test:5000/shop/web:1.4@sha256:0f", ("registry.test:5000/shop/web", "1.4")),
        ("shop/web@sha256:0f", ("shop/web", "")),
    ],
)
def test_an_image_has_a_repository_and_a_tag(image: str, expected: tuple[str, str]) -> None:
    assert repository(image) == expected


@pytest.mark.parametrize(
    ("set", "count"), [("", 0), ("0", 1), ("0-3", 4), ("1-4,7-10,12", 9), ("x", 0), ("1-x", 0), (None, 0), ("9-0", 0)]
)
def test_processors_are_counted(set: object, count: int) -> None:
    assert cpus(set) == count


def test_long_labels_are_left_out_and_many_are_too_many() -> None:
    assert labels({"a": "x" * 100, "b": "x" * 101, "c": 1, "d" * 300: ""}, 100) == {"a": "x" * 100}
    assert len(labels({str(number): "" for number in range(1000)}, 100)) == 128


def test_a_fuller_answer_takes_nothing_away() -> None:
    known = blank(subject(), "containerd") | {
        "image": "web:1",
        "cpu_shares": 512,
        "labels": {"a": "1"},
        "privileged": True,
    }
    fuller = blank(subject(), "containerd") | {"ip": "10.0.0.1", "labels": {"a": "2", "b": "3"}, "privileged": False}
    found = merged(known, fuller)
    assert (found["image"], found["ip"], found["cpu_shares"]) == ("web:1", "10.0.0.1", 512)
    assert found["labels"] == {"a": "2", "b": "3"}
    assert found["privileged"] is False


def test_what_is_most_is_left_out_first() -> None:
    info = blank(subject(), "docker") | {
        "name": "web",
        "labels": {"io.kubernetes.pod.name": "shop", "other": "x" * 1000},
    }
    large = info | {"env": ["x" * 1000] * 100, "Mounts": [{"Source": "x" * 1000}] * 100}
    told = json.loads(encoded(large)[:-1])["container"]
    assert told["name"] == "web"
    assert (told["env"], told["Mounts"]) == ([], [])
    assert told["labels"] == info["labels"]
    crowded = info | {"labels": {"io.kubernetes.pod.name": "shop", **{f"{n:0>200}": "x" * 1000 for n in range(128)}}}
    told = json.loads(encoded(crowded)[:-1])["container"]
    assert told["labels"] == {"io.kubernetes.pod.name": "shop"}
    assert len(encoded(info | {"name": "x" * 100_000})) < MAX_JSON


@pytest.mark.parametrize("data", [b"", b"[]", b"1", b"{", b"[" * 100_000, b"\xff", b'{"a":' * 100_000])
def test_what_is_no_object_is_none(data: bytes) -> None:
    assert object_in(data) is None


@given(JSON)
def test_labels_of_anything_are_texts(value: Any) -> None:
    assert all(isinstance(key, str) and isinstance(text, str) for key, text in labels(value, 10).items())
