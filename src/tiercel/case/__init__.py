"""A case: evidence, ledger, store and reports in one directory."""
