// The tus protocol as far as the page uses it, and a recording to send by it.

import { createHash } from "node:crypto";

/** What the server keeps of recordings, by their ids. */
export class Recordings {
	byId = new Map();
	#made = 0;

	/** Returns a status, headers, and a body where there is one; null where the call is for something else. */
	reply({ method, headers }, path, body) {
		if (path === "/api/recordings") return method === "POST" ? this.#create(headers) : [200, {}, []];
		const id = path.match(/^\/api\/recordings\/(.+)$/)?.[1];
		const found = this.byId.get(id);
		if (!id) return null;
		if (!found) return [404, {}];
		if (method === "PATCH") return this.#append(found, headers, body);
		if (method === "DELETE") return this.#remove(id);
		const { length } = found;
		const known = { "Upload-Offset": found.bytes.length, ...(length !== null && { "Upload-Length": length }) };
		return [200, known];
	}

	#create(headers) {
		this.#made += 1;
		const id = `recording-${this.#made}`;
		const metadata = Object.fromEntries(
			headers["upload-metadata"].split(",").map((pair) => {
				const [name, value] = pair.split(" ");
				return [name, Buffer.from(value, "base64").toString()];
			}),
		);
		this.byId.set(id, { bytes: Buffer.alloc(0), length: null, metadata });
		return [201, { Location: `/api/recordings/${id}` }];
	}

	#append(found, headers, body) {
		if (Number(headers["upload-offset"]) !== found.bytes.length) return [409, {}];
		found.bytes = Buffer.concat([found.bytes, body]);
		if (headers["upload-length"]) found.length = Number(headers["upload-length"]);
		if (headers["chattergram-pause"] === "true") found.pausedAt = found.bytes.length;
		found.cutAt = Number(headers["chattergram-cut-at"]) || null;
		return [204, { "Upload-Offset": found.bytes.length }];
	}

	#remove(id) {
		this.byId.delete(id);
		return [204, {}];
	}
}

/** The digest of bytes or of a blob, to compare them. */
export async function digest(content) {
	const bytes = content instanceof Blob ? Buffer.from(await content.arrayBuffer()) : content;
	return createHash("sha256").update(bytes).digest("hex");
}
