// Copies the libraries that the page uses from node_modules into web/static/js/vendor: `node dev/vendor.js`. Browsers load
// modules as they are, so the name of a package becomes the name of its file.

import { readFile, writeFile } from "node:fs/promises";

const ROOT = new URL("../", import.meta.url);
export const LIBRARIES = [
	{ name: "linkify-it", file: "build/index.mjs", licence: "LICENSE" },
	{ name: "uc.micro", file: "build/index.mjs", licence: "LICENSE.txt" },
];

/** @param {{ name: string }} library */
export const targetOf = ({ name }) => new URL(`web/static/js/vendor/${name}.js`, ROOT);

/**
 * A library's module as the page loads it, with its licence.
 * @param {{ name: string, file: string, licence: string }} library
 */
export async function moduleOf({ name, file, licence }) {
	const read = (path) => readFile(new URL(`node_modules/${name}/${path}`, ROOT), "utf8");
	const { version } = JSON.parse(await read("package.json"));
	const terms = (await read(licence)).trim();
	const code = (await read(file))
		.replace(/ from "([^".]+[^"]*)"/g, ' from "./$1.js"')
		.replace(/\n\/\/# sourceMappingURL=.*/, "");
	return `// @ts-nocheck\n/* ${name} ${version}, copied by dev/vendor.js\n\n${terms}\n*/\n${code.trimEnd()}\n`;
}

if (import.meta.filename === process.argv[1]) {
	for (const library of LIBRARIES) await writeFile(targetOf(library), await moduleOf(library));
}
