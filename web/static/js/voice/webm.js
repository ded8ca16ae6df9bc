// Going on with a recording that was stopped: what the microphone gives then is a WebM file of its own, whose sound is put
// behind that of the first. Only what MediaRecorder makes is read: one track, times in milliseconds
// (https://www.rfc-editor.org/rfc/rfc9559, EBML in RFC 8794).

const SEGMENT = 0x18538067;
const CLUSTER = 0x1f43b675;
const TIMESTAMP = 0xe7; // of a cluster
const SIMPLE_BLOCK = 0xa3;
const BLOCK_GROUP = 0xa0;
const BLOCK = 0xa1;
const INFO = 0x1549a966; // of a segment
const DURATION = 0x4489; // in it
const VOID = 0xec; // what readers pass over
const KEY_FRAME = 0x80; // one of a simple block's flags: a player can begin with it
const OPENED = [SEGMENT, CLUSTER, BLOCK_GROUP]; // their content is read, the others' passed over
const UNKNOWN_SIZE = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]; // up to the next cluster
const CLUSTER_HEAD = [0x1f, 0x43, 0xb6, 0x75, ...UNKNOWN_SIZE];
const MAX_BYTES = 8; // of a number
const MAX_ELEMENT = 64 * 1024; // bytes; what is longer is no sound of a recorder's
const USUAL_STEP = 60; // milliseconds that a block of Opus lasts in Chromium
const LONGEST_STEP = 120; // and at most (RFC 6716)

/** @typedef {{ id: number, start: number, content: number, end: number }} Element offsets in bytes */

/** @param {string} type */
export const canGoOn = (type) => /^(audio|video)\/webm\b/.test(type);

/**
 * The length of the number that begins with this byte, in bytes.
 * @param {number} first
 */
const lengthOf = (first) => Math.clz32(first) - 23;

/**
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} end
 */
function numberAt(bytes, start, end) {
	return bytes.subarray(start, end).reduce((sum, byte) => sum * 256 + byte, 0);
}

/**
 * The size in these bytes, without the bit that marks how many they are: with it, the eight bytes that Firefox takes for
 * every size are more than a number holds exactly.
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} end
 */
function sizeIn(bytes, start, end) {
	const length = end - start;
	const first = (bytes[start] ?? 0) & (0xff >> length);
	return first * 256 ** (length - 1) + numberAt(bytes, start + 1, end);
}

/**
 * The element at this place; null when the bytes end before its head does.
 * @param {Uint8Array} bytes
 * @param {number} start
 * @returns {Element | null}
 */
function elementAt(bytes, start) {
	const sizeAt = start + lengthOf(bytes[start] ?? 0);
	const sizeLength = lengthOf(bytes[sizeAt] ?? 0);
	const content = sizeAt + sizeLength;
	if (content > bytes.length || sizeLength > MAX_BYTES) return null;
	const id = numberAt(bytes, start, sizeAt);
	const size = sizeIn(bytes, sizeAt, content);
	const isOpened = OPENED.includes(id) || size === 2 ** (7 * sizeLength) - 1;
	return { id, start, content, end: isOpened ? content : content + size };
}

/**
 * The elements in these bytes that are complete, one after the other.
 * @param {Uint8Array} bytes
 */
function* elementsIn(bytes) {
	let element = elementAt(bytes, 0);
	while (element && element.end <= bytes.length) {
		yield element;
		element = elementAt(bytes, element.end);
	}
}

/**
 * The blocks of sound in these bytes: where each begins, in bytes, and when, in milliseconds.
 * @param {Uint8Array} bytes
 */
function* blocksIn(bytes) {
	let cluster = 0;
	let group = 0;
	for (const { id, start, content, end } of elementsIn(bytes)) {
		if (id === TIMESTAMP) cluster = numberAt(bytes, content, end);
		if (id === BLOCK_GROUP) group = start;
		const time = cluster + blockTime(bytes, content);
		if (id === SIMPLE_BLOCK) yield { start, time };
		if (id === BLOCK) yield { start: group, time };
	}
}

/**
 * Where a recording's sound ends, in milliseconds.
 * @param {Uint8Array} bytes
 */
export function endOf(bytes) {
	const times = [0, ...[...blocksIn(bytes)].map(({ time }) => time)];
	const last = times[times.length - 1];
	const step = times.length > 2 ? last - times[times.length - 2] : USUAL_STEP;
	return last + Math.max(1, Math.min(step, LONGEST_STEP));
}

/**
 * How many bytes there are before the sound of a millisecond.
 * @param {Uint8Array} bytes
 * @param {number} end
 */
export function sizeUntil(bytes, end) {
	for (const { start, time } of blocksIn(bytes)) if (time >= end) return start;
	return bytes.length;
}

/**
 * A block's time after its cluster's: signed, behind the number of the track.
 * @param {Uint8Array} bytes
 * @param {number} content
 */
function blockTime(bytes, content) {
	const at = content + lengthOf(bytes[content]);
	return (numberAt(bytes, at, at + 2) << 16) >> 16;
}

/** @param {number} value */
function timestamp(value) {
	const bytes = new Uint8Array(10);
	bytes.set([TIMESTAMP, 0x88]); // eight bytes follow
	new DataView(bytes.buffer).setBigUint64(2, BigInt(value));
	return bytes;
}

/**
 * Mends in place what Firefox says wrongly of its recordings: that they last no time, and that a player can begin with
 * none of their blocks. As they are, no browser can seek in them, and Chromium does not even find their end.
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
export function mend(bytes) {
	for (const { id, content, end } of elementsIn(bytes)) {
		if (id === INFO) voidNoDuration(bytes.subarray(content, end));
		const flags = content + lengthOf(bytes[content]) + 2; // behind the track's number and the time
		if (id === SIMPLE_BLOCK && flags < end) bytes[flags] |= KEY_FRAME;
	}
	return bytes;
}

/** @param {Uint8Array} info */
function voidNoDuration(info) {
	for (const { id, start, content, end } of elementsIn(info)) {
		const isZero = end - content <= MAX_BYTES && info.subarray(content, end).every((byte) => byte === 0);
		if (id === DURATION && isZero) {
			info.set([VOID, 0x80 + end - start - 2], start);
			info.fill(0, start + 2, end);
		}
	}
}

/**
 * How many bytes the elements are that are complete.
 * @param {Uint8Array} bytes
 */
export function completeSize(bytes) {
	let size = 0;
	for (const { end } of elementsIn(bytes)) size = end;
	return size;
}

/**
 * Lets a file through in whole elements, however it comes in pieces, so that it can be gone on with wherever it breaks off.
 * Other files it lets through as they come.
 */
export class WholeElements {
	/** @type {Uint8Array<ArrayBuffer>} what is incomplete yet */
	#rest = new Uint8Array();

	/** @param {Blob} piece */
	async take(piece) {
		if (!canGoOn(piece.type)) return piece;
		const bytes = new Uint8Array(await new Blob([this.#rest, piece]).arrayBuffer());
		const size = completeSize(bytes);
		const taken = bytes.length - size > MAX_ELEMENT ? bytes.length : size;
		this.#rest = bytes.slice(taken);
		return new Blob(this.made(mend(bytes.subarray(0, taken))), { type: piece.type });
	}

	/** What is left when no piece comes any more. */
	rest() {
		return new Blob([this.#rest]);
	}

	/**
	 * What is made of whole elements.
	 * @param {Uint8Array<ArrayBuffer>} bytes
	 * @returns {BlobPart[]}
	 */
	made(bytes) {
		return [bytes];
	}
}

/** Makes of a second file, piece by piece, what is appended to the first. */
export class Continuation extends WholeElements {
	#hasBegun = false;

	/** @param {number} end where the first file's sound ends, in milliseconds */
	constructor(end) {
		super();
		this.end = end;
	}

	/**
	 * @override
	 * @param {Uint8Array<ArrayBuffer>} bytes
	 */
	made(bytes) {
		return [...elementsIn(bytes)].flatMap((element) => this.#moved(bytes, element));
	}

	/** @override */
	rest() {
		return new Blob();
	}

	/**
	 * @param {Uint8Array<ArrayBuffer>} bytes
	 * @param {Element} element
	 * @returns {BlobPart[]}
	 */
	#moved(bytes, { id, start, content, end }) {
		this.#hasBegun ||= id === CLUSTER;
		if (!this.#hasBegun) return []; // the second file's own head
		if (id === CLUSTER) return [new Uint8Array(CLUSTER_HEAD)];
		if (id === TIMESTAMP) return [timestamp(this.end + numberAt(bytes, content, end))];
		if (id === BLOCK) return [new Uint8Array([SIMPLE_BLOCK]), bytes.slice(start + 1, end)]; // without its group
		return id === SIMPLE_BLOCK ? [bytes.slice(start, end)] : [];
	}
}
