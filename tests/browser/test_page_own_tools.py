"""A file that its sender sealed with a tool of their own, added in the page that seals in the browser."""

from meyasubako.crypto import age
from meyasubako.crypto.age import HybridRecipient
from tests.browser import browsers, page_walk, walk

PHOTO = b"\xff\xd8\xff\xe0 a photo" * 1000


def test_a_file_is_sealed_for_the_readers_and_added_sealed(town, page_in, tmp_path):
    page = page_in(browsers.CHROMIUM, town.at("reporter"))
    page.goto("/en/form")
    page_walk.at(page, "readers")
    page.get_by_label("Omar Haddad").check()
    page_walk.go(page, "readers")
    page.fill("#text", walk.TEXT["en"])
    page_walk.go(page, "story", "skip")
    page_walk.at(page, "files")
    page_walk.open_details(page)
    with page.expect_download() as download:
        page_walk.go(page, "files", "keys")
    assert download.value.suggested_filename == "readers.txt"
    download.value.save_as(tmp_path / "readers.txt")
    text = (tmp_path / "readers.txt").read_text()
    assert "# Keiko Sato" in text
    assert page.locator("[data-fingerprint]").first.text_content() in text
    keys = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert keys == [town.box.people["Keiko Sato"].identity.recipient.text]

    sealed, damaged = tmp_path / "photo.jpg.age", tmp_path / "other.age"
    sealed.write_bytes(age.seal(PHOTO, *map(HybridRecipient.parse, keys)))
    damaged.write_bytes(sealed.read_bytes()[:1000])
    page.set_input_files("#files", [damaged, sealed])
    page_walk.until("it is listed", lambda: page.locator("[data-held] li").count() > 0)
    assert "(sealed by you)" in page.locator("[data-held] li").inner_text()
    assert "“other.age” was not added" in page.locator("[data-problems] .summary").inner_text()
    page_walk.go(page, "files")
    page_walk.at(page, "review")
    page_walk.go(page, "review", "send")
    page_walk.at(page, "receipt")
    receipt = walk.shown(page, ".code")

    case = town.box.cases_of([receipt])[receipt]
    opened = town.facts(*town.cases("open", case, "--save-to", tmp_path / "kept", "--unseal"))
    (file,) = opened["report"][0]["files"]
    assert file["sealed_by_sender"] is True
    assert (tmp_path / "kept" / "photo.jpg").read_bytes() == PHOTO
    assert (tmp_path / "kept" / "photo.jpg.age").read_bytes() == sealed.read_bytes()
