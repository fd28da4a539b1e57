"""Tests of the entry points: services are small fakes, Slack is a small server on this machine."""
