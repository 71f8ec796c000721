"""The notebook panel: a camera, its settings, the growing picture and the numbers.

`control` knows no widget and `panel` knows no camera. What takes long runs in the one
thread of `refresher`, which lives only as long as there is something to do.
"""
