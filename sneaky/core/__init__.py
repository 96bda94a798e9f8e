"""The ground floor: settings, database, clock, secrets, errors and log."""
