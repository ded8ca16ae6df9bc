// Builds the page: `npm run build`. Writes into web/static/built/ what browsers load in place of the modules: scripts and
// styles bundled and minified, every file named by a hash of its content and compressed ahead, and manifest.json, which
// lists them. docs/page.md says who reads it. Does nothing if there is a build of the present sources.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { bundleModules } from "./bundles.js";

const STATIC = join(dirname(dirname(fileURLToPath(import.meta.url))), "web", "static");
const BUILT = join(STATIC, "built");
const ADDRESS = "/static/built/";
const TARGET = ["chrome120", "firefox128", "safari17.5"]; // the oldest browsers with what the page's styles need
const HASH_DIGITS = 10;
/** Compressing these again would make them larger. */
const COMPRESSED = [".woff2", ".png", ".webp", ".mp3", ".webm"];

const HEAD = /<link rel="(?:stylesheet|modulepreload|later)"[^>]*>\n|<script[^>]* src="[^"]*"><\/script>\n/g;
const REFERENCE = /(?<=\s(?:href|src)=")\/static\/[^"]+\.(?!webmanifest)[a-z0-9]+(?=")/g;

/** @param {string | Uint8Array} content */
const hash = (content) => createHash("sha256").update(content).digest("hex");

/** @param {string} tag */
const isModule = (tag) => tag.includes('type="module"');

/** @param {string} address */
const fileOf = (address) => join(STATIC, address.replace("/static/", ""));

/**
 * Every file the page is built from, by its path below web/static, sorted.
 * @returns {string[]}
 */
function sources() {
	const found = readdirSync(STATIC, { recursive: true, encoding: "utf8" })
		.map((path) => path.split(sep).join("/"))
		.filter((path) => !/^built(\.[^/]*)?(\/|$)|(^|\/)\./.test(path) && statSync(join(STATIC, path)).isFile());
	return found.sort();
}

/** What the build was made from; web/built.py computes the same to see whether a build is up to date. */
function fingerprint() {
	const digest = createHash("sha256");
	for (const path of sources()) {
		const content = readFileSync(join(STATIC, path));
		digest.update(`${path}\n${content.length}\n`);
		digest.update(content);
	}
	return digest.digest("hex");
}

function lastBuiltFrom() {
	const manifest = join(BUILT, "manifest.json");
	return statSync(manifest, { throwIfNoEntry: false }) ? JSON.parse(readFileSync(manifest, "utf8")).sources : null;
}

/** The files of a build, by name. */
class Files {
	/** @type {Map<string, Uint8Array>} */
	byName = new Map();

	/**
	 * Adds a file under its name and hash. Returns its address.
	 * @param {string} name
	 * @param {string | Uint8Array} content
	 */
	add(name, content) {
		const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
		const extension = extname(name);
		const hashed = `${basename(name, extension)}-${hash(bytes).slice(0, HASH_DIGITS)}${extension}`;
		this.byName.set(hashed, bytes);
		return ADDRESS + hashed;
	}
}

/**
 * Adds what styles refer to, such as fonts, and refers to that.
 * @param {Files} files
 * @returns {import("esbuild").Plugin}
 */
const referring = (files) => ({
	name: "referring",
	setup({ onResolve }) {
		onResolve({ filter: /./ }, ({ kind, path, resolveDir }) => {
			if (kind !== "url-token" || path.startsWith("data:") || path.startsWith("#")) return null;
			const file = path.startsWith("/") ? fileOf(path) : join(resolveDir, path);
			return { path: `./${basename(files.add(file, readFileSync(file)))}`, external: true };
		});
	},
});

/**
 * Runs esbuild with the options that all bundles have.
 * @param {import("esbuild").BuildOptions} options
 */
async function esbuild(options) {
	const { build } = await import("esbuild");
	return build({
		bundle: true,
		minify: true,
		write: false,
		target: TARGET,
		tsconfigRaw: {}, // tsconfig.json is for checks, and not everywhere
		logLevel: "warning",
		...options,
	});
}

/**
 * Bundles and minifies one script or style.
 * @param {Files} files
 * @param {import("esbuild").BuildOptions} options
 */
async function bundle(files, options) {
	const { outputFiles } = await esbuild({ plugins: [referring(files)], ...options });
	return /** @type {import("esbuild").OutputFile[]} */ (outputFiles)[0].contents;
}

/**
 * @param {Files} files
 * @param {string} address of a script that is no module
 */
const plainScript = (files, address) => bundle(files, { entryPoints: [fileOf(address)], format: "iife" });

/**
 * The tags of the modules: of the script that has them, and of the one that is loaded when it is needed.
 * @param {Files} files
 * @param {string} tag
 * @param {string} address main.js
 */
async function moduleTags(files, tag, address) {
	const { first, later } = await bundleModules(fileOf(address), esbuild);
	const firstAddress = files.add(basename(address), first);
	return [
		tag.replace(address, firstAddress),
		`<link rel="later" href="${files.add("later.js", later(firstAddress))}">\n`,
	];
}

/**
 * What is served of a file: of a catalogue only what the page says, not the sentences of the server.
 * @param {string} file
 */
function contentOf(file) {
	const content = readFileSync(file);
	return extname(file) === ".json" ? JSON.stringify({ page: JSON.parse(content.toString()).page }) : content;
}

/**
 * The page with what is built in place of what it is built from.
 * @param {Files} files
 */
async function renewedPage(files) {
	const page = readFileSync(join(STATIC, "index.html"), "utf8");
	const head = page.match(HEAD) ?? [];
	const styles = head.flatMap((tag) => tag.match(/(?<=rel="stylesheet" href=")[^"]+/) ?? []);
	const style = await bundle(files, {
		stdin: {
			contents: styles.map((address) => `@import ".${address.replace("/static", "")}";`).join("\n"),
			resolveDir: STATIC,
			loader: "css",
		},
	});
	const styleTag = `<link rel="stylesheet" href="${files.add("page.css", style)}">\n`;
	const scripts = [];
	const modules = [];
	for (const tag of head.filter((each) => each.startsWith("<script"))) {
		const [address] = /** @type {RegExpMatchArray} */ (tag.match(/(?<=src=")[^"]+/));
		if (isModule(tag)) modules.push(...(await moduleTags(files, tag, address)));
		else scripts.push(tag.replace(address, files.add(basename(address), await plainScript(files, address))));
	}
	const tags = [...scripts, styleTag, ...modules].join("");
	let isPlaced = false;
	const renewed = page.replace(HEAD, () => {
		const first = isPlaced ? "" : tags;
		isPlaced = true;
		return first;
	});
	return renewed.replace(REFERENCE, (address) =>
		address.startsWith(ADDRESS) ? address : files.add(basename(address), contentOf(fileOf(address))),
	);
}

/**
 * Writes a file, and compressed ones beside it. Returns how many bytes each has.
 * @param {string} folder
 * @param {string} name
 * @param {Uint8Array} content
 */
function write(folder, name, content) {
	writeFileSync(join(folder, name), content);
	if (COMPRESSED.includes(extname(name))) return { bytes: content.length };
	const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
	const brotli = brotliCompressSync(content, { params: quality });
	const gzip = gzipSync(content, { level: constants.Z_BEST_COMPRESSION });
	writeFileSync(join(folder, `${name}.br`), brotli);
	writeFileSync(join(folder, `${name}.gz`), gzip);
	return { bytes: content.length, br: brotli.length, gzip: gzip.length };
}

/** Replaces the folder in one step, so that no server ever sees half a build. */
async function main() {
	const builtFrom = fingerprint();
	if (builtFrom === lastBuiltFrom()) return;
	const files = new Files();
	const page = await renewedPage(files);
	const folder = `${BUILT}.${process.pid}`;
	mkdirSync(folder);
	const listed = [...files.byName].map(([name, content]) => ({
		address: ADDRESS + name,
		...write(folder, name, content),
	}));
	const version = hash(page);
	const manifest = { version, sources: builtFrom, page: write(folder, "page.html", Buffer.from(page)), files: listed };
	writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest, null, "\t"));
	const before = `${folder}.before`;
	if (statSync(BUILT, { throwIfNoEntry: false })) renameSync(BUILT, before);
	renameSync(folder, BUILT);
	rmSync(before, { recursive: true, force: true });
	process.stdout.write(
		`${relative(process.cwd(), BUILT)}: ${listed.length} files, version ${version.slice(0, HASH_DIGITS)}\n`,
	);
}

await main();
