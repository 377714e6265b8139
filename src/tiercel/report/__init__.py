"""Reports and exports of a case."""
