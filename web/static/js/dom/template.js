// Copies of the templates in index.html.

/** @typedef {Record<string, new () => Element>} Parts */

/**
 * A copy of a template: its `element`, and the parts of it that are named by `data-ref`.
 * @template {Parts} Wanted
 * @param {string} id the template's
 * @param {Wanted} wanted the parts by name, with the kind of element each has to be
 * @returns {{ element: HTMLElement } & { [Name in keyof Wanted]: InstanceType<Wanted[Name]> }}
 * @throws {TypeError} when the template lacks one, or it is another kind of element
 */
export function copyTemplate(id, wanted) {
	const template = document.getElementById(id);
	if (!(template instanceof HTMLTemplateElement)) throw new TypeError(`index.html has no template ${id}`);
	const copy = template.content.firstElementChild?.cloneNode(true);
	if (!(copy instanceof Element)) throw new TypeError(`The template ${id} is empty`);
	/** @type {Record<string, Element>} */
	const parts = { element: copy };
	for (const [name, kind] of Object.entries(wanted)) {
		const part = copy.querySelector(`[data-ref="${name}"]`);
		if (!(part instanceof kind)) throw new TypeError(`The template ${id} has no ${kind.name} called ${name}`);
		parts[name] = part;
	}
	return /** @type {any} */ (parts); // the loop above has checked what the type promises
}
