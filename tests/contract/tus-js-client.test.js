// The tus client of the web, unchanged, against a running server: its addresses and the recording are in the environment.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Readable } from "node:stream";

import { Upload } from "tus-js-client";

const endpoint = process.env.TUS_ENDPOINT;
const headers = { "x-api-key": process.env.TUS_TOKEN };
const recording = readFileSync(process.env.TUS_RECORDING);

/**
 * @param {object} options
 * @param {any} [source]
 * @returns {{ upload: Upload, done: Promise<void> }}
 */
function uploadOf(options, source = recording) {
	/** @type {Upload} */
	let upload;
	const done = new Promise((resolve, reject) => {
		const rest = { endpoint, headers, retryDelays: [0, 100], onSuccess: resolve, onError: reject };
		upload = new Upload(source, { chunkSize: 9_000, ...rest, ...options });
	});
	return { upload, done };
}

async function contentOf(url) {
	const id = url.split("/").at(-1);
	const response = await fetch(`${endpoint.replace(/recordings$/, "file")}/${id}/content`, { headers });
	assert.equal(response.status, 200);
	return Buffer.from(await response.arrayBuffer());
}

test("a recording of known length arrives whole", async () => {
	const { upload, done } = uploadOf({ metadata: { filename: "voice.webm", filetype: "audio/webm" } });
	upload.start();
	await done;
	assert.deepEqual(await contentOf(upload.url), recording);
});

test("one whose length shows only at its end does too, and so does one sent with its creation", async () => {
	const stream = Readable.from([recording.subarray(0, 20_000), recording.subarray(20_000)], { objectMode: false });
	const deferred = uploadOf({ uploadLengthDeferred: true }, stream);
	deferred.upload.start();
	await deferred.done;
	assert.deepEqual(await contentOf(deferred.upload.url), recording);
	const atOnce = uploadOf({ uploadDataDuringCreation: true });
	atOnce.upload.start();
	await atOnce.done;
	assert.deepEqual(await contentOf(atOnce.upload.url), recording);
});

test("one that was stopped goes on where it was, from elsewhere", async () => {
	const first = uploadOf({
		onChunkComplete: (_, accepted) => {
			if (accepted >= 18_000) {
				first.upload.abort();
				stopped();
			}
		},
	});
	let stopped;
	const isStopped = new Promise((resolve) => {
		stopped = resolve;
	});
	first.upload.start();
	await isStopped;
	let sent = 0;
	const second = uploadOf({
		uploadUrl: first.upload.url,
		onChunkComplete: (size) => {
			sent += size;
		},
	});
	second.upload.start();
	await second.done;
	assert.deepEqual(await contentOf(second.upload.url), recording);
	assert.ok(sent < recording.length);
});

test("one that is terminated is gone", async () => {
	const { upload, done } = uploadOf({});
	upload.start();
	await done;
	await upload.abort(true);
	const response = await fetch(upload.url, { method: "HEAD", headers: { ...headers, "Tus-Resumable": "1.0.0" } });
	assert.equal(response.status, 410);
});
