// The languages that recordings may be in, and the one that this person speaks.

import { pageLanguage } from "./reading.js";
import { SPOKEN } from "./stored.js";

/** What Whisper transcribes, which has all that Deepgram does (openai/whisper, tokenizer.py; BCP 47). */
const CODES =
	"af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is it ja ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh".split(
		" ",
	);

/** Made when it is first needed: by then the page has its language. */
let names = /** @type {Intl.DisplayNames | null} */ (null);

function namesOfLanguages() {
	names ??= new Intl.DisplayNames([pageLanguage() || "en"], { type: "language" });
	return names;
}

/**
 * @typedef {object} Language
 * @property {string} code BCP 47
 * @property {string} name in the language of the page
 */

/**
 * @param {string} code
 * @returns {Language}
 */
const language = (code) => ({ code, name: namesOfLanguages().of(code) ?? code });

/** Those this browser is set to, the likeliest first. */
export function browserLanguages() {
	const codes = navigator.languages.map((tag) => new Intl.Locale(tag).language);
	return [...new Set(codes)].filter((code) => CODES.includes(code)).map(language);
}

/** All others, by name. */
export function otherLanguages() {
	const own = new Set(browserLanguages().map(({ code }) => code));
	const others = CODES.filter((code) => !own.has(code)).map(language);
	return others.sort((one, other) => one.name.localeCompare(other.name, pageLanguage() || "en"));
}

/** What this person has said that they speak; "" leaves it to the browser's languages, which every call states. */
export const spokenLanguage = () => localStorage.getItem(SPOKEN) ?? "";

/** @param {string} code */
export const setSpokenLanguage = (code) => localStorage.setItem(SPOKEN, code);
