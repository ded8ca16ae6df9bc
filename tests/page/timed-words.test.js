// Every word of a transcript has the time it was spoken, also after a correction.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isTimed, timedWords, wordAt } from "../../web/static/js/voice/timed-words.js";

/** Words of a second each. */
const heard = (text) => text.split(" ").map((word, index) => ({ word, start: index, end: index + 1, confidence: 0.9 }));
const startsOf = (text, words) => timedWords({ text, words }).map(({ start }) => start);

function assertGrowing(starts) {
	assert.ok(starts.every((start) => start !== null));
	assert.deepEqual(
		starts,
		[...starts].sort((one, other) => one - other),
	);
}

test("words as they were heard have their times", () => {
	assert.deepEqual(startsOf("One two, three.", heard("one two three")), [0, 1, 2]);
});

test("without heard words there are no times", () => {
	for (const words of [[], null]) assert.ok(!timedWords({ text: "not heard", words }).some(isTimed));
});

test("words put in share the time of the word before them", () => {
	assert.deepEqual(startsOf("one and a two", heard("one two")), [0, 1 / 3, 2 / 3, 1]);
});

test("words put in at the beginning share the time of the word after them", () => {
	assert.deepEqual(startsOf("oh one two", heard("one two")), [0, 0.5, 1]);
});

test("a word put in does not take the time of the same word later on", () => {
	assert.deepEqual(startsOf("three one two three", heard("one two three")), [0, 0.5, 1, 2]);
});

test("words taken out leave a gap, and the others their times", () => {
	assert.deepEqual(startsOf("one four", heard("one two three four")), [0, 3]);
});

test("however it was corrected every word has a time, and they grow", () => {
	const words = heard("the river was high and the bridge was closed");
	const corrections = [
		"a b c d e f g h i j k l m n o p q r s t",
		"river x y",
		"x river y bridge z",
		"closed was bridge the and high was river the",
		"the",
	];
	for (const text of corrections) assertGrowing(startsOf(text, words));
	assertGrowing(startsOf("X one Y Z", heard("one")));
});

test("a word of low confidence is unsure, one of unknown confidence is not", () => {
	const [low, unknown] = heard("low unknown");
	const words = timedWords({
		text: "low unknown",
		words: [
			{ ...low, confidence: 0.59 },
			{ ...unknown, confidence: null },
		],
	});
	assert.deepEqual(
		words.map(({ unsure }) => unsure),
		[true, false],
	);
});

test("a pause of up to a second belongs to the word before", () => {
	const words = timedWords({
		text: "one two",
		words: [
			{ word: "one", start: 1, end: 2 },
			{ word: "two", start: 5, end: 6 },
		],
	});
	assert.deepEqual(
		[0.5, 1, 2.9, 3.1, 5, 6.9, 7].map((second) => wordAt(words, second)),
		[-1, 0, 0, -1, 1, 1, -1],
	);
});

test("words of a script without blanks are words of their own, with the times of their letters", () => {
	const words = [
		{ word: "今", start: 0, end: 1 },
		{ word: "天天气", start: 1, end: 4 },
		{ word: "很好。", start: 4, end: 6 },
	];
	const shown = timedWords({ text: "今天天气很好。", words });
	assert.equal(shown.map(({ text }) => text).join(""), "今天天气很好。");
	assert.deepEqual([shown[0].text, shown[0].start, shown[0].end], ["今天", 0, 2]);
	assert.deepEqual([shown[1].text, shown[1].start, shown[1].end], ["天气", 2, 4]);
	assert.ok(shown.slice(1).every(({ isJoined }) => isJoined));
	assertGrowing(shown.map(({ start }) => start));
});

test("words from right to left have their times", () => {
	assert.deepEqual(startsOf("מחר בשש, ליד", heard("מחר בשש ליד")), [0, 1, 2]);
});
