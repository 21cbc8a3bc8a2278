"""The documents' commands for this machine, typed as they stand there. A block that begins with `sh run` is one."""

from __future__ import annotations

import subprocess

import pytest

from tests.docs import documents
from tests.docs.documents import ROOT, Block
from tests.live.cloud import Cloud

BLOCKS = [block for page in documents.pages() for block in documents.blocks(page) if block.info == "sh run"]


def test_the_readme_has_commands_for_this_machine() -> None:
    assert "README.md" in {block.file for block in BLOCKS}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.file}:{block.line}")
def test_the_block_does_what_it_says(cloud: Cloud, block: Block) -> None:
    done = subprocess.run(
        ["sh", "-e", "-c", block.text],
        cwd=ROOT,
        # what was said to the make that runs the tests is not for those in the documents
        env={name: value for name, value in cloud.env.items() if not name.startswith(("MAKE", "MFLAGS"))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert not done.returncode, done.stdout[-4000:] + done.stderr[-4000:]
    assert done.stdout.strip()
