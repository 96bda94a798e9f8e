"""Wish lists: what people would like, and a word to their giver when that changes."""

from sneaky.wishlists.lists import MOST_ITEMS, TITLE_LENGTH, Item, add, edit, items, remove
from sneaky.wishlists.notices import tell_givers

__all__ = ["MOST_ITEMS", "TITLE_LENGTH", "Item", "add", "edit", "items", "remove", "tell_givers"]
