"""Scenes in the formats of other tools. One module each, with a function that writes a file and returns a count."""
