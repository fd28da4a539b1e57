"""Alembic's migrations. One rule: the version before must keep running on what they leave behind."""
