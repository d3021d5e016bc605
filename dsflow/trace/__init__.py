"""What happened: chain, trace, hop, step, the NAT ledger, and how they read."""
