"""Answers as people and tools take them: terminal, JSON lines, CSV, pcapng, plots, diagrams, HTML."""
