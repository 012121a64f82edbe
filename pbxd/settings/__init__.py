"""The one settings file: YAML with positions, the model of it, and the PBXD_* variables that override it.

``pbxd.settings.load.load_settings`` reads everything; the sections are in ``pbxd.settings.model``. The flow
files are read by the same two modules, ``yaml_source`` and ``located``. Nothing is imported here, so that
each of them can be had alone.
"""
