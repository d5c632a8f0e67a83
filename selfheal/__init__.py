"""Selfheal: observe, diagnose, remediate, verify, record."""
