"""The flows that calls walk now, and reading them again while they do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import structlog

from pbxd.edge.flow_files.load import FlowFile, read_folder
from pbxd.ivr.flow import Flow
from pbxd.settings.yaml_source import Fault, SourceError

log = structlog.get_logger(__name__)


class FlowBook:
    """All flows of a folder. Raises SourceError with every fault when one of them cannot be used.

    A call keeps the Flow with which it began; a reload is for the calls that come after it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files, faults = read_folder(folder)
        if faults:
            raise SourceError(faults)

    def get(self, name: str) -> Flow | None:
        """The flow of this name as it was last read well."""
        file = self._files.get(name)
        return None if file is None else file.flow

    @property
    def files(self) -> Mapping[str, FlowFile]:
        return self._files

    def reload(self) -> list[Fault]:
        """Read the folder again. A file that has faults keeps its old flow; a file that is gone loses it.

        Returns the faults; the folder itself being unreadable is one, and keeps everything.
        """
        fresh, faults = read_folder(self.folder)
        if any(Path(fault.place.source) == self.folder for fault in faults):
            for fault in faults:
                log.error("flows not read again: all stay as they were", fault=str(fault))
            return faults
        broken = {Path(fault.place.source).stem for fault in faults}
        kept = {name: file for name, file in self._files.items() if name in broken and name not in fresh}
        for fault in faults:
            log.error("flow file not taken over", fault=str(fault))
        log.info("flows read", flows=sorted(fresh), kept=sorted(kept))
        self._files = fresh | kept
        return faults
