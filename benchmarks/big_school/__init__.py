"""A school with as many messages as one wants, and how long what is asked of it takes."""
