r"""Say whether results are those that were published, to the bit; if not, what made them differ.

Portable arithmetic (`--arithmetic portable`, the demo's) gives the same bits on every x86-64
processor with AVX2. Compares the files of --published, from the data to the table, names the first
that differs, and in what the processes differ that made it. That is no error, unless --strict
says so: and then only where nothing but the code or the configuration explains it. With --write, a
table and the runs behind it are published in its place. Cost: seconds, to hash the files.

Example:
    python src/verify_bits.py --published docs/demo_bits.json
    python src/verify_bits.py --published docs/demo_bits.json --write results/demo/table2.csv
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.errors import UserError
from cogloat.files import sha256, writable_file
from cogloat.results.bits import (
    PROVENANCE,
    Published,
    differences,
    differing,
    facts_of_runs,
    of_table,
    same_kind,
)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--published", type=Path, required=True, help="the hashes, JSON")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="fail if bits differ that portable arithmetic by the same libraries must give",
    )
    parser.add_argument(
        "--write", type=Path, metavar="TABLE", help="publish this table of accuracies and its runs"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Verify, or publish."""
    args = parse_args(argv)
    if args.write is not None:
        _publish(args.write, writable_file(args.published))
        return
    if not (args.strict or args.published.is_file()):
        print(f"not compared: there is no {args.published}. `make publish` writes the demo's.")
        return
    published = Published.read(args.published)
    moved = differing(published)
    if not moved:
        print(f"equal to the published results to the bit: {len(published.files)} files")
        return
    own = facts_of_runs(_origins(map(Path, published.files)))
    print(
        f"not the published results to the bit: {len(moved)} of {len(published.files)} files "
        f"differ from {args.published}, first {moved[0]}"
    )
    for line in differences(published.made_by, own):
        print(f"  {line}")
    if not same_kind(published.made_by, own):
        print("Such results agree within the spread of seeds, not to the bit.")
        return
    explained = (
        "Portable arithmetic by the same libraries gives the same bits, so that the code or the "
        "configuration has changed; if neither has, please report this."
    )
    if args.strict:
        raise UserError(f"{moved[0]}: not as published. {explained}")
    print(explained)


def _publish(table: Path, output: Path) -> None:
    files = of_table(table)
    made_by = facts_of_runs(_origins(files))
    hashes = {str(file): sha256(file) for file in files}
    Published(made_by=made_by, files=hashes).write(output)
    print(f"published {len(hashes)} files, by {', '.join(made_by['arithmetic'])} arithmetic")


def _origins(files: Sequence[Path] | map[Path]) -> list[Path]:
    """Return the provenance of the runs that some files are of, as far as it is there."""
    beside = (file.with_name(PROVENANCE) for file in files if file.name == "metrics.json")
    return [file for file in beside if file.is_file()]


if __name__ == "__main__":
    main()
