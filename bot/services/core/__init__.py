"""What every service stands on: ports, roles, notifications, incidents, transitions, jobs."""
