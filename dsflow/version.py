"""The version, as a constant: reading package metadata would cost more than all of ``dsflow --help``."""

__version__ = "0.1.0"
