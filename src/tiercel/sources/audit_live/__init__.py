"""Audit records of the running host: the kernel told what to audit, and its records as they come."""
