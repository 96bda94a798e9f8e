"""`python -m sneaky` is the `sneaky` command."""

from sneaky.app import main

main()
