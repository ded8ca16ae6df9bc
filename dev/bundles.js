// Bundles the modules of the page: one script with all that main.js imports, and one with what it imports only when that is
// needed, by `import()`. The second takes what both use from the first, so that there is one of each module and the first
// script stays whole: when the second cannot be loaded, everything else works.

import { basename, dirname, resolve } from "node:path";

const LATER = "later:"; // in front of the path of a module that is imported when it is needed
const FIRST = "first-script"; // the first script's address, in the second one, until its name is known
const IMPORT_LATER = new RegExp(`import\\("${LATER}([^"]+)"\\)`, "g");
const FROM_FIRST = new RegExp(`import\\s*\\{([^}]*)\\}\\s*from\\s*"${FIRST}"`, "g");

/** @typedef {(options: import("esbuild").BuildOptions) => Promise<import("esbuild").BuildResult>} Build */

/**
 * @param {string} entry main.js
 * @param {Build} build esbuild with the options that all bundles have
 * @returns {Promise<{ first: string, later: (firstAddress: string) => string }>} the two scripts; the second one needs the
 *   address of the first
 */
export async function bundleModules(entry, build) {
	const laterModules = [];
	const plain = await build({ entryPoints: [entry], format: "esm", metafile: true, plugins: [leaveOut(laterModules)] });
	laterModules.sort(); // they were found in any order, and the same sources make the same scripts
	const firstModules = Object.keys(plain.metafile.inputs).map((path) => resolve(path));
	const aliases = await aliasesOf(firstModules, build);
	const second = textOf(
		await build({
			stdin: { contents: laterModules.map(exported).join("\n"), resolveDir: dirname(entry) },
			format: "esm",
			plugins: [fromFirst(firstModules, aliases)],
		}),
	);
	const used = new Set([...second.matchAll(FROM_FIRST)].flatMap(([, names]) => names.split(",").map(importedName)));
	const first = await build({
		stdin: { contents: [`import "${entry}";`, ...reexports(aliases, used)].join("\n"), resolveDir: dirname(entry) },
		format: "esm",
		plugins: [leaveOut(laterModules)],
	});
	return {
		first: textOf(first).replace(IMPORT_LATER, (_, path) => {
			const index = laterModules.indexOf(path);
			return `import(document.querySelector("link[rel=later]").href).then(m=>m.${nameOf(index)})`;
		}),
		later: (address) => second.replaceAll(`"${FIRST}"`, `"./${basename(address)}"`),
	};
}

/** @param {import("esbuild").BuildResult} result */
const textOf = ({ outputFiles }) => outputFiles[0].text;

/** @param {number} index */
const nameOf = (index) => `m${index}`;

/**
 * @param {string} path
 * @param {number} index
 */
const exported = (path, index) => `export * as ${nameOf(index)} from "${path}";`;

/** @param {string} clause as `x1 as on` */
const importedName = (clause) => clause.trim().split(/\s/)[0];

/**
 * Leaves out the modules that are imported when they are needed, and notes them.
 * @param {string[]} found
 * @returns {import("esbuild").Plugin}
 */
const leaveOut = (found) => ({
	name: "leave-out",
	setup({ onResolve }) {
		onResolve({ filter: /./ }, ({ kind, path, resolveDir }) => {
			if (kind !== "dynamic-import") return null;
			const module = resolve(resolveDir, path);
			if (!found.includes(module)) found.push(module);
			return { path: LATER + module, external: true };
		});
	},
});

/**
 * A name for everything that these modules export, which tells it from all others.
 * @param {string[]} modules
 * @param {Build} build
 * @returns {Promise<Map<string, Map<string, string>>>} by module and name
 */
async function aliasesOf(modules, build) {
	const options = { bundle: false, outdir: "/", format: "esm", metafile: true, plugins: [] };
	const { metafile } = await build({ entryPoints: modules, ...options });
	const outputs = Object.values(metafile.outputs);
	const aliased = outputs.map(({ entryPoint, exports }, module) => {
		const named = exports.map((name, index) => [name, `x${module}_${index}`]);
		return [resolve(entryPoint), new Map(named)];
	});
	return new Map(aliased);
}

/**
 * Takes modules of the first script from there.
 * @param {string[]} modules
 * @param {Map<string, Map<string, string>>} aliases
 * @returns {import("esbuild").Plugin}
 */
const fromFirst = (modules, aliases) => ({
	name: "from-first",
	setup({ onResolve, onLoad }) {
		onResolve({ filter: /./ }, ({ path, resolveDir }) => {
			if (path === FIRST) return { path, external: true };
			const module = resolve(resolveDir, path);
			return modules.includes(module) ? { path: module, namespace: FIRST } : null;
		});
		onLoad({ filter: /./, namespace: FIRST }, ({ path }) => {
			const names = [...(aliases.get(path) ?? [])].map(([name, alias]) => `${alias} as ${name}`);
			return { contents: `export { ${names.join(", ")} } from "${FIRST}";` };
		});
	},
});

/**
 * What the first script exports for the second.
 * @param {Map<string, Map<string, string>>} aliases
 * @param {Set<string>} used
 */
function reexports(aliases, used) {
	return [...aliases].map(([module, names]) => {
		const wanted = [...names].filter(([, alias]) => used.has(alias));
		return `export { ${wanted.map(([name, alias]) => `${name} as ${alias}`).join(", ")} } from "${module}";`;
	});
}
