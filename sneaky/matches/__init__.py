"""The one room that seals and unseals who gives to whom."""
