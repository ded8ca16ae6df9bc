// The page and its files in the browser's cache: all those of one version, or none. Of the languages, it has those that were
// read here.

import { BASE, isPage, withoutBase } from "../base/addresses.js";
import { PAGE_LANGUAGE, READER } from "../base/stored.js";
import { scope } from "./scope.js";

/**
 * @typedef {object} Files
 * @property {string} version changes with any of the files
 * @property {Record<string, string>} hashes of the files by their address, as `integrity` has them; the page's is that of the list
 */

const PREFIX = `chattergram-page${BASE && `${BASE}/`}-`; // another instance on this host has caches of its own
const PAGE = `${BASE}/`;
const ENGLISH = "en";
const NAMES_ALONE = { page: { "message.newFrom": "{name}", "message.voice": "…" } };
/** The address of a catalogue, as it is or as the build names it. */
const CATALOGUE = /^\/static\/(?:languages|built)\/([a-z]{2})(?:-[0-9a-f]{10})?\.json$/;

export class Shell {
	/** @param {Files} files */
	constructor({ version, hashes }) {
		this.name = PREFIX + version;
		this.hashes = hashes;
	}

	/**
	 * Fetches all files. While a new version is deployed, a server of the old one may respond: the hashes tell, this
	 * fails, and the page (app/installed.js) or the browser tries again later.
	 */
	async fetchAll() {
		const cache = await scope.caches.open(this.name);
		const language = await readersLanguage();
		const wanted = Object.entries(this.hashes).filter(([address]) => [null, language].includes(languageOf(address)));
		await Promise.all(wanted.map(([address, integrity]) => fetchInto(cache, address, integrity)));
	}

	/** The sentences in the language that the page was in last; without a network, if they were never read, names alone. */
	async sentences() {
		const tag = await readersLanguage();
		return this.#catalogue(tag).catch(() => ({ tag, catalogue: NAMES_ALONE }));
	}

	/** @param {string} tag */
	async #catalogue(tag) {
		const address = Object.keys(this.hashes).find((each) => languageOf(each) === tag) ?? "";
		const response = await this.respond(address, new Request(address));
		return { tag, catalogue: await response.json() };
	}

	/** Drops the files of other versions. */
	async dropOthers() {
		const names = await scope.caches.keys();
		const others = names.filter((name) => name.startsWith(PREFIX) && name !== this.name);
		await Promise.all(others.map((name) => scope.caches.delete(name)));
	}

	/**
	 * Which of the files a request is for; null when the network is to respond.
	 * @param {Request} request
	 */
	addressFor({ method, mode, url }) {
		const { origin, pathname, search } = new URL(url);
		if (method !== "GET" || origin !== scope.location.origin) return null;
		if (mode === "navigate") return isPage(pathname) ? PAGE : null;
		return pathname in this.hashes && pathname !== PAGE && !search ? pathname : null;
	}

	/**
	 * @param {string} address of a file
	 * @param {Request} request
	 */
	async respond(address, request) {
		const cache = await scope.caches.open(this.name);
		const kept = await cache.match(address);
		if (kept) return kept;
		const response = await fetch(request); // browsers drop caches when they need the room
		if (response.ok && languageOf(address)) await cache.put(address, response.clone()); // another one was chosen
		return response;
	}
}

/**
 * The language whose sentences a file has; null of any other file.
 * @param {string} address
 */
const languageOf = (address) => CATALOGUE.exec(withoutBase(address))?.[1] ?? null;

/** What the page was in last (base/reading.js notes it). */
async function readersLanguage() {
	const kept = await scope.caches.open(READER);
	const noted = await kept.match(PAGE_LANGUAGE);
	return noted ? noted.text() : ENGLISH;
}

/**
 * @param {Cache} cache
 * @param {string} address
 * @param {string} integrity
 */
async function fetchInto(cache, address, integrity) {
	const response = await fetch(address, { integrity, cache: "no-cache", credentials: "omit" });
	if (!response.ok) throw new Error(`${address}: ${response.status}`);
	await cache.put(address, response);
}
