"""The simulated AWS API: one account on one loopback port, and what the data plane adds to its answers."""
