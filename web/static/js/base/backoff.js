// How long to wait before the next attempt.

/**
 * Milliseconds before attempt `attempts` (from 0): twice as long each time, from `least` to `most`, and spread by half
 * up and down so that clients a server has lost together do not come back together.
 * @param {number} attempts
 * @param {{ least: number, most: number }} limits milliseconds
 */
export function backoff(attempts, { least, most }) {
	return Math.min(most, least * 2 ** attempts) * (0.5 + Math.random());
}
