"""`python -m service` is the `assay` command."""

from .cli import main

if __name__ == "__main__":
    main()
