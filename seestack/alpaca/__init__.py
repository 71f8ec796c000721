"""Cameras over ASCOM ALPACA: find them, take exposures, and simulate a telescope.

`client` holds the camera, `accessories` the telescope mount and the filter wheel,
`discovery` finds servers on the network, `management` asks what they are, and `errors`
is the family of exceptions. Beneath them lie `transport` (the calls) and `protocol`
(what they carry).

`simulator` is a telescope on loopback for working without hardware: `sky` says what it
sees and how that moves, `scene` and `nebulae` draw it, `service` answers the calls for
the simulated devices, and `faults` lets it fail.
"""
