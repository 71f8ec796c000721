"""What does not change about a camera."""

from __future__ import annotations

from dataclasses import dataclass

from seestack.alpaca.device import Device

__all__ = ["CameraInfo", "camera_info"]

_COLOUR_PLANES = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraInfo:
    """What does not change about a camera.

    Parameters
    ----------
    name : str
        What the camera calls itself.
    width_px, height_px : int
        Size of the unbinned sensor.
    sensor_type : int
        ALPACA SensorType: 0 monochrome, 1 colour, 2 Bayer mosaic.
    bayer_offset : tuple of int
        (BayerOffsetX, BayerOffsetY); (0, 0) for other sensors.
    max_adu : int or None
        Largest pixel value.
    can_abort : bool
        Whether an exposure can be aborted.
    electrons_per_adu : float or None
        None where the camera does not know it.
    pixel_size_um : float or None
        Width of a pixel in micrometres.
    """

    name: str
    width_px: int
    height_px: int
    sensor_type: int
    bayer_offset: tuple[int, int]
    max_adu: int | None
    can_abort: bool
    electrons_per_adu: float | None
    pixel_size_um: float | None


def camera_info(camera: Device) -> CameraInfo:
    """Ask a connected camera what does not change about it.

    Parameters
    ----------
    camera : Device
        A camera.

    Returns
    -------
    CameraInfo
        With None for what the camera does not know.

    Raises
    ------
    AlpacaError
        If a call fails, or the camera does not know its own size.
    """
    sensor_type = int(camera.get_optional("sensortype") or 0)
    offset = (0, 0)
    if sensor_type > _COLOUR_PLANES:
        offset = (
            int(camera.get_optional("bayeroffsetx") or 0),
            int(camera.get_optional("bayeroffsety") or 0),
        )
    return CameraInfo(
        name=camera.name,
        width_px=int(camera.transport.get("cameraxsize")),
        height_px=int(camera.transport.get("cameraysize")),
        sensor_type=sensor_type,
        bayer_offset=offset,
        max_adu=camera.get_optional("maxadu"),
        can_abort=bool(camera.get_optional("canabortexposure")),
        electrons_per_adu=camera.get_optional("electronsperadu"),
        pixel_size_um=camera.get_optional("pixelsizex"),
    )
