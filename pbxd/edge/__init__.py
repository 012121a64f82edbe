"""The only rooms with sockets, clocks, files and threads. Each edge knows the core, and no other edge."""
