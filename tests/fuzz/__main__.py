"""``python -m tests.fuzz``: many cases for every platform, with a line on the way and a count at the end."""

from __future__ import annotations

import argparse
import sys
import time

from tests.fuzz.targets import Broken, Target
from tests.platforms.fixtures import PLATFORMS

SHOWN_EVERY = 5.0
MOST_BROKEN = 5


def fuzz(target: Target, first: int, cases: int) -> list[Broken]:
    """Run cases and tell how it goes; return what broke, a few at most."""
    name, broken = target.platform.name, list[Broken]()
    began = shown = time.monotonic()
    done = 0
    while done < cases and len(broken) < MOST_BROKEN:
        try:
            target.run(first + done)
        except Broken as error:
            broken.append(error)
        done += 1
        if done % 100 == 0 and time.monotonic() - shown > SHOWN_EVERY:
            shown = time.monotonic()
            print(
                f"fuzz: {name:10} {done:>9,} of {cases:,}, {done / (shown - began):,.0f}/s", file=sys.stderr, flush=True
            )
    took = time.monotonic() - began
    fates = ", ".join(f"{count:,} {fate}" for fate, count in sorted(target.seen.items()))
    print(f"fuzz: {name:10} {done:>9,} cases in {took:.0f} s, {len(broken)} broken ({fates})", flush=True)
    return broken


def main() -> int:
    """Fuzz every platform, or those that are named; return 1 if one broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000, help="how many, of all platforms together")
    parser.add_argument(
        "--first", type=int, default=0, help="the number of the first: the same number is the same case"
    )
    parser.add_argument("platforms", nargs="*", help="all, if none is named")
    asked = parser.parse_args()
    chosen = [platform for platform in PLATFORMS if not asked.platforms or platform.name in asked.platforms]
    each = -(-asked.cases // len(chosen))
    broken = [error for platform in chosen for error in fuzz(Target(platform), asked.first, each)]
    for error in broken:
        print(f"fuzz: BROKEN: {error}", file=sys.stderr)
    print(f"fuzz: {each * len(chosen):,} cases in total, {len(broken)} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
