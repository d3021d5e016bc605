"""The reference executor: one packet at a time through the tables, byte by byte."""
