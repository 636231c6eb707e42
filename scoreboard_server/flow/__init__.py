"""The verbs: what the server and the command line do. Reaches the outside through `ports` alone."""
