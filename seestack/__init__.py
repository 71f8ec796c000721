"""Live stacking of telescope frames."""
