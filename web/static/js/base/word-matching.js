// Which words of a text a search has found, as the server's search takes words.

import { isSpaceless } from "./words.js";

/**
 * The words of a text without case and accents.
 * @param {string} text
 */
export function plainWords(text) {
	const withoutAccents = text.normalize("NFKD").replace(/\p{M}/gu, "");
	return withoutAccents
		.toUpperCase()
		.split(/[^\p{L}\p{N}]+/u)
		.filter(Boolean);
}

/**
 * A test for the words of `text`: whether one of those searched for begins there, or else is it but for one letter.
 * @param {string} query
 * @param {string} text
 * @returns {(word: string) => boolean}
 */
export function wordMatcher(query, text) {
	const said = plainWords(text);
	const wanted = plainWords(query);
	const patterns = wanted.filter((word) => !isSpaceless(word)).flatMap((word) => bestPattern(word, said));
	const stretches = wanted.filter(isSpaceless);
	return (word) =>
		plainWords(word).some(
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
 */
function bestPattern(wanted, said) {
	const patterns = [new RegExp(`^${wanted}`), withOneSlip(wanted)];
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
