"""A view module for each group of pages, with templates of the same names."""
