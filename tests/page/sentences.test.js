// Sentences: their placeholders and plurals, and which way names run in them.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { acceptLanguage, localesFor } from "../../web/static/js/base/reading.js";
import { partsOf, say, speak } from "../../web/static/js/base/sentences.js";
import { catalogueOf } from "./english.js";
import { read } from "./reader.js";

const inEnglish = () => speak(catalogueOf("en"), "en", ["en-GB"]);
const speakIn = (tag, ...locales) => speak(catalogueOf(tag), tag, locales.length ? locales : [tag]);
const found = (count) => say("search.found", { count });

afterEach(inEnglish);

test("a plural has the form of its language, and its number as the reader writes it", () => {
	speakIn("ar", "ar-EG");
	assert.deepEqual([0, 1, 2, 3, 11, 100].map(found), [
		"لا نتائج",
		"نتيجة واحدة",
		"نتيجتان",
		"٣ نتائج",
		"١١ نتيجة",
		"١٠٠ نتيجة",
	]);
	speakIn("de", "de-DE");
	assert.equal(say("profile.reading", { count: 12_345 }), "12.345 Nachrichten …");
	assert.equal(say("form.tryAgainIn", { minutes: 1 }), "Versuch es in 1 Minute nochmals.");
	speakIn("ja");
	assert.equal(found(1), "1 件見つかりました");
});

test("placeholders are filled by name, wherever a language has them", () => {
	assert.equal(say("thread.length", { length: 3_990, longest: 4_000 }), "3,990 of 4,000 characters");
	speakIn("ja");
	assert.equal(say("thread.length", { length: 3_990, longest: 4_000 }), "4,000 文字中 3,990 文字");
	assert.deepEqual(
		partsOf("sample.credit")
			.filter((part) => typeof part !== "string")
			.map(({ name }) => name),
		["recording"],
	);
});

test("what is written by people is never read as a placeholder", () => {
	assert.equal(
		say("search.nothing", { query: "{name} # {count, plural, other {x}}" }).includes("{name} # {count"),
		true,
	);
});

test("a name that runs against the page is kept apart from what stands around it", () => {
	assert.equal(say("person.wrote", { name: "Grace" }), "Grace wrote");
	assert.equal(say("person.wrote", { name: "دانة" }), "\u2068دانة\u2069 wrote");
	speakIn("ar");
	assert.equal(say("person.about", { name: "Grace" }), "عن \u2068Grace\u2069");
	assert.equal(say("person.about", { name: "دانة" }), "عن دانة");
});

test("dates are the browser's where it has a form of the page's language, else those of the page with its country's customs", () => {
	assert.deepEqual(localesFor(["fr-CH", "de-AT", "de", "en"], "de"), ["de-AT", "de"]);
	assert.deepEqual(localesFor(["nl-NL", "nl"], "en"), ["en-NL"]);
	assert.deepEqual(localesFor(["eo"], "ja"), ["ja"]);
	assert.deepEqual(localesFor(["hi-IN"], ""), ["hi-IN"]);
});

test("a call states the language that was chosen before those of the browser, and else leaves it to the browser", () => {
	read(["en-GB", "en", "de", "fr", "it", "es", "pt"]);
	assert.equal(acceptLanguage(), "");
	globalThis.localStorage = { getItem: (name) => (name === "chattergram.language" ? "de" : null) };
	assert.equal(acceptLanguage(), "de, en-GB;q=0.9, en;q=0.8, fr;q=0.7, it;q=0.6, es;q=0.5");
	delete globalThis.localStorage;
	read(["en-GB"]);
});
