"""Dialects: other people's words for the same house. Names only, no machinery of their own."""
