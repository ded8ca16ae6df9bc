// The check of the code sees what it is there for.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ESLint } from "eslint";

const eslint = new ESLint();

async function rulesBroken(code, folder = "base") {
	const filePath = `web/static/js/${folder}/tried.js`;
	const [{ messages }] = await eslint.lintText(code, { filePath });
	return messages.map(({ ruleId }) => ruleId);
}

test("a module imports from its own folder and those below, from none above or beside", async () => {
	const broken = ["no-restricted-imports"];
	assert.deepEqual(await rulesBroken('import "../thread/thread.js";\n'), broken);
	assert.deepEqual(await rulesBroken('import "../main.js";\n'), broken);
	assert.deepEqual(await rulesBroken('import "../thread/thread.js";\n', "sidebar"), broken);
	assert.deepEqual(await rulesBroken('import "../app/shell.js";\n', "thread"), broken);
	assert.deepEqual(await rulesBroken('import "../base/events.js";\nimport "./row.js";\n', "thread"), []);
});

test("a statement is no expression trick, and nothing is compared with undefined", async () => {
	assert.deepEqual(await rulesBroken("export const f = (a, b) => {\n\ta && b();\n};\n"), ["no-unused-expressions"]);
	assert.deepEqual(await rulesBroken("export const f = (a) => a === undefined;\n"), ["no-undefined"]);
	assert.deepEqual(await rulesBroken("export const f = (a) => (a ? 1 : a ? 2 : 3);\n"), ["no-nested-ternary"]);
});
