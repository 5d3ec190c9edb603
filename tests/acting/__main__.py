"""Run scenarios by their seeds: ``python -m tests.acting faults 17 --store sqlite``, ``... kills 0 99``."""

from __future__ import annotations

import argparse
import asyncio
import sys

from tests.acting.plans import draw, draw_deaths
from tests.acting.running import kill_all, play_all
from tests.postgres import SHARED


def main() -> int:
    """Run them; return 1 if one ended otherwise than it must."""
    parser = argparse.ArgumentParser(prog="python -m tests.acting", description=__doc__)
    parser.add_argument("what", choices=("faults", "kills"))
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int, nargs="?", help="the first alone, if not given")
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    options = parser.parse_args()
    seeds = range(options.first, (options.first if options.last is None else options.last) + 1)
    if len(seeds) == 1:
        print(draw(options.first) if options.what == "faults" else draw_deaths(options.first))
    try:
        if options.what == "faults":
            wrong = asyncio.run(play_all(seeds, options.store))
        else:
            wrong, killed = asyncio.run(kill_all(seeds, options.store))
            print("killed:", ", ".join(f"{step} {count}" for step, count in killed.most_common()))
    finally:
        SHARED.close()
    print("\n".join([*wrong, f"{len(seeds)} scenarios, {len(wrong)} wrong"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
