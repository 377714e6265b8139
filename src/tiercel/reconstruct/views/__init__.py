"""Views of a scene: Arrow tables, and how they read as text."""
