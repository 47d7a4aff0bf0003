"""Weights are fetched from a server on this machine, compared and kept."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from tam_edit._cli import run
from tam_edit.errors import NotInstalledError, UnknownNameError, WeightsError
from tam_edit.models import FIRST_WEIGHTS, MODEL_SUMMARIES, load_models, missing_weights
from tam_edit.models.weights import WEIGHTS, check, fetch, path_of, required, weights_folder


class Shop:
    """What the server gives, by name, and how much of it arrives."""

    def __init__(self):
        self.files = {}
        self.breaks_after = None
        self.asked = []


@pytest.fixture(scope="module")
def server():
    shop = Shop()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.rpartition("/")[2]
            shop.asked.append(name)
            body = shop.files.get(name)
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: shop.breaks_after])

        def log_message(self, *_):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    shop.url = f"http://127.0.0.1:{http.server_port}"
    yield shop
    http.shutdown()
    thread.join()
    http.server_close()


def checkpoint_bytes(seed=0):
    file = io.BytesIO()
    generator = torch.Generator().manual_seed(seed)
    torch.save({"a": torch.randn(1000, generator=generator)}, file)
    return file.getvalue()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of weights that is not there yet."""
    monkeypatch.setenv("TAM_EDIT_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


@pytest.fixture
def shop(server, folder, monkeypatch):
    """The server with two files: of ``known`` the hashes are published, of ``other`` nothing."""
    server.files = {"known.pth": checkpoint_bytes(1), "other.pth": checkpoint_bytes(2)}
    server.breaks_after, server.asked = None, []
    body = server.files["known.pth"]
    known = replace(
        WEIGHTS["sam_vit_b"],
        name="known",
        file="known.pth",
        url=f"{server.url}/known.pth",
        size=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        md5_start=hashlib.md5(body, usedforsecurity=False).hexdigest()[:6],
    )
    other = replace(WEIGHTS["xmem"], name="other", file="other.pth", url=f"{server.url}/other.pth")
    for name in list(WEIGHTS):
        monkeypatch.delitem(WEIGHTS, name)
    monkeypatch.setitem(WEIGHTS, "known", known)
    monkeypatch.setitem(WEIGHTS, "other", other)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return server


def never(*_):
    pytest.fail("nothing was to be confirmed")


def files_left():
    folder = weights_folder()
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def test_published_weights_are_fetched_once_and_hold(shop):
    told = []
    path = fetch("known", confirm=never, progress=lambda done, total: told.append((done, total)))
    assert path == weights_folder() / "known.pth"
    assert path.read_bytes() == shop.files["known.pth"]
    assert told[-1] == (path.stat().st_size, path.stat().st_size)
    assert files_left() == ["known.pth"]
    assert fetch("known", confirm=never) == path
    assert shop.asked == ["known.pth"]
    assert required("known") == path
    found = check("known")
    assert found.source == "published"
    assert found.fingerprint.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_download_that_breaks_off_leaves_nothing_and_is_repeated(shop):
    shop.breaks_after = 1500
    with pytest.raises(NotInstalledError, match="broke off") as told:
        fetch("known", confirm=never)
    assert "repeat" in told.value.hint
    assert files_left() == []
    shop.breaks_after = None
    fetch("known", confirm=never)
    assert files_left() == ["known.pth"]


def test_an_interruption_leaves_nothing(shop):
    def press_ctrl_c(_done, _total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("known", confirm=never, progress=press_ctrl_c)
    assert files_left() == []


def test_what_a_killed_download_left_is_written_over(shop):
    weights_folder().mkdir()
    (weights_folder() / "known.pth.part").write_bytes(b"x" * 10_000)
    fetch("known", confirm=never)
    assert files_left() == ["known.pth"]
    assert check("known").source == "published"


@pytest.mark.parametrize("name", ["known.pth", "other.pth"])
def test_another_file_of_the_same_size_is_refused(shop, name):
    if name == "other.pth":
        fetch("other", confirm=lambda *_: True)
        path_of("other").unlink()
    body = bytearray(shop.files[name])
    body[700] ^= 1
    shop.files[name] = bytes(body)
    with pytest.raises(WeightsError, match="this is not the file that was"):
        fetch(name[:-4], confirm=never)
    assert name not in files_left()


def test_a_file_of_another_size_is_refused(shop):
    shop.files["known.pth"] = shop.files["known.pth"][:-10]
    with pytest.raises(WeightsError, match="breaks off"):
        fetch("known", confirm=never)
    shop.files["known.pth"] += b"0" * 20
    with pytest.raises(WeightsError, match="too long"):
        fetch("known", confirm=never)
    assert files_left() == []


def test_the_digits_in_a_file_name_are_compared_too(shop, monkeypatch):
    monkeypatch.setitem(WEIGHTS, "known", replace(WEIGHTS["known"], md5_start="000000"))
    with pytest.raises(WeightsError, match="MD5"):
        fetch("known", confirm=never)


def test_an_unpublished_hash_is_confirmed_once_and_pinned(shop):
    with pytest.raises(NotInstalledError, match="not confirmed"):
        fetch("other", confirm=lambda *_: False)
    assert files_left() == []
    asked = []
    fetch("other", confirm=lambda weights, own: asked.append((weights.name, own)) or True)
    digest = hashlib.sha256(shop.files["other.pth"]).hexdigest()
    assert [(name, own.sha256) for name, own in asked] == [("other", digest)]
    pins = json.loads((weights_folder() / "pins.json").read_text())
    assert pins == {"other.pth": {"size": len(shop.files["other.pth"]), "sha256": digest}}
    assert check("other").source == "pinned"
    path_of("other").unlink()
    fetch("other", confirm=never)
    assert check("other").source == "pinned"


def test_a_page_instead_of_weights_is_never_offered_for_confirmation(shop):
    shop.files["other.pth"] = b"<html>Please log in to this network</html>"
    with pytest.raises(WeightsError, match="damaged or no checkpoint"):
        fetch("other", confirm=never)
    assert files_left() == []


def test_weights_put_there_by_hand_are_confirmed_where_they_lie(shop):
    weights_folder().mkdir()
    path_of("other").write_bytes(shop.files["other.pth"])
    assert check("other").source == "unknown"
    fetch("other", confirm=lambda *_: True)
    assert check("other").source == "pinned"
    assert shop.asked == []


def test_changed_and_cut_files_are_found(shop):
    path = fetch("known", confirm=never)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(WeightsError, match="breaks off"):
        required("known")
    path.write_bytes(whole[:-1] + b"x")
    required("known")  # the size alone does not tell
    with pytest.raises(WeightsError, match=r"known\.pth: this is not the file that was published"):
        check("known")
    path = fetch("other", confirm=lambda *_: True)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightsError, match="breaks off"):
        required("other")
    (weights_folder() / "pins.json").write_text("[")
    with pytest.raises(WeightsError, match=r"pins\.json"):
        required("other")


def test_no_network_no_file_and_no_folder_each_have_their_own_words(shop, monkeypatch, tmp_path):
    del shop.files["known.pth"]
    with pytest.raises(NotInstalledError, match="does not give the file: 404"):
        fetch("known", confirm=never)
    nobody = replace(WEIGHTS["known"], url="http://127.0.0.1:9/known.pth")
    monkeypatch.setitem(WEIGHTS, "known", nobody)
    with pytest.raises(NotInstalledError, match="cannot be reached") as told:
        fetch("known", confirm=never)
    assert str(weights_folder()) in told.value.hint
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TAM_EDIT_WEIGHTS", str(tmp_path / "file" / "weights"))
    with pytest.raises(NotInstalledError, match="cannot be written here"):
        fetch("known", confirm=never)


def test_what_is_not_installed_says_how_to_add_it(shop):
    with pytest.raises(NotInstalledError, match="'known' are not installed") as told:
        required("known")
    assert told.value.hint == "tam-edit models fetch known"
    with pytest.raises(UnknownNameError, match="no weights file called 'knwon'"):
        fetch("knwon", confirm=never)


def test_the_command_line_fetches_checks_and_tells_where(shop, capsys):
    assert run(["models", "path"]) == 0
    assert capsys.readouterr().out.strip() == str(weights_folder())
    assert run(["models", "check"]) == 0
    assert "no weights are installed" in capsys.readouterr().out
    assert run(["models", "check", "known"]) == 1
    assert "hint: tam-edit models fetch known" in capsys.readouterr().err
    assert run(["models", "fetch", "known"]) == 0
    assert run(["models", "fetch", "other"]) == 1
    told = capsys.readouterr()
    digest = hashlib.sha256(shop.files["other.pth"]).hexdigest()
    assert digest in told.out
    assert "--yes" in told.err
    assert files_left() == ["known.pth"]
    assert run(["models", "path", "other"]) == 0
    told = capsys.readouterr()
    assert told.out.strip() == str(path_of("other"))
    assert "not there yet" in told.err
    assert run(["models", "fetch", "other", "--yes", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["weights"] == {"other": str(path_of("other"))}
    assert run(["models", "check", "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)["weights"]
    assert found == {"known": "published", "other": "pinned"}
    path_of("known").write_bytes(b"x" * path_of("known").stat().st_size)
    assert run(["models", "check"]) == 1
    told = capsys.readouterr().out
    assert "known: wrong: " in told
    assert "other: as it was confirmed" in told


def test_the_registry_is_whole(capsys):
    for weights in WEIGHTS.values():
        assert weights.url.startswith("https://")
        assert weights.url.endswith("/" + weights.file)
        assert weights.sha256 is None or len(bytes.fromhex(weights.sha256)) == 32
        assert weights.md5_start in weights.file
    assert set(FIRST_WEIGHTS.values()) <= WEIGHTS.keys()
    assert run(["models", "show", "sam_vit_b"]) == 0
    assert "ec2df627" in capsys.readouterr().out


def test_auto_takes_what_is_installed(folder, capsys):
    assert missing_weights() == ["sam_vit_b", "xmem_s012"]
    with pytest.raises(NotInstalledError, match=r"needs weights .*: sam_vit_b, xmem_s012") as told:
        load_models("sam+xmem")
    assert "tam-edit models fetch sam_vit_b && " in told.value.hint
    assert load_models("auto").name == "builtin"
    folder.mkdir()
    path_of("sam_vit_l").write_bytes(b"")
    assert missing_weights() == ["xmem_s012"]
    assert load_models("auto").name == "builtin"
    path_of("xmem").write_bytes(b"")
    assert missing_weights() == []
    assert run(["models", "list"]) == 0
    told = capsys.readouterr().out
    assert "auto  takes 'sam+xmem'" in told
    assert set(MODEL_SUMMARIES) <= {line.split()[0] for line in told.splitlines()}
    assert run(["models", "show", "sam+xmem"]) == 0
    assert "weights: sam_vit_l, xmem installed" in capsys.readouterr().out
    with pytest.raises(WeightsError, match="breaks off: 0 of 1,249,524,607"):
        load_models("auto")


def test_doctor_names_optional_weights_without_failing(folder, capsys):
    assert run(["doctor"]) == 0
    told = capsys.readouterr().out
    assert "tam-edit models fetch sam_vit_b && tam-edit models fetch xmem_s012" in told
    assert "nothing is missing" in told


def test_nothing_that_downloads_is_loaded_before_it_is_asked_for():
    code = (
        "import sys, tam_edit._cli.models, tam_edit._cli.track; "
        "assert not {'pooch', 'requests', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
