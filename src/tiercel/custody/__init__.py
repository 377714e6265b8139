"""Chain of custody: a signed, chained, append-only ledger, and what it rests on."""
