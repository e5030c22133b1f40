"""Where work runs: on this machine's cores."""
