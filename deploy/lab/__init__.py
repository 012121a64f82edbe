"""A laboratory on one machine: a private Asterisk in a folder, phones that hear, and recordings of both.

Used by the demo, the end-to-end tests and the benchmarks, never by the daemon. Everything stays on the
loopback interface and in the checkout's ``.cache``.
"""
