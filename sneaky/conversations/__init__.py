"""Anonymous conversations between giver and recipient."""
