"""Where guests come from: leases, templates, clones, spares."""
