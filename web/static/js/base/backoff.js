// How long to wait before the next attempt.

/**
 * Milliseconds before attempt `attempts` (from 0): twice as long each time, from `min` to `max`, and spread by half
 * up and down so that clients a server has lost together do not come back together.
 * @param {number} attempts
 * @param {{ min: number, max: number }} limits milliseconds
 */
export function backoff(attempts, { min, max }) {
	return Math.min(max, min * 2 ** attempts) * (0.5 + Math.random());
}
