// What every test of the page has: the sentences, in English.

import { readFileSync } from "node:fs";

import { speak } from "../../web/static/js/base/sentences.js";

/** @param {string} tag of a language that there is */
export function catalogueOf(tag) {
	return JSON.parse(readFileSync(new URL(`../../web/static/languages/${tag}.json`, import.meta.url), "utf8"));
}

speak(catalogueOf("en"), "en", ["en-GB"]);
