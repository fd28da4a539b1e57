"""People, their roles, what an admin must agree to, and the workspace."""
