"""MongoDB, real, embedded or mocked: the only package that imports a driver."""
