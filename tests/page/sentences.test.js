// The sentence that is being said, in every script.

import "./browser.js";

import assert from "node:assert/strict";
import { test } from "node:test";

import { sentenceAt } from "../../web/static/js/voice/sentences.js";

const heard = (words) => words.map((word, index) => ({ word, start: index, end: index + 1, confidence: 1 }));

test("a sentence ends with its full stop, and the next begins", () => {
	const message = { text: "One two. Three four!", words: heard(["One", "two.", "Three", "four!"]) };
	assert.equal(sentenceAt(message, 0), "One two.");
	assert.equal(sentenceAt(message, 1.5), "One two.");
	assert.equal(sentenceAt(message, 2.5), "Three four!");
});

test("a script without blanks keeps having none", () => {
	const message = { text: "今天天气很好。我们走吧。", words: heard([..."今天天气很好。我们走吧。"]) };
	assert.equal(sentenceAt(message, 1), "今天天气很好。");
});

test("without times there is no sentence", () => {
	assert.equal(sentenceAt({ text: "not heard", words: null }, 1), "");
});
