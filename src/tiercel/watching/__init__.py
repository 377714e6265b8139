"""Watching the running host: where its events come from, and the loop that raises alerts from them."""
