"""Physical names for resources that the template leaves unnamed, as CloudFormation makes them."""

from __future__ import annotations

import hashlib

SUFFIX_LENGTH = 8


def generated(stack: str, logical_id: str, *, maximum: int = 255, lower: bool = False) -> str:
    """`<stack>-<logical id>-<suffix>`, at most `maximum` long, the same from run to run.

    The suffix is a digest of both names, so that two names cut to the same beginning stay apart.
    """
    suffix = hashlib.sha256(f"{stack}/{logical_id}".encode()).hexdigest()[:SUFFIX_LENGTH]
    # Half to each where it does not fit, as CloudFormation cuts both.
    room = maximum - SUFFIX_LENGTH - 2
    stack_part = (
        stack if len(stack) + len(logical_id) <= room else stack[: max(room // 2, room - len(logical_id))]
    )
    name = f"{stack_part}-{logical_id[: room - len(stack_part)]}-{suffix}"
    return name.lower() if lower else name
