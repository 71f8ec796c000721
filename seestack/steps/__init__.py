"""The six steps of stacking and their neighbours; pure functions on arrays and values."""
