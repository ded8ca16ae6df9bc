// The frames of the socket: `application:<channel>---<json>`.

const SEPARATOR = "---";
const PREFIX = "application:";

/**
 * @param {string} text
 * @returns {{ channel: string, data: any }}
 * @throws {SyntaxError} when what follows the channel is no JSON
 */
export function parseFrame(text) {
	const end = text.indexOf(SEPARATOR);
	const channel = text.slice(0, end).replace(PREFIX, "");
	return { channel, data: JSON.parse(text.slice(end + SEPARATOR.length)) };
}
