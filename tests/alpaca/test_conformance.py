"""The simulator against the checks that the standard's own tool makes of the protocol."""

import pytest
import requests

from seestack.alpaca.simulator import SimulatedTelescope

NOT_IMPLEMENTED, INVALID_VALUE, NOT_CONNECTED = 0x400, 0x401, 0x407
IDS = {"ClientID": "123", "ClientTransactionID": "4567"}
BAD = "asduio6fghZZ"


def words(text):
    return text.split()


# For each device: what can be read, what can be set or called and with which
# parameters, by the standard's reference.
COMMON_READ = words(
    "connected description driverinfo driverversion interfaceversion name supportedactions "
    "devicestate connecting"
)
COMMON_CALLED = {
    "action": {"Action": "x", "Parameters": ""},
    "commandblind": {"Command": "x", "Raw": "true"},
    "commandbool": {"Command": "x", "Raw": "true"},
    "commandstring": {"Command": "x", "Raw": "true"},
    "connected": {"Connected": "true"},
    "connect": {},
}
READ = {
    "camera": words(
        "bayeroffsetx bayeroffsety binx biny camerastate cameraxsize cameraysize "
        "canabortexposure canasymmetricbin canfastreadout cangetcoolerpower canpulseguide "
        "cansetccdtemperature canstopexposure ccdtemperature cooleron coolerpower "
        "electronsperadu exposuremax exposuremin exposureresolution fastreadout "
        "fullwellcapacity gain gainmax gainmin gains hasshutter heatsinktemperature "
        "imageready ispulseguiding lastexposureduration lastexposurestarttime maxadu maxbinx "
        "maxbiny numx numy offset offsetmax offsetmin offsets percentcompleted pixelsizex "
        "pixelsizey readoutmode readoutmodes sensorname sensortype setccdtemperature startx "
        "starty subexposureduration"
    ),
    "telescope": words(
        "alignmentmode altitude aperturearea aperturediameter athome atpark azimuth "
        "canfindhome canpark canpulseguide cansetdeclinationrate cansetguiderates cansetpark "
        "cansetpierside cansetrightascensionrate cansettracking canslew canslewaltaz "
        "canslewaltazasync canslewasync cansync cansyncaltaz canunpark declination "
        "declinationrate doesrefraction equatorialsystem focallength guideratedeclination "
        "guideraterightascension ispulseguiding rightascension rightascensionrate sideofpier "
        "siderealtime siteelevation sitelatitude sitelongitude slewing slewsettletime "
        "targetdeclination targetrightascension tracking trackingrate trackingrates utcdate"
    ),
    "filterwheel": words("focusoffsets names position"),
}
CALLED = {
    "camera": {
        "binx": {"BinX": "1"},
        "biny": {"BinY": "1"},
        "cooleron": {"CoolerOn": "true"},
        "fastreadout": {"FastReadout": "true"},
        "gain": {"Gain": "80"},
        "numx": {"NumX": "10"},
        "numy": {"NumY": "6"},
        "offset": {"Offset": "1"},
        "readoutmode": {"ReadoutMode": "0"},
        "setccdtemperature": {"SetCCDTemperature": "-5.0"},
        "startx": {"StartX": "0"},
        "starty": {"StartY": "0"},
        "subexposureduration": {"SubExposureDuration": "1.0"},
        "abortexposure": {},
        "stopexposure": {},
        "pulseguide": {"Direction": "0", "Duration": "100"},
        "startexposure": {"Duration": "0.001", "Light": "False"},
    },
    "telescope": {
        "tracking": {"Tracking": "true"},
        "slewtocoordinatesasync": {"RightAscension": "5.5", "Declination": "-5.4"},
        "slewtocoordinates": {"RightAscension": "5.5", "Declination": "-5.4"},
        "synctocoordinates": {"RightAscension": "5.5", "Declination": "-5.4"},
        "abortslew": {},
        "unpark": {},
    },
    "filterwheel": {"position": {"Position": "1"}},
}

READABLE = [(kind, member) for kind, own in READ.items() for member in (*COMMON_READ, *own)]
CALLABLE = [
    (kind, member, fields)
    for kind, own in CALLED.items()
    for member, fields in (COMMON_CALLED | own).items()
]


@pytest.fixture(scope="module")
def telescope():
    card = [[0] * 10] * 6
    with SimulatedTelescope(picture=card, speed=1000, discovery_port=None) as telescope:
        for kind in ("camera", "telescope", "filterwheel"):
            put(telescope, kind, "connected", Connected="true")
        yield telescope


def url(telescope, kind, member):
    return f"http://{telescope.address}/api/v1/{kind}/0/{member}"


def get(telescope, kind, member, **parameters):
    return requests.get(url(telescope, kind, member), params=parameters, timeout=5)


def put(telescope, kind, member, **fields):
    return requests.put(url(telescope, kind, member), data=fields, timeout=5)


def assert_answer(response, client_id=4567):
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    answer = response.json()
    assert answer["ClientTransactionID"] == client_id
    assert answer["ServerTransactionID"] > 0
    assert (answer["ErrorNumber"] == 0) == (answer["ErrorMessage"] == "")
    return answer


def assert_refused(response):
    assert response.status_code == 400
    assert response.headers["Content-Type"].startswith("text/plain")
    assert response.text


@pytest.mark.parametrize(("kind", "member"), READABLE)
def test_reading(telescope, kind, member):
    answer = assert_answer(get(telescope, kind, member, **IDS))
    assert answer["ErrorNumber"] in (0, NOT_IMPLEMENTED)
    assert ("Value" in answer) == (answer["ErrorNumber"] == 0)
    assert_answer(get(telescope, kind, member, Unknown="1", **IDS))
    lower = {name.lower(): value for name, value in IDS.items()}
    assert_answer(get(telescope, kind, member, **lower))
    assert_answer(get(telescope, kind, member), client_id=0)


@pytest.mark.parametrize(("kind", "member", "fields"), CALLABLE)
def test_calling(telescope, kind, member, fields):
    put(telescope, "camera", "abortexposure")
    answer = assert_answer(put(telescope, kind, member, **fields, **IDS))
    allowed = (0, NOT_IMPLEMENTED, 0x4FF) if kind == "filterwheel" else (0, NOT_IMPLEMENTED)
    assert answer["ErrorNumber"] in allowed
    put(telescope, "camera", "abortexposure")
    assert_answer(put(telescope, kind, member, Unknown="1", **fields, **IDS))
    lower = {name.lower(): value for name, value in IDS.items()}
    put(telescope, "camera", "abortexposure")
    assert_answer(put(telescope, kind, member, **fields, **lower), client_id=0)


@pytest.mark.parametrize(
    ("kind", "member", "fields", "name"),
    [(*call, name) for call in CALLABLE for name in call[2]],
)
def test_calling_with_a_bad_parameter(telescope, kind, member, fields, name):
    if name not in ("Action", "Parameters", "Command"):
        assert_refused(put(telescope, kind, member, **(fields | {name: BAD}), **IDS))
        assert_refused(put(telescope, kind, member, **(fields | {name: ""}), **IDS))
    others = {each: value for each, value in fields.items() if each != name}
    assert_refused(put(telescope, kind, member, **others, **IDS))
    inverted = others | {name.swapcase(): fields[name]}
    assert_refused(put(telescope, kind, member, **inverted, **IDS))


@pytest.mark.parametrize("value", ["", "  ", "-1", BAD, "4294967296", "1.5", "٣"])
@pytest.mark.parametrize("name", ["ClientID", "ClientTransactionID"])
def test_bad_ids(telescope, name, value):
    assert_refused(get(telescope, "camera", "name", **(IDS | {name: value})))
    assert_refused(put(telescope, "camera", "gain", Gain="80", **(IDS | {name: value})))


@pytest.mark.parametrize("value", ["", "123456", "asdqwe", "True False"])
def test_bad_values_of_connected(telescope, value):
    assert_refused(put(telescope, "camera", "connected", Connected=value, **IDS))


@pytest.mark.parametrize(
    "path",
    [
        "/apx/v1/camera/0/description",
        "/api/1/camera/0/description",
        "/api/v/camera/0/description",
        "/api/V1/camera/0/description",
        "/api/v2/camera/0/description",
        "/api/v1/CAMERA/0/description",
        "/api/v1/Camera/0/description",
        "/api/v1/baddevicetype/0/description",
        "/api/v1/camera/-1/description",
        "/api/v1/camera/99999/description",
        "/api/v1/camera/A/description",
        "/api/v1/camera/0/descrip",
        "/api/v1/camera/0/Description",
        "/api/v1/camera/0/",
        "/api/v1/camera/0",
        "/management/v2/description",
        "/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_bad_paths(telescope, method, path):
    assert_refused(requests.request(method, f"http://{telescope.address}{path}", timeout=5))


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH", "OPTIONS", "BREW"])
def test_bad_methods(telescope, method):
    assert_refused(
        requests.request(method, url(telescope, "camera", "connected"), data=IDS, timeout=5)
    )


@pytest.mark.parametrize(
    ("member", "fields"),
    [
        ("gain", {"Gain": "401"}),
        ("gain", {"Gain": "-1"}),
        ("binx", {"BinX": "2"}),
        ("numx", {"NumX": "11"}),
        ("starty", {"StartY": "-1"}),
        ("startexposure", {"Duration": "-1", "Light": "true"}),
        ("startexposure", {"Duration": "2001", "Light": "true"}),
    ],
)
def test_values_that_the_camera_does_not_accept(telescope, member, fields):
    answer = assert_answer(put(telescope, "camera", member, **fields, **IDS))
    assert answer["ErrorNumber"] == INVALID_VALUE


@pytest.mark.parametrize("value", ["1e400", "nan", "inf", "1_0", "1,5", "0x10"])
def test_numbers_that_only_python_reads(telescope, value):
    assert_refused(put(telescope, "camera", "startexposure", Duration=value, Light="true"))


def test_what_is_not_utf8(telescope):
    response = requests.put(
        url(telescope, "camera", "gain"),
        data=b"Gain=%ff%fe",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        timeout=5,
    )
    assert_refused(response)


@pytest.mark.parametrize("kind", ["camera", "telescope", "filterwheel"])
def test_a_device_that_is_not_connected_says_so(simulate, kind):
    telescope = simulate(picture=[[0] * 10] * 6)
    members = [member for each, member in READABLE if each == kind]
    numbers = {
        member: assert_answer(get(telescope, kind, member, **IDS))["ErrorNumber"]
        for member in members
    }
    offline = {member for member, number in numbers.items() if number == 0}
    assert offline == {
        "connected",
        "description",
        "driverinfo",
        "driverversion",
        "interfaceversion",
        "name",
        "supportedactions",
    } | ({"connecting"} if kind != "camera" else set())
    assert set(numbers.values()) <= {0, NOT_IMPLEMENTED, NOT_CONNECTED}


def test_management(telescope):
    base = f"http://{telescope.address}/management"
    versions = assert_answer(requests.get(f"{base}/apiversions", params=IDS, timeout=5))
    assert versions["Value"] == [1]
    about = assert_answer(requests.get(f"{base}/v1/description", params=IDS, timeout=5))["Value"]
    assert set(about) == {"ServerName", "Manufacturer", "ManufacturerVersion", "Location"}
    devices = assert_answer(requests.get(f"{base}/v1/configureddevices", params=IDS, timeout=5))
    assert [(each["DeviceType"], each["DeviceNumber"]) for each in devices["Value"]] == [
        ("Camera", 0),
        ("Telescope", 0),
        ("FilterWheel", 0),
    ]
    assert len({each["UniqueID"] for each in devices["Value"]}) == 3
    bad = requests.get(f"{base}/apiversions", params=IDS | {"ClientID": BAD}, timeout=5)
    assert assert_answer(bad, client_id=0)["Value"] == [1]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("", 200),
        ("/v1/camera/0/setup", 200),
        ("/v1/dome/0/setup", 403),
        ("/v1/camera/<1>/setup", 403),
    ],
)
def test_setup_pages(telescope, path, status):
    response = requests.get(f"http://{telescope.address}/setup{path}", timeout=5)
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith("text/html")
    assert "<1>" not in response.text
