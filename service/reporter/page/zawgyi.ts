/**
 * Burmese text in the Zawgyi encoding: recognised, and copied into Unicode, exactly as `service/reporter/zawgyi.py`
 * does it; what the signs mean is told there. A test compares the two.
 *
 * - Each sign is looked at with one character before it and one behind: no pattern looks back, which older
 *   browsers cannot.
 */
const CONSONANT = "\u1000-\u102a\u103f";
const VOWEL = "\u102b-\u1030\u1032\u1036-\u1038";
const MEDIAL_R = "\u103b\u107e-\u1084";
const ROWS = ["\u1000-\u1004", "\u1005-\u100a", "\u100b-\u100f", "\u1010-\u1014", "\u1015-\u1019"];
// White space as Python has it; JavaScript's differs in six characters. A text stands between two spaces here.
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const ANY = "[^]";

const ONLY_ZAWGYI = anyOf(
  `${ANY}\u1039[^${CONSONANT}]`,
  ...ROWS.map((row) => `[${row}]\u1039[^${row}]`),
  `[${SPACE}${VOWEL}\u1039][\u1031${MEDIAL_R}][${CONSONANT}${MEDIAL_R}]`,
  `${ANY}\u103a[\u102b-\u102e\u1030\u1032]`,
  `${ANY}\u1031[${MEDIAL_R}]`,
  `\u1021\u103b${ANY}`,
  `${ANY}[\u1033\u1034\u105a\u1060-\u1074]${ANY}`,
);
const ONLY_UNICODE = anyOf(
  `${ANY}\u1031[^${CONSONANT}${MEDIAL_R}]`,
  `[\u102b-\u1032]\u103a${ANY}`,
  `[${CONSONANT}]\u103a[${SPACE}\u1037\u1038\u104a\u104b]`,
  `${ANY}\u103e${ANY}`,
  `\u1037\u103a${ANY}`,
);

const KINZI = "\ue000";
const KINZI_SPELT = "\u1004\u103a\u1039";
// Shapes to letters: each word holds the shape and its letters, counted in hex from U+1000; ff is the kinzi.
const SHAPES = new Map(
  (
    "332f 3430 393a 3a3b 3b3c 3c3d 3d3e 5a2b3a 603900 613901 623902 633903 64ff 653905 663906 673906 683907 693908 " +
    "6a09 6b0a 6c390b 6d390c 6e0d390d 6f0d390e 70390f 713910 723910 733911 743911 753912 763913 773914 783915 " +
    "793916 7a3917 7b3918 7c3919 7d3b 7e3c 7f3c 803c 813c 823c 833c 843c 85391c 863f 873e 883e2f 893e30 8a3d3e " +
    "8bff2d 8cff2e 8dff36 8e2d36 8f14 901b 910f390d 920b390c 933918 9437 9537 9639103d 970b390b"
  )
    .split(" ")
    .map((word) => {
      const [shape = "", ...letters] = (word.match(/../g) ?? []).map((hex) =>
        hex === "ff" ? KINZI : String.fromCharCode(0x1000 + parseInt(hex, 16)),
      );
      return [shape, letters.join("")];
    }),
);
// The order of Unicode within a syllable; a stacked letter comes first.
const ORDER = [
  "\u103b", "\u103c", "\u103d", "\u103e", "\u1031", "\u102d\u102e\u1032", "\u102f\u1030", "\u102b\u102c", "\u1036",
  "\u1037", "\u103a", "\u1038",
];
const ASAT = "\u103a";
const VOWEL_E = 4;
const MARK = `\u1039[${CONSONANT}]|[\u102b-\u1030\u1032\u1036-\u1038\u103a\u103b\u103d\u103e${KINZI}]`;
const SYLLABLE = new RegExp(`([\u1031\u103c]*)([${CONSONANT}])((?:${MARK})*)`, "g");
const MARKS = new RegExp(`${MARK}|[\u1031\u103c]`, "g");
// Signs that look alike are typed for each other: the digits 0 and 7 for the letters w and r.
const ZERO_AS_LETTER = new RegExp(`([\u1031\u103c])\u1040|\u1040(?=${MARK})`, "g");
const SEVEN_AS_LETTER = new RegExp(`([\u1031\u103c])\u1047|\u1047(?=${MARK})`, "g");

/** Whether more of a text can only be Zawgyi than can only be Unicode. */
export function isZawgyi(text: string): boolean {
  const around = ` ${text} `;
  let more = 0;
  for (let place = 0; place < text.length; place += 1) {
    const three = around.slice(place, place + 3);
    more += Number(ONLY_ZAWGYI.test(three)) - Number(ONLY_UNICODE.test(three));
  }
  return more > 0;
}

/** A copy in Unicode of a text in Zawgyi; undefined for a text that is not. */
export function converted(text: string): string | undefined {
  return /[\u1021-\u1084]/.test(text) && isZawgyi(text) ? toUnicode(text) : undefined;
}

/** What a text means if it is read as Zawgyi; other scripts stay as they are. */
export function toUnicode(text: string): string {
  return text
    .replace(/[\u1033-\u1097]/g, (shape) => SHAPES.get(shape) ?? shape)
    .replace(ZERO_AS_LETTER, (_, before = "") => `${before}\u101d`)
    .replace(SEVEN_AS_LETTER, (_, before = "") => `${before}\u101b`)
    .replace(/\u104e(?!\u1004)/g, "\u104e\u1004\u103a\u1038")
    .replace(/\u1044(?=\u1004\u103a\u1038)/g, "\u104e")
    .replace(SYLLABLE, (_, before: string, base: string, after: string) => inOrder(before, base, after))
    .replaceAll(KINZI, KINZI_SPELT)
    .replaceAll("\u1025\u102e", "\u1026")
    .replaceAll("\u1025\u103a", "\u1009\u103a");
}

function inOrder(before: string, base: string, after: string): string {
  const marks = [...new Set((before + after).match(MARKS) ?? [])];
  // A silenced letter carries its sign before its vowels, but behind the long a, which only e and o have.
  const long = marks.includes("\u102b") || marks.includes("\u102c");
  const rank = (mark: string): number =>
    mark === ASAT && !long ? VOWEL_E : mark.length > 1 ? -1 : ORDER.findIndex((marks) => marks.includes(mark));
  const rest = marks.filter((mark) => mark !== KINZI).sort((a, b) => rank(a) - rank(b));
  return (marks.includes(KINZI) ? KINZI_SPELT : "") + base + rest.join("");
}

function anyOf(...signs: readonly string[]): RegExp {
  return new RegExp(`^(?:${signs.join("|")})`);
}
