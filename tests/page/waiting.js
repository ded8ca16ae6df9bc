// Waiting for what the page tells.

import { on } from "../../web/static/js/base/events.js";

/** Resolves once the condition holds, which is looked at now and after every event of that name. */
export function until(name, condition) {
	return new Promise((resolve) => {
		let stop = () => {};
		const look = () => {
			if (!condition()) return;
			stop();
			resolve();
		};
		stop = on(name, look);
		look();
	});
}
