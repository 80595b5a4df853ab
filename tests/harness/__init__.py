"""What the tests that run the real daemon share: a client of their own, certificates, databases and daemons.

Nothing here uses the daemon's code: lines are written and read, certificates made and heads computed a second time, so that
a fault cannot hide by being on both sides.
"""
