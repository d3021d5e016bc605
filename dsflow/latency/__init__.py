"""Delay: a profile of what each traversal costs, with sources, and seeded draws of whole paths."""
