"""Properties that are known not to hold: what they say, and where the smallest example is.

Each has a test in `test_known.py` that fails as it should; mend it, and remove both.
"""

KNOWN: dict[str, str] = {
    "no rollback to the culprit": "a rollback undoes the last release, also where another one was diagnosed",
    "never again what was sent back": "a release that is retried does not know that its deployment ended already",
    "people are told of every end": "an incident that lost its workflow is abandoned in the ledger, and no one told",
}
