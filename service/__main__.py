"""`python -m assay.service` is the `assay` command."""

# Absolute, since worker processes import this file by its path.
from assay.service.cli.main import main

if __name__ == "__main__":
    main()
