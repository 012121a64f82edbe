"""All dashboards, and where they are kept."""

from __future__ import annotations

import json
from pathlib import Path

from deploy.grafana.board import Board
from deploy.grafana.callers import AGAIN, FLOWS, QUEUE, SERVICE
from deploy.grafana.house import AGENTS, HEALTH, TRANSFERS

BOARDS = (SERVICE, QUEUE, AGENTS, TRANSFERS, FLOWS, AGAIN, HEALTH)

FOLDER = Path(__file__).parent


def text(board: Board) -> str:
    """The file of a dashboard."""
    return json.dumps(board.document(), ensure_ascii=False, indent=1) + "\n"
