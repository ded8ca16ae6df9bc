// What a call that failed throws.

import { say } from "../base/sentences.js";

/** @import { Problem } from "../wire.js" */

/** @satisfies {Record<number, import("../base/sentences.js").Key>} what a proxy means that responds in the server's place, with a page of its own */
const OF_PROXIES = {
	408: "app.proxy408",
	413: "app.proxy413",
	429: "app.proxy429",
	502: "app.proxy502",
	503: "app.proxy502",
	504: "app.proxy504",
};

/** @param {number} status */
function withoutProblem(status) {
	if (status === 0) return say("app.unreachable");
	const key = OF_PROXIES[/** @type {keyof typeof OF_PROXIES} */ (status)];
	return key ? say(key) : say("app.proxyOther", { status });
}

/** A response that is no success, or none at all. */
export class ApiError extends Error {
	/**
	 * @param {number} [status] 0 when the server could not be reached
	 * @param {Problem | null} [problem] as the server describes it; a proxy in front of it describes nothing
	 * @param {number | string | null} [retryAfter] seconds, from the header or a frame
	 */
	constructor(status = 0, problem = null, retryAfter = null) {
		const { detail, title, code = "", errors = [] } = problem ?? {};
		super(detail ?? title ?? withoutProblem(status));
		this.status = status;
		this.code = code;
		this.fields = errors;
		this.retryAfter = Number(retryAfter) || 0;
	}

	/** The same call may succeed later: the server was not reached, is in trouble, or has had too much. */
	get isTransient() {
		return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
	}
}
