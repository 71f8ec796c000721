"""The decoders against known pixels, recorded answers and arbitrary bytes."""

import json
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter

from seestack.alpaca.errors import (
    AlpacaDriverError,
    AlpacaError,
    AlpacaInvalidOperationError,
    AlpacaNotConnectedError,
    AlpacaProtocolError,
    AlpacaStatusError,
)
from seestack.alpaca.protocol import (
    IMAGE_BYTES,
    bayer_pattern,
    decode_image,
    encode_error,
    encode_image,
    parse_answer,
)

HEADER = struct.Struct("<iiIIiiiiiii")
TYPES = {
    1: np.int16,
    2: np.int32,
    3: np.float64,
    4: np.float32,
    5: np.uint64,
    6: np.uint8,
    7: np.int64,
    8: np.uint16,
    9: np.uint32,
}


def picture(shape=(4, 7), dtype=np.uint16):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def json_body(image, **fields):
    value = image.swapaxes(0, 1).tolist()
    answer = {"Type": 2, "Rank": image.ndim, "Value": value, "ErrorNumber": 0, "ErrorMessage": ""}
    return json.dumps(answer | fields).encode()


@pytest.mark.parametrize("element_type", TYPES)
@pytest.mark.parametrize("shape", [(4, 7), (7, 4), (5, 3, 3), (1, 1)])
def test_every_element_type_and_rank_survives_the_wire(element_type, shape):
    image = picture(shape, TYPES[element_type])
    decoded = decode_image(encode_image(image, element_type=element_type), IMAGE_BYTES)
    assert decoded.dtype == TYPES[element_type]
    np.testing.assert_array_equal(decoded, image)


def test_a_column_is_contiguous_on_the_wire():
    body = HEADER.pack(1, 0, 9, 27, 44, 2, 8, 2, 2, 3, 0) + bytes(
        [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]
    )
    assert decode_image(body, IMAGE_BYTES).tolist() == [[1, 4], [2, 5], [3, 6]]


def test_tail_is_ignored_and_a_later_data_start_is_followed():
    image = picture()
    body = encode_image(image)
    np.testing.assert_array_equal(decode_image(body + b"\xff" * 99, IMAGE_BYTES), image)
    later = bytearray(body[:44] + b"????" + body[44:])
    struct.pack_into("<i", later, 16, 48)
    np.testing.assert_array_equal(decode_image(later, IMAGE_BYTES), image)


def test_decoding_copies_no_pixel():
    body = bytearray(encode_image(picture()))
    decoded = decode_image(body, IMAGE_BYTES)
    body[44:46] = b"\x07\x01"
    assert decoded[0, 0] == 0x0107


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", None, ""])
@pytest.mark.parametrize("shape", [(4, 7), (5, 3, 3)])
def test_json_image(kind, shape):
    image = picture(shape, np.int32)
    decoded = decode_image(json_body(image), kind)
    assert decoded.dtype == np.int32
    np.testing.assert_array_equal(decoded, image)


def test_json_image_of_floats_and_of_large_integers():
    image = np.array([[0.5, 1.0], [2.0, 3.0], [4.0, 5.0]])
    np.testing.assert_array_equal(decode_image(json_body(image), "application/json"), image)
    large = np.array([[2**32 - 1, 0]])
    np.testing.assert_array_equal(decode_image(json_body(large), "application/json"), large)


def test_image_bytes_without_a_content_type():
    np.testing.assert_array_equal(decode_image(encode_image(picture()), None), picture())


@pytest.mark.parametrize("shape", [(4, 7), (5, 3, 3)])
@pytest.mark.parametrize(
    ("orientation", "rows_first"),
    [("auto", False), ("transposed", False), ("auto", True), ("as-is", True)],
)
def test_orientation(orientation, rows_first, shape):
    image = picture(shape)
    body = encode_image(image, rows_first=rows_first)
    decoded = decode_image(body, IMAGE_BYTES, orientation=orientation, size=(shape[1], shape[0]))
    np.testing.assert_array_equal(decoded, image)


def test_rows_that_are_labelled_as_columns():
    image = picture((4, 7))
    body = bytearray(encode_image(image, rows_first=True))
    struct.pack_into("<ii", body, 32, 7, 4)
    decoded = decode_image(body, IMAGE_BYTES, orientation="as-is", size=(7, 4))
    np.testing.assert_array_equal(decoded, image)


def test_unknown_orientation():
    with pytest.raises(
        ValueError, match="orientation must be one of auto, transposed, as-is, got 'T'"
    ):
        decode_image(b"", None, orientation="T")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({0: 2}, "version must be 1, got 2"),
        ({4: 43}, "data start 43"),
        ({4: 2**31 - 1}, "data start 2147483647"),
        ({6: 0}, "element type must be 1 to 9, got 0"),
        ({6: 10}, "element type must be 1 to 9, got 10"),
        ({7: 1}, "rank must be 2 or 3, got 1"),
        ({7: 3}, r"dimensions must be positive, got \(7, 4, 0\)"),
        ({8: -7, 9: -4}, "dimensions must be positive"),
        ({8: 2**31 - 1, 9: 2**31 - 1}, "cut short"),
        ({6: 2}, "cut short"),
    ],
)
def test_malformed_image_bytes(fields, message):
    body = encode_image(picture((4, 7)))
    header = list(HEADER.unpack_from(body))
    for index, value in fields.items():
        header[index] = value
    with pytest.raises(AlpacaProtocolError, match=message):
        decode_image(HEADER.pack(*header) + body[44:], IMAGE_BYTES, device="camera 0")


def test_short_image_bytes():
    with pytest.raises(AlpacaProtocolError, match="has 10 bytes"):
        decode_image(b"\1\0\0\0\0\0\0\0\0\0", IMAGE_BYTES)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Rank": 4}, "Rank of a JSON image must be 2 or 3, got 4"),
        ({"Rank": True}, "got True"),
        ({"Rank": 3}, "nested less deeply"),
        ({"Value": None}, "nested less deeply"),
        ({"Value": []}, "empty or ragged"),
        ({"Value": [[]]}, "empty or ragged"),
        ({"Value": [[1, 2], [3]]}, "empty or ragged"),
        ({"Value": [["a", None]]}, "must be numbers, got NoneType, str"),
        ({"Value": [[True]]}, "must be numbers, got bool"),
        ({"Value": [[10**30]]}, "out of range"),
        ({"Value": [[[1]]]}, "must be numbers, got list"),
    ],
)
def test_malformed_json_image(fields, message):
    with pytest.raises(AlpacaProtocolError, match=message):
        decode_image(json_body(picture(), **fields), "application/json")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"Value": NaN}', b"[]"])
def test_what_is_not_json(body):
    with pytest.raises(AlpacaProtocolError, match="JSON"):
        decode_image(body, "application/json")
    with pytest.raises(AlpacaProtocolError, match="JSON"):
        parse_answer(200, body)


def test_error_bodies_of_both_kinds():
    with pytest.raises(
        AlpacaNotConnectedError, match="camera 0: GET imagearray: kein Gerät"
    ) as caught:
        decode_image(encode_error(0x407, "kein Gerät"), IMAGE_BYTES, device="camera 0")
    assert caught.value.number == 0x407
    body = b'{"ErrorNumber": 1035, "ErrorMessage": "no image"}'
    with pytest.raises(AlpacaInvalidOperationError, match=r"no image \(ALPACA error 0x40B\)"):
        decode_image(body, "application/json; charset=utf-8")


def test_answers():
    assert parse_answer(200, b'{"Value": [1]}')["Value"] == [1]
    with pytest.raises(AlpacaDriverError, match=r"mount sync failed \(ALPACA error 0x4FF\)"):
        parse_answer(
            200, b'{"Value": null, "ErrorNumber": 1279, "ErrorMessage": "mount sync failed"}'
        )
    with pytest.raises(AlpacaDriverError, match="words only"):
        parse_answer(200, b'{"ErrorNumber": 0, "ErrorMessage": "words only"}')
    with pytest.raises(AlpacaProtocolError, match="ErrorNumber must be an integer, got '5'"):
        parse_answer(200, b'{"ErrorNumber": "5"}')
    with pytest.raises(AlpacaProtocolError, match="ErrorMessage must be text, got 5"):
        parse_answer(200, b'{"ErrorMessage": 5}')
    with pytest.raises(AlpacaStatusError, match="HTTP status 400: no such member") as caught:
        parse_answer(400, b"no such member", device="camera 0", call="GET x")
    assert caught.value.status == 400


@pytest.mark.parametrize("offset", [(0, 0), (1, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize("start", [(0, 0), (3, 0), (0, 5), (2, 2)])
def test_bayer_pattern_follows_the_subframe(offset, start):
    colours = np.array([["R", "G"], ["G", "B"]])
    rows = (np.arange(2) + offset[1] + start[1]) % 2
    cols = (np.arange(2) + offset[0] + start[0]) % 2
    assert bayer_pattern(2, offset, start) == "".join(colours[np.ix_(rows, cols)].ravel())


@pytest.mark.parametrize("sensor_type", [0, 1, 3, 4, 5])
def test_sensors_without_a_bayer_pattern(sensor_type):
    assert bayer_pattern(sensor_type, (1, 0)) is None


def test_recorded_answers_agree(protocol_files):
    binary = decode_image((protocol_files / "resp_image_array.bin").read_bytes(), IMAGE_BYTES)
    text = (protocol_files / "resp_image_array.json").read_bytes()
    # The twin was recorded one exposure later: the same scene, noise of one count.
    twin = decode_image(text, "application/json")
    np.testing.assert_allclose(twin, binary.astype(int), rtol=0, atol=1)
    assert binary.shape == (600, 800)
    # A nebula in three grey levels, its dark cloud left of the middle, light below right.
    assert np.unique(binary).tolist() == [3, 4, 5]
    assert binary[240:310, 300:380].mean() < 3.6
    assert binary[240:310, 620:780].mean() > 3.9
    assert binary[560:, 720:].mean() > 4.5
    # Smoothed, it varies little from pixel to pixel; a wrong row length makes stripes.
    smooth = uniform_filter(binary.astype(float), 9)
    for axis in (0, 1):
        assert np.abs(np.diff(smooth, axis=axis)).mean() < 0.08 * smooth.std()


integers = st.integers(-(2**31), 2**31 - 1)
headers = st.builds(
    HEADER.pack,
    st.sampled_from([1, 1, 1, 0, 2]),
    st.one_of(st.just(0), st.just(0), integers),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.one_of(st.just(44), integers, st.integers(40, 60)),
    integers,
    st.integers(-1, 11),
    st.integers(1, 4),
    *(st.one_of(st.integers(-1, 9), integers),) * 3,
)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4), max_leaves=20)
answers = st.fixed_dictionaries(
    {},
    optional={
        "Type": leaves,
        "Rank": st.one_of(st.sampled_from([2, 3]), leaves),
        "Value": st.one_of(values, st.lists(st.lists(leaves, min_size=2, max_size=2), min_size=1)),
        "ErrorNumber": st.one_of(st.just(0), leaves),
        "ErrorMessage": st.one_of(st.just(""), leaves),
    },
).map(lambda answer: json.dumps(answer).encode())
bodies = st.one_of(
    st.binary(max_size=200),
    st.builds(bytes.__add__, headers, st.binary(max_size=300)),
    answers,
    st.builds(lambda body, cut: body[:cut], answers, st.integers(0, 80)),
)
kinds = st.sampled_from([IMAGE_BYTES, "application/json", "text/html", "", None])


@settings(
    max_examples=2500,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    bodies, kinds, st.sampled_from(["auto", "transposed", "as-is"]), st.sampled_from([None, (2, 3)])
)
def test_any_body_gives_an_image_or_the_documented_error(body, kind, orientation, size):
    try:
        image = decode_image(body, kind, orientation=orientation, size=size)
    except AlpacaError:
        return
    assert image.ndim in (2, 3)
    assert image.dtype.kind in "iuf"
    # One pixel takes at least one byte of ImageBytes and two of JSON ("1,"), and
    # at most eight bytes of memory.
    assert image.size <= len(body)


@settings(max_examples=500, derandomize=True, deadline=None)
@given(bodies, st.integers(100, 599))
def test_any_answer_is_an_object_or_the_documented_error(body, status):
    try:
        answer = parse_answer(status, body)
    except AlpacaError:
        return
    assert isinstance(answer, dict)


@pytest.mark.parametrize("dimensions", [(2**31 - 1, 2**31 - 1, 0), (60_000, 60_000, 0)])
def test_a_lying_header_allocates_nothing(dimensions):
    body = HEADER.pack(1, 0, 0, 0, 44, 2, 8, 2, *dimensions) + bytes(1000)
    tracemalloc.start()
    with pytest.raises(AlpacaProtocolError, match="cut short"):
        decode_image(body, IMAGE_BYTES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


def test_json_text_pixels_allocate_no_array():
    body = json_body(picture(), Value=[["x" * 200_000] + ["y"] * 999])
    tracemalloc.start()
    with pytest.raises(AlpacaProtocolError, match="must be numbers"):
        decode_image(body, "application/json")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * len(body)
