"""``python -m pbxd.figures > docs/metrics.md``"""

from pbxd.figures.document import document

print(document(), end="")
