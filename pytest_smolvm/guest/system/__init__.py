"""A guest's registry, environment, services, processes and power."""
