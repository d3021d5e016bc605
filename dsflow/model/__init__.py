"""What exists: frozen, passive records of a network, as its author described it.

Nothing here decides what a packet does; that is the work of :mod:`dsflow.dataplane`.
"""
