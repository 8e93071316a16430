"""Addresses: by which a turn, a step and a message are found again after a crash.

An address follows from who asked whom with what, and never from when. Hexadecimal, 32 letters.
"""

import hashlib


def address_of(*parts: str) -> str:
    """The address of what these parts tell from all else."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
