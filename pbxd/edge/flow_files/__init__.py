"""Flow files: what may stand in them, reading them, keeping them while calls are in progress.

``book.FlowBook`` holds the flows that calls walk, ``load`` reads a file or a folder, ``schema`` is the form.
"""
