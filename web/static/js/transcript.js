// When each word of a transcript is spoken. A corrected text keeps the times of the words that stayed.

const UNSURE = 0.6; // below this confidence the recogniser was not sure
const AHEAD = 12; // words that may have been put in or taken out in one place

/** The words of a text without case and accents, as the server's search takes them. */
const parts = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toUpperCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean);
const plain = (word) => parts(word).join("");

/** The words of a message's text: `{text, start, end (seconds), unsure}`, without times where nothing was heard. */
export function timedWords({ text, words = [] }) {
	const shown = text.split(/\s+/).filter(Boolean).map((word) => ({ text: word, plain: plain(word) }));
	const heard = words.map(({ word }) => plain(word));
	let next = 0;
	shown.forEach((word, index) => {
		const found = nearest(shown, index, heard, next);
		if (found < 0) return;
		const { start, end, confidence } = words[found];
		Object.assign(word, { start, end, unsure: (confidence ?? 1) < UNSURE });
		next = found + 1;
	});
	if (words.length) spread(shown, words.at(-1).end);
	return shown;
}

/** Where a shown word was heard, unless a later shown word fits that stretch better. */
function nearest(shown, index, heard, next) {
	for (let step = 0; step <= AHEAD; step += 1) {
		if (heard[next + step] === shown[index].plain) return next + step;
		if (step && shown[index + step]?.plain === heard[next]) return -1;
	}
	return -1;
}

/** Words that were put in share the time of the word before them, the first ones that of the word after. */
function spread(words, total) {
	for (let index = 0; index < words.length; index += 1) {
		if (words[index].start !== undefined) continue;
		let next = index;
		while (next < words.length && words[next].start === undefined) next += 1;
		const first = Math.max(0, index - 1);
		const after = Math.min(words.length, index ? next : next + 1);
		const from = words[first].start ?? 0;
		const share = ((words[after]?.start ?? total) - from) / (after - first);
		for (index = first; index < after; index += 1) {
			words[index].start = from + share * (index - first);
			words[index].end = words[index].start + share;
		}
	}
}

/** The word spoken at that second, -1 when none is; a pause of up to a second belongs to the word before. */
export function wordAt(words, second) {
	const found = words.findLastIndex(({ start }) => start <= second);
	return found >= 0 && second < words[found].end + 1 ? found : -1;
}

/** Tells of a word of `text` whether one of those searched for begins there, or else is it but for one letter. */
export function matcher(query, text) {
	const said = parts(text);
	const wanted = parts(query).map((token) => {
		const slips = [...token].map((letter, at) => `${token.slice(0, at)}.?${letter}?${token.slice(at + 1)}`);
		return [`^${token}`, `^(${slips.join("|")})$`].map((form) => RegExp(form)).find((form) => said.some((part) => form.test(part)));
	});
	return (word) => parts(word).some((part) => wanted.some((form) => form?.test(part)));
}
