"""Numerical pieces that several steps share; arrays in, arrays out."""
