"""Who may do what and who says so, played through the services."""
