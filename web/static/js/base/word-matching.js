// Which words of a text a search has found, as the server's search takes words.

import { isSpaceless } from "./words.js";

const IGNORED = /[\p{Default_Ignorable_Code_Point}\u0640]/gu; // the last is the tatweel, which draws Arabic words out
const APOSTROPHES = /['\u2019\u2018\u201b\u02bc\u02bb\u02b9\u00b4`\ua78c]/gu;
/** Capital letters that no decomposition reaches, as people type them. @type {Record<string, string>} */
const LETTERS = { Ł: "L", Ø: "O", Đ: "D", Æ: "AE", Œ: "OE", Þ: "TH", Ð: "D", Ħ: "H", Ŧ: "T", ك: "ک", ي: "ی", ى: "ی" };
const MARKS = /\p{M}/gu;
const BETWEEN_WORDS = /[^\p{L}\p{N}]+/u;
const PLAIN = /^[a-z0-9]+$/i; // most words that are compared, thousands in a long conversation
const LETTER = new RegExp(`[${Object.keys(LETTERS).join("")}]`, "gu");

/**
 * The words of a text without case, accents and apostrophes.
 * @param {string} text
 */
export function plainWords(text) {
	if (PLAIN.test(text)) return [text.toUpperCase()];
	const plain = text.replace(IGNORED, "").replace(APOSTROPHES, "").normalize("NFKD");
	return plain
		.replace(MARKS, "")
		.toUpperCase()
		.replace(LETTER, (letter) => LETTERS[letter])
		.split(BETWEEN_WORDS)
		.filter(Boolean);
}

/**
 * The words by which what was said is found: whole, and on both sides of an apostrophe.
 * @param {string} text
 */
const saidWords = (text) => [...plainWords(text), ...plainWords(text.replace(APOSTROPHES, " "))];

/**
 * A test for the words of `text`: whether one of those searched for is it, or else is it but for one letter; the last
 * one, which may still be being typed, may also be its beginning.
 * @param {string} query
 * @param {string} text
 * @returns {(word: string) => boolean}
 */
export function wordMatcher(query, text) {
	const said = saidWords(text);
	const wanted = plainWords(query);
	const last = wanted.at(-1);
	const patterns = wanted
		.filter((word) => !isSpaceless(word))
		.flatMap((word) => bestPattern(word, said, word === last && word.length > 1));
	const stretches = wanted.filter(isSpaceless);
	return (word) =>
		saidWords(word).some(
			(part) => patterns.some((pattern) => pattern.test(part)) || stretches.some((each) => overlaps(each, part)),
		);
}

/**
 * Without blanks, what is searched for may be part of a word, or reach over several.
 * @param {string} wanted
 * @param {string} word
 */
const overlaps = (wanted, word) => isSpaceless(word) && (word.includes(wanted) || wanted.includes(word));

/**
 * The strictest pattern for a word that finds it among those said; none when none does.
 * @param {string} wanted
 * @param {string[]} said
 * @param {boolean} mayBegin whether it may be the beginning of a word
 */
function bestPattern(wanted, said, mayBegin) {
	const hasDigits = /\p{N}/u.test(wanted); // numbers are found without errors
	const patterns = [new RegExp(mayBegin ? `^${wanted}` : `^${wanted}$`), ...(hasDigits ? [] : [withOneSlip(wanted)])];
	return patterns.filter((pattern) => said.some((word) => pattern.test(word))).slice(0, 1);
}

/**
 * The word with one letter left out, put in or changed.
 * @param {string} word letters and digits only
 */
function withOneSlip(word) {
	const slips = [...word].map((letter, at) => `${word.slice(0, at)}.?${letter}?${word.slice(at + 1)}`);
	return new RegExp(`^(${slips.join("|")})$`);
}
