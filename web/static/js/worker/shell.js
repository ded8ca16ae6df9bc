// The page and its files in the browser's cache: all those of one version, or none.

import { BASE, isPage } from "../base/addresses.js";
import { scope } from "./scope.js";

/**
 * @typedef {object} Files
 * @property {string} version changes with any of the files
 * @property {Record<string, string>} hashes of the files by their address, as `integrity` has them; the page's is that of the list
 */

const PREFIX = `chattergram-page${BASE && `${BASE}/`}-`; // another instance on this host has caches of its own
const PAGE = `${BASE}/`;

export class Shell {
	/** @param {Files} files */
	constructor({ version, hashes }) {
		this.name = PREFIX + version;
		this.hashes = hashes;
	}

	/**
	 * Fetches all files. While a new version is deployed, a server of the old one may respond: the hashes tell, this
	 * fails, and the browser tries again later.
	 */
	async fetchAll() {
		const cache = await scope.caches.open(this.name);
		await Promise.all(Object.entries(this.hashes).map(([address, integrity]) => fetchInto(cache, address, integrity)));
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
		return (await cache.match(address)) ?? fetch(request); // browsers drop caches when they need the room
	}
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
