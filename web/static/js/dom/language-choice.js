// A list of languages to choose from: the browser's first, then all the others.

import { browserLanguages, otherLanguages } from "../base/languages.js";
import { say } from "../base/sentences.js";
import { h } from "./elements.js";

/** @import { Language } from "../base/languages.js" */

/**
 * @param {string} label
 * @param {string} none what no choice means
 * @param {string} chosen BCP 47, "" for none
 */
export function languageChoice(label, none, chosen) {
	const choice = h("select.language", { label }, h("option", { value: "" }, none));
	choice.append(group(say("transcript.yours"), browserLanguages()), group(say("transcript.others"), otherLanguages()));
	choice.value = chosen;
	if (choice.selectedIndex < 0) choice.value = "";
	return choice;
}

/**
 * @param {string} label
 * @param {Language[]} languages
 */
function group(label, languages) {
	const options = languages.map(({ code, name }) => h("option", { value: code }, name));
	const element = h("optgroup", options);
	element.label = label;
	return element;
}
