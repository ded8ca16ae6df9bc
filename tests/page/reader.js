// Where and how the reader reads: the languages of the browser and the time zone of the device.

/** @param {string[]} languages */
export function read(languages) {
	globalThis.navigator ??= {}; // Node 20 has none
	Object.defineProperty(globalThis.navigator, "languages", { value: languages, configurable: true });
}

/** @param {string} zone */
export function readIn(zone) {
	process.env.TZ = zone;
}
