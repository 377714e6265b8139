"""Fields of class ``process``, gathered from the modules for each kind of them."""

from __future__ import annotations

from tiercel.fields import (
    lineage,
    lineage_leader,
    process_exe,
    process_id,
    process_name,
    process_stdio,
    process_thread,
    process_usage,
)
from tiercel.fields.model import Field

CLASS = "process"
DESCRIPTION = "The process and the thread that made the event, their ancestors and their leaders."

FIELDS: tuple[Field, ...] = (
    *process_name.FIELDS,
    *lineage.FIELDS,
    *process_id.FIELDS,
    *lineage_leader.FIELDS,
    *process_exe.FIELDS,
    *process_usage.FIELDS,
    *process_thread.FIELDS,
    *process_stdio.FIELDS,
)
