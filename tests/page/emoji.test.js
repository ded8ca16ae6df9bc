// Which texts are shown as large emoji.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isEmojiAlone } from "../../web/static/js/base/emoji.js";

const LARGE = ["😀", "😀 😀\n😀", "❤️", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1️⃣", "#️⃣", "☎️", "🧑🏿‍🚀", "☝🏻"];
const SMALL = [
	"",
	" ",
	"a",
	"😀!",
	"ok 👍",
	"1",
	"#",
	"12",
	"©",
	"™",
	"❤",
	"🇩",
	"😀😀😀😀",
	"é",
	"\u200d",
	"\ufe0f",
	"1\ufe0f",
	"😀".repeat(500),
];

test("one to three emoji alone are large, of whatever parts they are made", () => {
	for (const text of LARGE) assert.ok(isEmojiAlone(text), text);
});

test("any other text is not, and neither are signs that are letters first", () => {
	for (const text of SMALL) assert.ok(!isEmojiAlone(text), JSON.stringify(text.slice(0, 20)));
});
