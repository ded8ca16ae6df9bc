// Checks index.html with html-validate: the page itself, and each template as the page it becomes a part of. Part of
// `npm run check`; prints nothing if all is well.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { HtmlValidate } from "html-validate";

const PAGE = join(dirname(dirname(fileURLToPath(import.meta.url))), "web", "static", "index.html");
const TEMPLATE = /<template id="([^"]+)">(.*?)<\/template>/gs;
/** An empty element that a script fills. */
const FILLED = /(<(?!input|img)\w+[^>]* data-ref="[^"]*"[^>]*>)(?=<\/)/g;

/** Elements and attributes as a script fills them with sentences. */
const SAID = [
	[/( data-say(?:-hint)?="[^"]*"[^>]*>)(?=<\/)/g, "$1…"],
	[/ data-say-label="([^"]*)"/g, ' aria-label="$1"'],
	[/ data-say-tip="([^"]*)"/g, ' aria-label="$1" title="$1"'],
	[/ data-say-placeholder="([^"]*)"/g, ' placeholder="$1"'],
];

const validator = new HtmlValidate({
	extends: ["html-validate:recommended"],
	rules: {
		"doctype-style": ["error", { style: "lowercase" }],
		// What is implied is meant: a text field, and a form's button that submits it.
		"no-implicit-button-type": "off",
		"no-implicit-input-type": "off",
	},
});

/** @param {string} html */
const withSentences = (html) => SAID.reduce((text, [pattern, filled]) => text.replace(pattern, String(filled)), html);

const page = readFileSync(PAGE, "utf8");
const parts = new Map([["index.html", page.replace(TEMPLATE, "")]]);
for (const [, name, content] of page.matchAll(TEMPLATE)) parts.set(`template ${name}`, content);

/** What is the same in every language, or stands there in all: the product's name, keys of the keyboard, numbers. */
const NOT_SAID = /^(Chattergram|Alt|[^\p{L}]*|[A-Z])$/u;

/**
 * The words in a part of the page that its reader could not have in another language.
 * @param {string} html
 */
function wordsInPlace(html) {
	const shown = html.replace(/<head>.*<\/head>|<noscript>.*<\/noscript>/gs, "");
	const texts = [
		...shown.matchAll(/>([^<>]+)</g),
		...shown.matchAll(/\s(?:aria-label|title|placeholder|alt)="([^"]*)"/g),
	];
	return texts.map(([, text]) => text.trim()).filter((text) => !NOT_SAID.test(text));
}

for (const [name, content] of parts) {
	for (const words of wordsInPlace(content)) {
		process.stderr.write(
			`${name}: "${words}" belongs into the catalogues of web/static/languages/, named by data-say\n`,
		);
		process.exitCode = 1;
	}
	const { results } = await validator.validateString(withSentences(content.replace(FILLED, "$1…")));
	for (const { line, column, message, ruleId } of results.flatMap(({ messages }) => messages)) {
		process.stderr.write(`${name}, ${line}:${column}: ${message} (${ruleId})\n`);
		process.exitCode = 1;
	}
}
