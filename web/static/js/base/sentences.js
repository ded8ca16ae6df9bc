// What the page says, in the reader's language: the sentences of one catalogue in web/static/languages/, by their keys. They
// are written in ICU's MessageFormat, as far as `{name}` and `{name, plural, …}` go; the server reads the same files.

/** @typedef {keyof typeof import("../../languages/en.json")["page"]} Key */
/** @typedef {Record<string, string | number>} Values of the placeholders, by name */
/** @typedef {{ name: string, forms: Map<string, Part[]> | null }} Placeholder with forms where it is a plural */
/** @typedef {string | Placeholder} Part "#" in a form of a plural stands for its number */

const NUMBER_SIGN = { name: "#", forms: null };
const FROM_RIGHT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;
const FROM_LEFT = /[A-Za-z\u00c0-\u024f\u0370-\u052f]/;
const FIRST_STRONG_ISOLATE = "\u2068";
const POP_ISOLATE = "\u2069";

/** The language that is spoken, and what it consists of. */
const spoken = {
	tag: "en",
	isFromRight: false,
	/** @type {Record<string, string>} */
	sentences: {},
	/** @type {Map<string, Part[]>} */
	parsed: new Map(),
	plurals: new Intl.PluralRules("en"),
	numbers: new Intl.NumberFormat("en"),
};

/**
 * @param {{ page: Record<string, string> }} catalogue
 * @param {string} tag BCP 47
 * @param {string[]} [locales] how the reader writes numbers, best first
 */
export function speak({ page }, tag, locales = [tag]) {
	Object.assign(spoken, {
		tag,
		isFromRight: FROM_RIGHT.test(Object.values(page).join("")),
		sentences: page,
		parsed: new Map(),
		plurals: new Intl.PluralRules(tag),
		numbers: new Intl.NumberFormat(locales),
	});
}

/**
 * A sentence with its placeholders filled.
 * @param {Key} key
 * @param {Values} [values]
 */
export const say = (key, values = {}) => filled(partsOf(key), values, 0);

/**
 * A sentence in pieces: text, and the placeholders between it.
 * @param {Key} key
 */
export function partsOf(key) {
	const known = spoken.parsed.get(key);
	if (known) return known;
	const parts = parse(spoken.sentences[key] ?? key);
	spoken.parsed.set(key, parts);
	return parts;
}

/**
 * @param {Part[]} parts
 * @param {Values} values
 * @param {number} counted what "#" stands for
 * @returns {string}
 */
function filled(parts, values, counted) {
	const texts = parts.map((part) => {
		if (typeof part === "string") return part;
		if (part === NUMBER_SIGN) return spoken.numbers.format(counted);
		const value = values[part.name];
		if (!part.forms) return typeof value === "number" ? spoken.numbers.format(value) : isolated(value);
		const number = Number(value);
		const form = part.forms.get(spoken.plurals.select(number)) ?? part.forms.get("other") ?? [];
		return filled(form, values, number);
	});
	return texts.join("");
}

/**
 * A name or a text that runs against the page's direction must not change the order of what stands around it.
 * @param {string} text
 */
function isolated(text) {
	const runsAgainst = spoken.isFromRight ? FROM_LEFT.test(text) : FROM_RIGHT.test(text);
	return runsAgainst ? FIRST_STRONG_ISOLATE + text + POP_ISOLATE : text;
}

/**
 * @param {string} sentence
 * @returns {Part[]}
 */
export function parse(sentence) {
	return parseUntilEnd(sentence.match(/[{}#]|[^{}#]+/g) ?? [], false);
}

/**
 * Takes tokens up to the brace that closes what was opened before them.
 * @param {string[]} tokens
 * @param {boolean} isForm of a plural
 * @returns {Part[]}
 */
function parseUntilEnd(tokens, isForm) {
	/** @type {Part[]} */
	const parts = [];
	for (let token = tokens.shift(); token && token !== "}"; token = tokens.shift()) {
		if (token === "{") parts.push(parsePlaceholder(tokens));
		else parts.push(token === "#" && isForm ? NUMBER_SIGN : token);
	}
	return parts;
}

/**
 * Takes tokens after the brace that opens a placeholder.
 * @param {string[]} tokens
 * @returns {Placeholder}
 */
function parsePlaceholder(tokens) {
	const [name, kind = "", first = ""] = String(tokens.shift()).split(",");
	const forms = new Map();
	let category = first.trim();
	while (tokens.shift() === "{") {
		forms.set(category, parseUntilEnd(tokens, true));
		category = tokens[0] === "}" ? "" : String(tokens.shift()).trim();
	}
	return { name: name.trim(), forms: kind.trim() === "plural" ? forms : null };
}
