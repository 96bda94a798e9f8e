"""What a release hands out beside the wheel."""
