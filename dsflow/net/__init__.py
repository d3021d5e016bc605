"""Numbers and headers: addresses, ranges, tables and packet bytes.  Nothing here knows of a cloud."""
