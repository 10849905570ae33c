"""The way through the reporter's site, page by page, as somebody with a browser goes it."""

from collections.abc import Callable

TEXT = {
    "en": "On the night shift we are told to switch off the alarm of the press, to finish sooner. "
    "In March a colleague lost two fingers. The shift leader said it was her own fault.",
    "ja": "夜勤では、早く終わらせるために、プレス機の警報を切るように言われます。"
    "3月に同僚が指を2本失いました。リーダーは本人の不注意だと言い、書類に違う日付を書きました。",
}
ASK = {"en": "Has anybody read this yet?", "ja": "もう読んでもらえましたか。"}
PHOTO = {"name": "item-01.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8" + b"x" * 800_000}
EMPTY = {"name": "item-02.txt", "mimeType": "text/plain", "buffer": b""}

See = Callable[[str], None]


def press(page, button: str) -> None:
    """Press a button or a link, and wait for the page that answers."""
    with page.expect_navigation():
        page.locator(button).click()


def forward(page) -> None:
    """Press the page's main button."""
    press(page, ".moves button.go")


def report(page, language: str, see: See) -> str:
    """Write a report, with the mistakes that people make; gives the receipt as it stands on the page."""
    page.goto("/")
    see("language")
    press(page, f".languages a[lang={language}]")
    see("begin")
    press(page, ".moves a.go")
    see("readers")
    page.get_by_label("Sato Keiko").check()
    forward(page)
    forward(page)
    see("story-error")
    page.fill("#text", TEXT[language])
    see("story")
    forward(page)
    page.check("input[value=breach]")
    page.check("input[value=safety]")
    page.check("input[value=fraud]")
    see("topic")
    forward(page)
    page.fill("#place", {"en": "Osaka", "ja": "大阪府"}[language])
    page.check("input[name=ongoing][value=yes]")
    see("circumstances")
    forward(page)
    page.check("input[name=danger][value=yes]")
    see("needs")
    forward(page)
    page.set_input_files("#files", [PHOTO, EMPTY])
    press(page, "button[value=add]")
    see("files")
    forward(page)
    see("review")
    forward(page)
    see("receipt")
    return " ".join(page.inner_text(".code").split())


def come_back(page, language: str, receipt: str, see: See) -> None:
    """Enter the receipt, once wrongly, and write a message."""
    page.goto(f"/{language}/")
    press(page, ".moves a.quiet")
    see("door")
    page.fill("#receipt", receipt[:-4] + "9999")
    forward(page)
    see("door-error")
    page.fill("#receipt", receipt)
    forward(page)
    page.fill("#text", ASK[language])
    forward(page)
    see("mailbox")


def leave(page, see: See) -> None:
    """Quick exit."""
    press(page, "button.leave")
    see("calendar")
