"""Configuration, rules, and what is installed."""

from __future__ import annotations

import os
from importlib.util import find_spec

from tiercel.config import ConfigError, load_config
from tiercel.doctor.model import Finding, Subject, check, fail, ok, warn
from tiercel.errors import InputError
from tiercel.kernels import compiled
from tiercel.sources.live.root import host_path

_EXTRAS = {
    "serve": ("grpc", "the gRPC output, names of containers from containerd and CRI-O"),
    "case": ("pyarrow", "cases, the store, hunting"),
    "pdf": ("weasyprint", "reports as PDF"),
}


@check("configuration")
def configuration(subject: Subject) -> Finding:
    """The configuration loads, and every key in it has an effect."""
    try:
        config = load_config(subject.config_path, subject.options)
    except ConfigError as error:
        return fail(str(error), "mend it: tiercel watch would not start with it")
    read = ", ".join(config.files) or "none given: as without falco.yaml"
    if config.notes:
        more = f" (and {len(config.notes) - 1} more)" if len(config.notes) > 1 else ""
        return warn(f"{config.notes[0]}{more}", "mend or remove it: tiercel goes on without")
    return ok(read)


@check("rules")
def rules(subject: Subject) -> Finding:
    """The rules load."""
    from tiercel.scanning import prepare

    try:
        scan = prepare([], list(subject.rules), config=subject.config_path, options=subject.options)
    except InputError as error:
        return fail(str(error).splitlines()[0], "mend the configuration or name other rules with -r")
    if scan.detection is None:
        said = scan.report.failure or scan.report.as_text()
        return fail(said.strip().splitlines()[0], "tiercel rules check FILE tells all of it")
    count = len(scan.detection.rules)
    if not count:
        return warn("all rules are off", "enable some, or lower the priority in the configuration")
    return ok(f"{count:,} rules are on")


@check("kernels")
def kernels(subject: Subject) -> Finding:
    """Uncompiled, tiercel does the same, slower."""
    if not compiled():
        return warn("not compiled: a busy host loses events", "install a C compiler and install tiercel again")
    return ok("compiled")


def _extra(name: str) -> Finding:
    package, purpose = _EXTRAS[name]
    if find_spec(package) is None:
        return ok(f"not installed; pip install 'tiercel[{name}]' adds {purpose}")
    return ok(f"installed: {purpose}")


@check("extra serve")
def serve(subject: Subject) -> Finding:
    """What grpcio adds."""
    settings = subject.config.outputs
    if settings.grpc is not None and find_spec("grpc") is None:
        return fail("grpc_output is on, but grpcio is not installed", "pip install 'tiercel[serve]'")
    engines = subject.config.identity
    there = [path for path in engines.cri_sockets if engines.cri and os.path.exists(host_path(path))]
    if there and find_spec("grpc") is None:
        return warn(f"{there[0]} cannot be asked: grpcio is not installed", "pip install 'tiercel[serve]'")
    return _extra("serve")


@check("extra case")
def case(subject: Subject) -> Finding:
    """What Arrow, DuckDB and cryptography add."""
    return _extra("case")


@check("extra pdf")
def pdf(subject: Subject) -> Finding:
    """What WeasyPrint adds."""
    return _extra("pdf")
