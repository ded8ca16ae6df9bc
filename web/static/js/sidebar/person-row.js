// The row of a person, in the list of conversations and among what a search found.

import { chatPath } from "../base/router.js";
import { say } from "../base/sentences.js";
import { h } from "../dom/elements.js";
import { avatar } from "../dom/icons.js";

/** @import { Properties } from "../dom/elements.js" */
/** @import { Child } from "../page.js" */
/** @import { Person } from "../wire.js" */

/**
 * @param {Person} person
 * @param {Properties} properties of the link; leads to the conversation unless they say where
 * @param {...Child} children what comes after the name
 */
export function personRow(person, properties, ...children) {
	const online = person.online && h("span.dot", h("span.sr", say("person.online")));
	const face = h("span.face", avatar(person.username), online);
	const name = h("span.name", { dir: "auto" }, person.username);
	return h("li", h("a", { href: chatPath(person), ...properties }, face, name, children));
}
