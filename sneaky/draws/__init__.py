"""The draw: who gives to whom, why a set of rules cannot be kept, and how a draw is mended afterwards."""
