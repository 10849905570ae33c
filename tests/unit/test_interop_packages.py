"""What `make test-interop` does about Debian's packages, with fakes of apt-get and id in their own PATH."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests/interop/packages.sh"
PACKAGES = ["age", "golang-go", "golang-golang-x-mod-dev"]
# Writes down how it was called, and brings what it was asked for if the list of packages is there.
FAKE_APT_GET = """#!/bin/sh
echo "$*" >> "{place}/asked"
case $1 in
  update) {update} ;;
  install) [ -e "{place}/lists" ] || exit 100 ;;
esac
for package in "$@"; do
  case $package in
    age) /bin/cp "$0" "{place}/bin/age" ;;
    golang-go) /bin/cp "$0" "{place}/bin/go" ;;
    golang-golang-x-mod-dev) /bin/mkdir -p "{place}/gocode/src/golang.org/x/mod/sumdb" ;;
  esac
done
"""


@dataclass
class FakeDebian:
    """A machine that has nothing but what is put there."""

    place: Path

    def program(self, name: str, text: str = "#!/bin/sh\n") -> None:
        path = self.place / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def apt_get(self, *, lists: bool = True, update: str = "exit 100") -> None:
        if lists:
            (self.place / "lists").touch()
        self.program("apt-get", FAKE_APT_GET.format(place=self.place, update=update))

    def user(self, number: int) -> None:
        self.program("id", f"#!/bin/sh\necho {number}\n")

    def has(self, packages: list[str]) -> None:
        for package, name in {"age": "age", "golang-go": "go"}.items():
            if package in packages:
                self.program(name)
        if "golang-golang-x-mod-dev" in packages:
            (self.place / "gocode/src/golang.org/x/mod/sumdb").mkdir(parents=True)

    def run(self) -> tuple[int, str]:
        done = subprocess.run(
            ["/bin/sh", SCRIPT, self.place / "gocode"],
            env={"PATH": str(self.place / "bin")},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr

    @property
    def asked(self) -> list[str]:
        """How apt-get was called."""
        written = self.place / "asked"
        return written.read_text().splitlines() if written.exists() else []


@pytest.fixture
def debian(tmp_path: Path) -> FakeDebian:
    (tmp_path / "bin").mkdir()
    made = FakeDebian(tmp_path)
    made.user(0)
    return made


def installing(*packages: str) -> str:
    return f"install -y --no-install-recommends {' '.join(packages)}"


def test_the_target_asks_before_it_runs_a_test() -> None:
    target = (ROOT / "Makefile").read_text().partition("\ntest-interop:")[2].split("\n\n")[0]
    assert target.index("tests/interop/packages.sh") < target.index("pytest tests/interop")


def test_where_everything_is_there_nothing_is_installed(debian: FakeDebian) -> None:
    debian.apt_get()
    debian.has(PACKAGES)
    assert debian.run() == (0, "")
    assert debian.asked == []


@pytest.mark.parametrize("lacking", [*([each] for each in PACKAGES), PACKAGES], ids="+".join)
def test_root_gets_what_is_missing_and_nothing_else(debian: FakeDebian, lacking: list[str]) -> None:
    debian.apt_get()
    debian.has([each for each in PACKAGES if each not in lacking])
    assert debian.run()[0] == 0
    assert debian.asked == [installing(*lacking)]


def test_a_machine_that_never_fetched_its_lists_fetches_them(debian: FakeDebian) -> None:
    debian.apt_get(lists=False, update=f': > "{debian.place}/lists"')
    assert debian.run()[0] == 0
    assert debian.asked == [installing(*PACKAGES), "update", installing(*PACKAGES)]


@pytest.mark.parametrize("lacking", [*([each] for each in PACKAGES), PACKAGES], ids="+".join)
@pytest.mark.parametrize("why", ["nobody but root installs", "no apt-get", "no network"])
def test_where_nothing_can_be_installed_what_is_missing_is_named(
    debian: FakeDebian, lacking: list[str], why: str
) -> None:
    if why == "nobody but root installs":
        debian.user(1000)
    if why != "no apt-get":
        debian.apt_get(lists=why != "no network")
    debian.has([each for each in PACKAGES if each not in lacking])
    status, told = debian.run()
    assert (status, told) == (2, f"test-interop needs: apt-get {installing(*lacking)}\n")
    assert debian.asked == ([installing(*lacking), "update"] if why == "no network" else [])
