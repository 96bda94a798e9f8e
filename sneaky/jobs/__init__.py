"""The jobs, by name, runnable by hand."""
