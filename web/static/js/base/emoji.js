// Texts that are nothing but a few emoji.

const MAX = 3; // more of them would fill the screen
const MAX_LENGTH = 100; // UTF-16 units: the longest emoji has about thirty

const characters = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * How a character begins that is shown as a picture (UTS 51): one that is a picture by itself, or is made one by U+FE0F or a
 * skin colour; a flag, of two letters; a key.
 */
const PICTURE =
	/^(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}\uFE0F|\p{Emoji_Modifier_Base}\p{Emoji_Modifier}|\p{RI}\p{RI}|[#*0-9]\uFE0F?\u20E3)/u;
const LONE_LETTER = /^\p{RI}$/u; // of a flag: half a picture

/** @param {string} text */
export function isEmojiAlone(text) {
	const shown = text.replace(/\s/g, "");
	if (!shown || shown.length > MAX_LENGTH) return false;
	const found = [...characters.segment(shown)].map(({ segment }) => segment);
	return found.length <= MAX && found.every((each) => PICTURE.test(each) && !LONE_LETTER.test(each));
}
