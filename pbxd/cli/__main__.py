"""``python -m pbxd.cli`` is the pbxd command."""

from pbxd.cli import main

main()
