"""A mechanism behind the onion addresses that `deploy/tor` makes, in a Tor network of its own."""

import base64
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
import requests
from nacl.public import PrivateKey

from meyasubako.service.config import Config, Doors, Limits
from tests.browser.walk import LANGUAGES
from tests.system.box import found_box
from tests.system.town import Town, settled
from tests.tor.network import Network, Node, free_port, installed, wait_until

DEPLOYED = Path(__file__).parents[2] / "deploy/tor/meyasubako.torrc"
DOORS = ("reporter", "handler", "log")
MEGABYTE = 1024 * 1024


def pytest_collection_modifyitems(items):
    # The browser's driver is closed by its own process, some time after it was told to.
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("default::ResourceWarning"))


@pytest.fixture(scope="session")
def network(tmp_path_factory):
    assert installed(), "these tests need Debian's tor"
    network = Network(tmp_path_factory.mktemp("tor"))
    try:
        network.begin()
        yield network
    finally:
        network.end()


@pytest.fixture(scope="session")
def remote(network, tmp_path_factory):
    """The mechanism, its doors known by onion addresses only; people come through a SOCKS port."""
    place = tmp_path_factory.mktemp("town")
    doors = Doors(**{door: f"127.0.0.1:{free_port()}" for door in DOORS})
    limits = Limits(workers=1, threads=16, upload_bytes=64 * MEGABYTE, files=3)
    box = found_box(place / "box", limits, languages=LANGUAGES, doors=doors)
    onions, key = published(network, doors)
    config = Config.load(box.directory)
    names = (onions["handler"], onions["log"])
    msgspec.structs.replace(config, doors=msgspec.structs.replace(doors, names=names)).write(box.directory)

    port = free_port()
    keys = network.place / "keys"
    keys.mkdir(mode=0o700)
    client = network.join("client", f"SocksPort 127.0.0.1:{port}\nClientOnionAuthDir {keys}\n")
    wait_until(client.bootstrapped, "the client knows the network")
    addresses = {door: f"http://{onion}" for door, onion in onions.items()}
    socks = f"socks5h://127.0.0.1:{port}"
    with settled(box, place, doors=addresses, way=("--proxy", socks)) as town:
        for door in ("reporter", "log"):
            wait_until(
                lambda door=door: answers(addresses[door], socks), f"the {door}'s onion address answers"
            )
        yield Remote(town, client, socks, Key(keys / "handler.auth_private", onions["handler"], key))


@dataclass(frozen=True)
class Key:
    """What finds an onion address that is not for everybody: the file in which Tor looks for it."""

    path: Path
    onion: str
    secret: str

    def put(self):
        self.path.write_text(f"{self.onion.removesuffix('.onion')}:descriptor:x25519:{self.secret}\n")
        self.path.chmod(0o600)


@dataclass(frozen=True)
class Remote:
    """A town known by its onion addresses, the client that its people share, and the handlers' key."""

    town: Town
    client: Node
    socks: str
    key: Key


def published(network, doors):
    """Start the onion service as `deploy/` configures it; gives each door's address and the handlers' key."""
    lines = DEPLOYED.read_text()
    for door in DOORS:
        default = f"HiddenServicePort 80 {getattr(Doors(), door)}\n"
        assert default in lines, f"{DEPLOYED.name} does not lead to the default address of the {door}'s door"
        lines = lines.replace(default, f"HiddenServicePort 80 {getattr(doors, door)}\n")
    folder = network.place / "onions"
    folder.mkdir(mode=0o700)
    lines = lines.replace("/var/lib/tor/", f"{folder}/")
    key = PrivateKey.generate()
    allow(folder / "meyasubako-handler", key)
    service = network.join("service", f"SocksPort 0\n{lines}")
    wait_until(service.bootstrapped, "the onion service knows the network")
    onions = {door: (folder / f"meyasubako-{door}/hostname").read_text().strip() for door in DOORS}
    return onions, in_base32(bytes(key))


def allow(folder, key):
    clients = folder / "authorized_clients"
    clients.mkdir(mode=0o700, parents=True)
    folder.chmod(0o700)
    (clients / "keiko.auth").write_text(f"descriptor:x25519:{in_base32(bytes(key.public_key))}\n")


def in_base32(data):
    return base64.b32encode(data).decode().rstrip("=")


def answers(address, socks):
    try:
        return requests.get(address, proxies={"http": socks}, timeout=30).status_code < 500
    except requests.RequestException:
        return False
