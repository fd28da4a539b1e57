"""Local stand-ins for Slack and the mail providers: the tests run against them, the demo shows them.

Rule: nothing of the product imports this package.
"""
