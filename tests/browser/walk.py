"""The way through the reporter's site, page by page, as somebody with a browser goes it."""

from collections.abc import Callable, Sequence

TEXT = {
    "en": "On the night shift we are told to switch off the alarm of the press, to finish sooner. "
    "In March a colleague lost two fingers. The shift leader said it was her own fault.",
    "ja": "夜勤では、早く終わらせるために、プレス機の警報を切るように言われます。"
    "3月に同僚が指を2本失いました。リーダーは本人の不注意だと言い、書類に違う日付を書きました。",
    "my": "ညဆိုင်းမှာ အလုပ်မြန်မြန်ပြီးအောင် ဖိစက်ရဲ့ အချက်ပေးသံကို ပိတ်ခိုင်းပါတယ်။ မတ်လမှာ လုပ်ဖော်ကိုင်ဖက်တစ်ယောက် လက်နှစ်ချောင်း ပြတ်သွားတယ်။",
    "ar": "في نوبة الليل يُطلب منا إيقاف إنذار المكبس لننتهي أسرع. "
    "في مارس فقدت زميلة إصبعين، وقال رئيس النوبة إن الخطأ خطؤها.",
    "ne": "राति काम छिटो सक्न प्रेसको अलार्म बन्द गर्न लगाइन्छ। मार्चमा एक जना सहकर्मीका दुई औंला काटिए।",
    "th": "กะกลางคืนเราถูกสั่งให้ปิดสัญญาณเตือนของเครื่องปั๊ม เพื่อให้งานเสร็จเร็วขึ้น เดือนมีนาคมเพื่อนร่วมงานเสียนิ้วไปสองนิ้ว",
}
LANGUAGES = tuple(TEXT)
PLACE = {"en": "Osaka", "ja": "大阪府", "my": "အိုဆာကာ", "ar": "أوساكا", "ne": "ओसाका", "th": "โอซากา"}
QUESTION = {
    "en": "Thank you for writing. Two of us have read your report.\n\nDid the alarm work again after March?",
    "ja": "書いてくださり、ありがとうございます。二人で読みました。\n\n3月のあと、警報は元に戻りましたか。",
    "my": "ရေးပေးလို့ ကျေးဇူးတင်ပါတယ်။ ကျွန်တော်တို့ နှစ်ယောက် ဖတ်ပြီးပါပြီ။\n\nမတ်လနောက်ပိုင်း အချက်ပေးသံ ပြန်ကောင်းသွားသလား။",
    "ar": "شكرًا لأنك كتبت. قرأ تقريرك اثنان منا.\n\nبعد مارس، هل عاد الإنذار إلى العمل؟",
    "ne": "लेख्नुभएकोमा धन्यवाद। हामी दुई जनाले पढ्यौं।\n\nमार्चपछि अलार्म फेरि चल्यो?",
    "th": "ขอบคุณที่เขียนมา เราสองคนอ่านแล้ว\n\nหลังเดือนมีนาคม สัญญาณเตือนกลับมาใช้ได้หรือไม่",
}
ASK = {
    "en": "Has anybody read this yet?",
    "ja": "もう読んでもらえましたか。",
    "my": "ဒါကို တစ်ယောက်ယောက် ဖတ်ပြီးပြီလား။",
    "ar": "هل قرأ أحد هذا؟",
    "ne": "के कसैले यो पढ्यो?",
    "th": "มีใครอ่านแล้วหรือยัง",
}
ANSWER = {
    "en": "No. It is still switched off every night.",
    "ja": "いいえ。いまも毎晩切られています。",
    "my": "မဟုတ်ပါဘူး။ အခုထိ ညတိုင်း ပိတ်ထားတုန်းပါ။",
    "ar": "لا، ما زال يُطفأ كل ليلة.",
    "ne": "छैन। अझै हरेक रात बन्द गरिन्छ।",
    "th": "ไม่ ยังถูกปิดทุกคืน",
}
PHOTO = {"name": "item-01.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8" + b"x" * 800_000}
EMPTY = {"name": "item-02.txt", "mimeType": "text/plain", "buffer": b""}

See = Callable[[str], None]


def unseen(_name: str) -> None:
    """Pass a page without looking at it."""


def press(page, button: str) -> None:
    """Press a button or a link, and wait for the page that answers."""
    with page.expect_navigation():
        page.locator(button).click()


def forward(page) -> None:
    """Press the page's main button."""
    press(page, ".moves button.go")


def shown(page, place: str) -> str:
    """The text at one place of the page, each run of white space as one space."""
    return " ".join(page.inner_text(place).split())


def begin(page, language: str, see: See = unseen, *, excluded: str = "Sato Keiko") -> None:
    """From the choice of a language to the page that asks what happened."""
    page.goto("/")
    see("language")
    press(page, f".languages a[lang={language}]")
    see("begin")
    press(page, ".moves a.go:visible, .scripted .hint a[href$=questions]:visible")
    see("readers")
    page.get_by_label(excluded).check()
    forward(page)


def attach(page, files: Sequence[object]) -> None:
    """Add files on the page that asks for them; each is a path, or a name, media type and content."""
    page.set_input_files("#files", files)
    press(page, "button[value=add]")


def report(
    page,
    language: str,
    see: See = unseen,
    *,
    excluded: str = "Sato Keiko",
    text: str = "",
    files: Sequence[object] = (PHOTO, EMPTY),
) -> str:
    """Write a report, with the mistakes that people make; gives the receipt as it stands on the page."""
    begin(page, language, see, excluded=excluded)
    page.fill("#text", text or TEXT[language])
    see("story")
    page.fill("#text", "")
    forward(page)
    see("story-error")
    page.fill("#text", text or TEXT[language])
    forward(page)
    page.check("input[value=breach]")
    page.check("input[value=safety]")
    page.check("input[value=fraud]")
    see("topic")
    forward(page)
    page.fill("#place", PLACE[language])
    page.check("input[name=ongoing][value=yes]")
    see("circumstances")
    forward(page)
    page.check("input[name=danger][value=yes]")
    see("needs")
    forward(page)
    attach(page, files)
    see("files")
    forward(page)
    see("review")
    forward(page)
    see("receipt")
    return shown(page, ".code")


def enter(page, language: str, receipt: str) -> None:
    """Open the mailbox with a receipt."""
    page.goto(f"/{language}/answers")
    page.fill("#receipt", receipt)
    forward(page)


def write(page, text: str) -> None:
    """Write a message in the open mailbox."""
    page.fill("#text", text)
    forward(page)


def come_back(page, language: str, receipt: str, see: See = unseen) -> None:
    """Enter the receipt, once wrongly, and write a message."""
    page.goto(f"/{language}/")
    press(page, ".moves a.quiet:visible, .scripted .hint a[href$=answers]:visible")
    see("door")
    page.fill("#receipt", receipt[:-4] + "9999")
    forward(page)
    see("door-error")
    page.fill("#receipt", receipt)
    forward(page)
    write(page, ASK[language])
    see("mailbox")


def leave(page, see: See = unseen) -> None:
    """Quick exit."""
    press(page, "button.leave")
    see("calendar")
