// Ids of messages, which are ULIDs and so sort by time, and those this client makes.

export const FIRST_ID = "0".repeat(26);
export const LAST_ID = `7${"Z".repeat(25)}`;

/** An id that nobody else makes: 128 random bits. */
export function newId() {
	return crypto.getRandomValues(new BigUint64Array(2)).join("-");
}
