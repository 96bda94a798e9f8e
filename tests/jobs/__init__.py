"""The jobs: how one is run, and what each does."""
