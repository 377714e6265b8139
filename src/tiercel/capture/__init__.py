"""Writing captures: the block writer, parameter encoding, and a builder of made-up scenarios."""
