// The words that a search marks are those the server's search finds.

import assert from "node:assert/strict";
import { test } from "node:test";

import { plainWords, wordMatcher } from "../../web/static/js/base/word-matching.js";

const hits = (query, text) => text.split(/\s+/).filter(wordMatcher(query, text));

test("words are compared without case, accents and punctuation", () => {
	assert.deepEqual(plainWords("Élan, NAÏVE … l'été!"), ["ELAN", "NAIVE", "LETE"]);
	assert.deepEqual(hits("elan", "So much Élan!"), ["Élan!"]);
});

test("only the last word, while it is typed, is found by its beginning", () => {
	assert.deepEqual(hits("riv", "the river and the drive"), ["river"]);
	assert.deepEqual(hits("riv dri", "the river and the drive"), ["drive"]);
	assert.deepEqual(hits("the d", "the drive"), ["the"]);
});

test("a word is found despite one slip", () => {
	for (const slip of ["rver", "rivver", "rixer"]) assert.deepEqual(hits(slip, "the river rose"), ["river"]);
	for (const slip of ["hohere", "hoehere", "hoher"]) assert.deepEqual(hits(slip, "stand hóhere als"), ["hóhere"]);
	assert.deepEqual(hits("rxxer", "the river rose"), []);
});

test("a word that is there as written lets no slip count", () => {
	assert.deepEqual(hits("fort", "a font in a fort"), ["fort"]);
	assert.deepEqual(hits("fort", "a font in there"), ["font"]);
});

test("what has a meaning in patterns is text", () => {
	assert.deepEqual(hits(".* [a (al", "anything at all"), ["all"]);
});

test("without blanks a word is found within a sentence, and what reaches over several is", () => {
	const among = (query) => ["今天", "天气", "很", "好。"].filter(wordMatcher(query, "今天天气很好。"));
	assert.deepEqual(among("天气"), ["天气"]);
	assert.deepEqual(among("很好"), ["很", "好。"]);
	assert.deepEqual(among("下雨"), []);
});

test("words are marked however they are written, and numbers without errors", () => {
	for (const [query, word] of [
		["lodzi", "Łodzi"],
		["smorrebrod", "Smørrebrød"],
		["п'ять", "пʼять"],
		["dont", "don’t"],
		["ete", "l'été"],
		["word", "wo\u00adrd"],
		["كتاب", "كتـــاب"],
		["کتاب", "كتاب"],
		["5050", "5050"],
	]) {
		assert.ok(wordMatcher(query, word)(word), `${query} ${word}`);
	}
	assert.ok(!wordMatcher("5050", "500")("500"));
	assert.ok(!wordMatcher("5050", "5010")("5010"));
});
