// The words of a recording that is not sent yet: settled or not, corrected, gone on with, cut off.

import assert from "node:assert/strict";
import { test } from "node:test";

import { correctedWords, joined, noteOn, textToSend, wordsSoFar } from "../../web/static/js/voice/heard-text.js";

/** What was heard, a word a second. */
function heard(text, settled = 0) {
	const words = text.split(" ").map((word, index) => ({ word, start: index, end: index + 0.9, confidence: 0.9 }));
	return { text, words, settled, seconds: words.length };
}

test("words are settled up to the first that may still change", () => {
	const settled = (each) => wordsSoFar(each).map(({ isSettled }) => isSettled);
	assert.deepEqual(settled(heard("the river was high", 2)), [true, true, false, false]);
	assert.deepEqual(settled(heard("the river", 2)), [true, true]);
	assert.deepEqual(settled(heard("the", 0)), [false]);
	assert.deepEqual(settled({ text: "", words: [], settled: 0 }), []);
});

test("what was heard and settled stands, also where it is cut off", () => {
	assert.equal(textToSend(heard("the river was high", 4), null, 4), null);
	assert.equal(textToSend(heard("the river was high", 2), null, 2), null);
});

test("what was seen and may still change is sent as it was seen", () => {
	assert.equal(textToSend(heard("the river was high", 2), null, 4), "the river was high");
	assert.equal(textToSend(heard("the river was high um", 2), null, 4), "the river was high");
	assert.equal(textToSend(heard("the river was", 2), null, 9), null, "more is coming");
});

test("a correction takes the place of what was heard before it, and what comes later follows", () => {
	const correction = { text: "The Rhine was", until: 2.9 };
	const all = heard("the vine was high today", 5);
	assert.equal(textToSend(all, correction, 5), "The Rhine was high today");
	const times = correctedWords(all, correction).map(({ start }) => Math.floor(start));
	assert.deepEqual(times, [0, 1, 2, 3, 4]);
});

test("what is cut off is not sent with a correction", () => {
	const correction = { text: "The Rhine was high um", until: 5 };
	assert.equal(textToSend(heard("the vine was high um", 5), correction, 4), "The Rhine was high");
});

test("whoever has spoken for a while and sees no words is told that they come after sending", () => {
	const none = { heard: null, correction: null };
	assert.equal(noteOn(none, true, false), "");
	assert.equal(noteOn(none, true, true), "record.later");
	assert.equal(noteOn(none, false, true), "record.waits");
	assert.equal(noteOn({ ...none, heard: heard("the river") }, true, true), "");
	assert.equal(noteOn({ ...none, correction: { text: "the river", until: 1 } }, true, true), "");
});

test("scripts without blanks stay without", () => {
	const words = ["川", "が", "高い"].map((word, index) => ({ word, start: index, end: index + 1, confidence: 1 }));
	assert.equal(joined(correctedWords({ text: "川が高い。", words }, null)), "川が高い。");
	assert.equal(textToSend({ text: "川が高い。", words, settled: 0, seconds: 3 }, null, 2), "川が");
});
