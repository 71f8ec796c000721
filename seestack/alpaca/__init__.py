"""Cameras over ASCOM ALPACA: find them, take exposures, and simulate a telescope.

`client` holds the camera, `accessories` the telescope mount and the filter wheel,
`discovery` finds devices on the network, `errors` is the family of exceptions, and
`simulator` is a telescope on loopback for working without hardware.
"""
