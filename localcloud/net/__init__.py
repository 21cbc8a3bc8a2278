"""The simulated network: which connection AWS would let through, and the loopback hops that stand for it."""
