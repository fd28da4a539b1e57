"""What every group of services stands on."""
