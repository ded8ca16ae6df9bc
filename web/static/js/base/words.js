// The words of a text, also where a script puts no blanks between them.

// Chinese, Japanese, Thai, Lao, Khmer, Burmese and Tibetan; the search takes each of their letters as a word.
const SPACELESS = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}\p{sc=Tibt}ー]/u;
const segmenter = new Intl.Segmenter("en", { granularity: "word" }); // dictionaries go by the script

/**
 * @typedef {object} Word
 * @property {string} text with the punctuation that belongs to it
 * @property {boolean} isJoined no blank parts it from the word before
 */

/** @param {string} text */
export const isSpaceless = (text) => SPACELESS.test(text);

/**
 * @param {string} text
 * @returns {Word[]}
 */
export function wordsOf(text) {
	const stretches = text.split(/\s+/).filter(Boolean);
	return stretches.flatMap((stretch) =>
		piecesOf(stretch).map((piece, index) => ({ text: piece, isJoined: index > 0 })),
	);
}

/**
 * What is between two blanks: one word, or several of a script without blanks.
 * @param {string} stretch
 */
export function piecesOf(stretch) {
	if (!isSpaceless(stretch)) return [stretch];
	/** @type {string[]} */
	const pieces = [];
	let opening = ""; // a bracket or quotation mark belongs to the word after it
	for (const { segment, isWordLike } of segmenter.segment(stretch)) {
		const isOpening = !isWordLike && /[\p{Ps}\p{Pi}]/u.test(segment);
		if (isOpening) opening += segment;
		else if (isWordLike || !pieces.length) {
			pieces.push(opening + segment);
			opening = "";
		} else pieces.push(`${pieces.pop()}${segment}`);
	}
	if (opening) pieces.push(opening);
	return pieces;
}
