// How the page's code is checked beyond its types. TypeScript (tsconfig.json) finds unknown names, so `no-undef` is off.

import js from "@eslint/js";

const PAGE = "web/static/js";
// Modules import from their own folder and from folders further down this list, never from those above.
const LAYERS = [["app"], ["thread", "sidebar", "pages"], ["voice"], ["state"], ["net"], ["dom", "worker"], ["base"]];

// What people read is in web/static/languages/. What looks like a sentence in a module, or is shown as it stands, belongs there.
const WORDS = "/^(?!Chattergram|[a-z]+\\.[a-zA-Z]+$).*\\p{L}{2}/u"; // but for the product's name and the keys of sentences
const SENTENCE = "/^\\P{L}*\\p{Lu}\\p{Ll}+( \\p{L}|.*\\p{Ll}[.!?…]$)/u";
const SHOWN = [
	`CallExpression[callee.name=/^(announce|tell|note)$/] > Literal[value=${WORDS}]`,
	`CallExpression[callee.name="h"] > Literal[value=${WORDS}]:not(:first-child)`,
	`AssignmentExpression[left.property.name=/^(textContent|title|placeholder|aria(Label|ValueText|Description))$/] > Literal[value=${WORDS}]`,
	`Property[key.name=/^(label|title|text|confirm)$/] > Literal[value=${WORDS}]`,
	`Literal[value=${SENTENCE}]:not(ThrowStatement Literal)`,
	"TemplateElement[value.raw=/\\p{Ll}{2,},? \\p{Ll}{2,}/u]:not(ThrowStatement TemplateElement)",
];
const sentenceRule = {
	files: [`${PAGE}/**/*.js`],
	rules: {
		"no-restricted-syntax": [
			"error",
			...SHOWN.map((selector) => ({
				selector,
				message: "People read this: put it into the catalogues of web/static/languages/, and say() it.",
			})),
		],
	},
};

const layerRules = LAYERS.flatMap((folders, level) =>
	folders.map((folder) => {
		const above = LAYERS.slice(0, level).flat();
		const beside = folders.filter((other) => other !== folder);
		const closed = [...above, ...beside].map((name) => `**/${name}/**`);
		const message = "This folder is above or beside: see LAYERS in eslint.config.js.";
		return {
			files: [`${PAGE}/${folder}/**/*.js`],
			rules: {
				"no-restricted-imports": ["error", { patterns: [{ group: ["**/main.js", ...closed], message }] }],
			},
		};
	}),
);

export default [
	{ ignores: ["!**/*", ".venv/", ".tools/", ".data/", "**/node_modules/", "web/static/built*/", `${PAGE}/vendor/`] },
	js.configs.recommended,
	{
		linterOptions: { reportUnusedDisableDirectives: "error" },
		rules: {
			"no-undef": "off",
			"arrow-body-style": "error",
			complexity: ["error", 10],
			"consistent-return": "error",
			curly: ["error", "multi-line"],
			"default-case-last": "error",
			eqeqeq: "error",
			"max-depth": ["error", 3],
			"max-lines": ["error", { max: 250 }],
			"max-lines-per-function": ["error", { max: 45, skipBlankLines: true, skipComments: true }],
			"max-params": ["error", 4],
			"max-statements-per-line": ["error", { max: 1 }],
			"no-alert": "error",
			"no-console": "error",
			"no-else-return": "error",
			"no-eval": "error",
			"no-implicit-coercion": "error",
			"no-implied-eval": "error",
			"no-lonely-if": "error",
			"no-multi-assign": "error",
			"no-nested-ternary": "error",
			"no-param-reassign": "error",
			"no-return-assign": ["error", "always"],
			"no-sequences": "error",
			"no-shadow": "error",
			"no-undefined": "error",
			"no-unneeded-ternary": "error",
			"no-unused-expressions": "error",
			"no-unused-vars": ["error", { ignoreRestSiblings: true }],
			"no-useless-return": "error",
			"no-var": "error",
			"no-void": "error",
			"object-shorthand": "error",
			"prefer-const": "error",
			"prefer-template": "error",
		},
	},
	...layerRules,
	sentenceRule,
	{
		// A suite is one function; what it says about the promise is in the names of its tests.
		files: ["tests/page/**/*.js"],
		rules: { "max-lines-per-function": "off", "max-params": "off" },
	},
	{ files: [`${PAGE}/reader.js`], languageOptions: { sourceType: "script" } },
];
