"""Sources: where events come from, decoded into batches of one layout."""
