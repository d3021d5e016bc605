"""What each device does: ordered pipelines of match-action tables, compiled from the model.

Every executor reads these tables and none of them reads the model, so that executors can be held
against each other.  :func:`dsflow.dataplane.compile.compile_topology` is the only compiler.
"""
