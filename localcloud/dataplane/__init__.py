"""Runs what the simulated account describes: databases, services, functions, load balancers, distributions."""
