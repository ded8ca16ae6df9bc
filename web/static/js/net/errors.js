// What a call that failed throws.

/** @import { Problem } from "../wire.js" */

const UNREACHABLE = "The server could not be reached.";

/** A response that is no success, or none at all. */
export class ApiError extends Error {
	/**
	 * @param {number} [status] 0 when the server could not be reached
	 * @param {Problem | null} [problem]
	 * @param {string | null} [retryAfter] the header, seconds
	 */
	constructor(status = 0, problem = null, retryAfter = null) {
		const { detail, title, errors = [] } = problem ?? {};
		super(detail ?? title ?? UNREACHABLE);
		this.status = status;
		this.fields = errors;
		this.retryAfter = Number(retryAfter) || 0;
	}

	/** The same call may succeed later: the server was not reached, is in trouble, or has had too much. */
	get isTransient() {
		return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
	}
}
