"""Run the command line by ``python -m moderation_ai``."""

from moderation_ai.cli import main

if __name__ == "__main__":
    main()
