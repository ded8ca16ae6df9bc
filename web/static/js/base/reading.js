// The language of the page: reader.js chooses it before the first paint; this loads its sentences and lets one choose another.

import { speak } from "./sentences.js";
import { LANGUAGE, PAGE_LANGUAGE, READER } from "./stored.js";

/** How many of the browser's languages a call names after that of the page; more say nothing about what somebody reads. */
const MAX_STATED = 5;

/** The tag of the language that the page is in. */
export const pageLanguage = () => globalThis.document?.documentElement?.lang ?? "";

/** @returns {HTMLLinkElement[]} what the page can be in, from the links in index.html */
const offered = () => [...document.querySelectorAll(/** @type {"link"} */ ('link[rel="language"]'))];

/**
 * What this device's reader has chosen; "" is the browser's language.
 * @returns {string}
 */
export const chosenLanguage = () => localStorage.getItem(LANGUAGE) ?? "";

/** The languages that the page can be in, named in themselves. */
export function pageLanguages() {
	return offered().map(({ hreflang }) => {
		const name = new Intl.DisplayNames([hreflang], { type: "language" }).of(hreflang) ?? hreflang;
		return { code: hreflang, name: name.charAt(0).toLocaleUpperCase(hreflang) + name.slice(1) };
	});
}

/**
 * Begins the page anew in another language. What is not sent yet, and drafts, are kept.
 * @param {string} code "" for the browser's
 */
export function chooseLanguage(code) {
	if (code) localStorage.setItem(LANGUAGE, code);
	else localStorage.removeItem(LANGUAGE);
	location.reload();
}

/**
 * How the reader writes dates and numbers: as their browser says, where that is a form of the page's language; else in the
 * page's language with the customs of their country.
 * @param {readonly string[]} preferred BCP 47
 * @param {string} page the tag of the page's language, "" where there is no page
 */
export function localesFor(preferred, page) {
	if (!page) return [...preferred];
	const own = preferred.filter((tag) => tag.toLowerCase().split("-")[0] === page);
	const region = preferred.map((tag) => new Intl.Locale(tag).region).find(Boolean);
	return own.length ? own : [region ? `${page}-${region}` : page];
}

/**
 * The languages that a call states, so that errors are told in that of the page. "" leaves it to the browser, whose own list
 * the server reads as reader.js does; it also tells in which language a recording probably is.
 */
export function acceptLanguage() {
	const chosen = globalThis.localStorage?.getItem(LANGUAGE) ?? "";
	if (!chosen) return "";
	const tags = [...new Set([chosen, ...navigator.languages])].slice(0, MAX_STATED + 1);
	return tags.map((tag, index) => (index ? `${tag};q=${(1 - index / 10).toFixed(1)}` : tag)).join(", ");
}

/**
 * Loads the sentences. Where that fails, those in English; a page without words would be worse.
 * @throws {Error} when neither can be loaded
 */
export async function loadSentences() {
	const links = offered();
	const own = links.find(({ hreflang }) => hreflang === pageLanguage()) ?? links[0];
	const [english] = links;
	const { lang, catalogue } = await fetchCatalogue(own).catch(() => fetchCatalogue(english));
	Object.assign(document.documentElement, { lang, dir: links.find(({ hreflang }) => hreflang === lang)?.dir || "ltr" });
	speak(catalogue, lang, localesFor(navigator.languages, lang));
	tellWorker(lang).catch(() => {}); // then its notifications are in English
}

/** @param {HTMLLinkElement} link */
async function fetchCatalogue({ hreflang, href }) {
	const response = await fetch(href);
	if (!response.ok) throw new Error(`${href}: ${response.status}`);
	return { lang: hreflang, catalogue: await response.json() };
}

/**
 * Notes the language where the service worker can read it, which has no local storage.
 * @param {string} lang
 */
async function tellWorker(lang) {
	if (!("caches" in globalThis)) return; // nor is there a worker
	const kept = await caches.open(READER);
	await kept.put(PAGE_LANGUAGE, new Response(lang));
}
