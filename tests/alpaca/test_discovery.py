"""Finding simulated telescopes on loopback, and what is not one."""

import json
import socket
import struct
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from seestack.alpaca.discovery import _broadcast_addresses, _each_once, discover
from seestack.alpaca.errors import AlpacaConnectionError, AlpacaProtocolError
from seestack.alpaca.management import ConfiguredDevice, Server, describe
from seestack.alpaca.simulator import SimulatedTelescope

CARD = [[0, 1], [2, 3]]


def test_a_telescope_is_found_and_described(simulate):
    telescope = simulate(picture=CARD, discovery_port=0)
    began = time.monotonic()
    servers = discover(port=telescope.discovery_port)
    assert time.monotonic() - began < 2.0
    (server,) = servers
    assert server.address == telescope.address
    assert server.manufacturer == "seestack"
    assert [(device.kind, device.number) for device in server.devices] == [
        ("camera", 0),
        ("telescope", 0),
        ("filterwheel", 0),
    ]
    camera = server.find("camera")
    assert camera.address == telescope.address
    assert camera.unique_id == "seestack-camera-0"
    assert server.find("dome") is None


def test_two_telescopes_on_one_discovery_port(simulate):
    first = simulate(picture=CARD, discovery_port=0)
    second = simulate(picture=CARD, discovery_port=first.discovery_port)
    found = {server.address for server in discover(port=first.discovery_port, timeout_s=1.0)}
    # A datagram to loopback itself reaches one of them.
    assert found
    assert found <= {first.address, second.address}


def test_nobody_answers():
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        began = time.monotonic()
        assert discover(port=taken.getsockname()[1], timeout_s=0.5) == []
        assert time.monotonic() - began < 1.0


def test_a_server_that_answers_nothing_else_is_listed_in_time(simulate):
    telescope = simulate(picture=CARD, discovery_port=0)
    # The description is a management call; the port it names is silent.
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        answers = [{"AlpacaPort": silent.getsockname()[1]}]
        with responder(answers) as port:
            began = time.monotonic()
            servers = discover(port=port)
            assert time.monotonic() - began < 2.0
    assert [(server.name, server.devices) for server in servers] == [("", ())]
    assert telescope.discovery_port != port


class responder:  # noqa: N801 - used like a function
    """Answer each question of discovery with all of `answers`."""

    def __init__(self, answers):
        self.answers = answers
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.05)
        self.done = threading.Event()
        self.asked = []
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.done.is_set():
            try:
                data, sender = self.socket.recvfrom(100)
            except TimeoutError:
                continue
            self.asked.append(data)
            for answer in self.answers:
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.socket.sendto(body, sender)

    def __enter__(self):
        self.thread.start()
        return self.socket.getsockname()[1]

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        self.socket.close()


def test_junk_is_no_answer(simulate):
    telescope = simulate(picture=CARD)
    port = int(telescope.address.rpartition(":")[2])
    junk = [
        b"",
        b"\xff\xfe",
        b"[" * 1400,
        [],
        {"AlpacaPort": "80"},
        {"AlpacaPort": True},
        {"AlpacaPort": 0},
        {"AlpacaPort": 70_000},
        {"Port": port},
    ]
    with responder([*junk, {"AlpacaPort": port}, {"AlpacaPort": port}]) as discovery_port:
        servers = discover(port=discovery_port, timeout_s=0.8)
    assert [server.address for server in servers] == [telescope.address]


def test_a_server_with_two_addresses_is_listed_once():
    def server(address, *unique_ids):
        devices = tuple(
            ConfiguredDevice(
                address=address, kind="camera", number=k, name="camera", unique_id=unique_id
            )
            for k, unique_id in enumerate(unique_ids)
        )
        return Server(address=address, devices=devices)

    here, again = server("127.0.0.1:80", "a", "b"), server("10.0.0.2:80", "a", "b")
    other_port, other = server("127.0.0.1:81", "a", "b"), server("10.0.0.3:80", "a")
    silent, silent_too = server("10.0.0.4:80"), server("10.0.0.5:80")
    found = _each_once([here, again, other_port, other, silent, silent_too])
    assert found == [here, other_port, other, silent, silent_too]


def test_the_question_is_the_standard_one():
    answering = responder([])
    with answering as port:
        discover(port=port, timeout_s=0.3)
    assert answering.asked == [b"alpacadiscovery1"]


def test_the_responder_ignores_other_questions(simulate):
    telescope = simulate(picture=CARD, discovery_port=0)
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as asking:
        asking.settimeout(0.3)
        asking.sendto(b"hello", ("127.0.0.1", telescope.discovery_port))
        with pytest.raises(TimeoutError):
            asking.recv(100)
        asking.sendto(b"alpacadiscovery1" + bytes(48), ("127.0.0.1", telescope.discovery_port))
        port = int(telescope.address.rpartition(":")[2])
        assert json.loads(asking.recv(100)) == {"AlpacaPort": port}


def test_ipv6_is_asked_too():
    index = next((index for index, name in socket.if_nameindex() if _hears_multicast(index)), None)
    if index is None:
        pytest.skip("no interface of this computer passes on IPv6 multicasts")
    with closing(_multicast_listener(index)) as listener:
        discover(port=listener.getsockname()[1], timeout_s=0.4)
        data, sender = listener.recvfrom(100)
    assert data == b"alpacadiscovery1"
    assert ":" in sender[0]


def _multicast_listener(index):
    listener = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    listener.bind(("::", 0))
    group = socket.inet_pton(socket.AF_INET6, "ff12::a1:9aca") + struct.pack("@I", index)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
    listener.settimeout(0.5)
    return listener


def _hears_multicast(index):
    try:
        with (
            closing(_multicast_listener(index)) as listener,
            closing(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) as sender,
        ):
            sender.sendto(b"?", ("ff12::a1:9aca", listener.getsockname()[1], 0, index))
            return listener.recv(10) == b"?"
    except OSError:
        return False


def test_every_network_is_asked():
    addresses = _broadcast_addresses()
    assert "255.255.255.255" in addresses
    assert not any(address.startswith("127.") for address in addresses)


def test_a_taken_discovery_port_is_no_hindrance(simulate, caplog):
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        telescope = simulate(picture=CARD, discovery_port=port)
        assert telescope.discovery_port is None
        assert f"no discovery on UDP port {port}" in caplog.text
        assert describe(telescope.address).name == "Simulated Seestar S50"


def test_a_taken_port_is_an_error():
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        telescope = SimulatedTelescope(picture=CARD, port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            telescope.start()
    before = threading.active_count()
    telescope.stop()
    assert threading.active_count() == before


def test_a_telescope_starts_once_and_again_after_a_stop():
    telescope = SimulatedTelescope(picture=CARD, discovery_port=None)
    with telescope:
        with pytest.raises(RuntimeError, match="is running already"):
            telescope.start()
        assert describe(telescope.address).devices
    with telescope:
        assert describe(telescope.address).devices
    with pytest.raises(AlpacaConnectionError):
        describe(telescope.address, retry_pauses_s=())


@pytest.mark.parametrize("value", ["[]", "null", '[{"DeviceName": "x"}]', "7", '{"a": 1}'])
def test_a_malformed_description(value):
    body = f'{{"Value": {value}}}'.encode()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            with pytest.raises(AlpacaProtocolError, match="description or list of devices"):
                describe(f"127.0.0.1:{server.server_port}", retry_pauses_s=())
        finally:
            server.shutdown()
            thread.join()


def test_a_search_takes_time():
    with pytest.raises(ValueError, match="timeout_s must be positive, got 0"):
        discover(timeout_s=0)
