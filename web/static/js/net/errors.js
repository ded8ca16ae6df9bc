// What a call that failed throws.

import { say } from "../base/sentences.js";

/** @import { Problem } from "../wire.js" */

/** A response that is no success, or none at all. */
export class ApiError extends Error {
	/**
	 * @param {number} [status] 0 when the server could not be reached
	 * @param {Problem | null} [problem]
	 * @param {string | null} [retryAfter] the header, seconds
	 */
	constructor(status = 0, problem = null, retryAfter = null) {
		const { detail, title, code = "", errors = [] } = problem ?? {};
		super(detail ?? title ?? say("app.unreachable"));
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
