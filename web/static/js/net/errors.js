// What a call that failed throws.

/** @import { Problem } from "../wire.js" */

const UNREACHABLE = "The server could not be reached.";
/** What a proxy means that responds in the server's place, with a page of its own, by the status. */
const OF_PROXIES = new Map([
	[408, "That took too long. Try again in a moment."],
	[413, "That is larger than the server takes."],
	[429, "That was too much at once. Try again in a moment."],
	[502, "The server is not running right now. Try again in a moment."],
	[503, "The server is not running right now. Try again in a moment."],
	[504, "The server takes too long to respond. Try again in a moment."],
]);

/** @param {number} status */
function withoutProblem(status) {
	if (status === 0) return UNREACHABLE;
	return OF_PROXIES.get(status) ?? `The server did not do that (${status}).`;
}

/** A response that is no success, or none at all. */
export class ApiError extends Error {
	/**
	 * @param {number} [status] 0 when the server could not be reached
	 * @param {Problem | null} [problem] as the server describes it; a proxy in front of it describes nothing
	 * @param {string | null} [retryAfter] the header, seconds
	 */
	constructor(status = 0, problem = null, retryAfter = null) {
		const { detail, title, errors = [] } = problem ?? {};
		super(detail ?? title ?? withoutProblem(status));
		this.status = status;
		this.fields = errors;
		this.retryAfter = Number(retryAfter) || 0;
	}

	/** The same call may succeed later: the server was not reached, is in trouble, or has had too much. */
	get isTransient() {
		return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
	}
}
