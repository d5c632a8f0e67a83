"""Benchmarks against peers: they measure and report, they never fail a build.

Peers live in environments of their own under build/bench/venvs, each from a hashed lock in bench/peers;
nothing of theirs enters the project's environment.
"""
