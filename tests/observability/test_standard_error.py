"""Log lines survive that their disk is full."""

import os
from pathlib import Path

from serve_app.observability.standard_error import StandardError
from tests.small_disk import mounted


def test_lines_on_a_full_disk_are_written_once_there_is_space(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", mib=1) as disk:
        log = disk.folder / "log"
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        stream = StandardError(descriptor)
        lines = ["before\n", "x" * 6000 + "\n", "the disk is full\n", "ü🐈 \udcff\n"]
        stream.write(lines[0])
        disk.fill()
        for line in lines[1:]:
            assert stream.write(line) == len(line)
        for _ in range(1000):  # bounded
            stream.write("y" * 1000 + "\n")
        disk.free()
        stream.write("after\n")
        stream.write("last\n")
        written = log.read_text()
        assert written.startswith("".join(lines).replace("\udcff", "\\udcff"))
        assert written.endswith("last\n")
        assert set(map(len, written.splitlines())) <= {4, 5, 6, 16, 9, 1000, 6000}
        assert len(written) < 128 << 10
        os.close(descriptor)
