"""``python -m deploy.grafana`` writes the dashboards anew."""

from __future__ import annotations

from deploy.grafana.boards import BOARDS, FOLDER, text

for board in BOARDS:
    (FOLDER / f"{board.uid}.json").write_text(text(board), encoding="utf-8")
