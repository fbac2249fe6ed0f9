"""A pretend AWS: moto's server with the operations it lacks, the scenario's state, and faults on demand.

`server.start(company)` serves it on loopback. One per process: moto keeps its state in module globals.
"""
