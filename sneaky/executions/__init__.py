"""What ran, what was asked to run, and whether all is well."""
