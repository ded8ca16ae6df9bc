// IndexedDB: what must outlive a reload (the outbox) and what is dear to make again (waveforms).

const PEAKS_KEPT = 500;
let opening;

const done = (request) =>
	new Promise((resolve, reject) => {
		request.onsuccess = request.oncomplete = () => resolve(request.result);
		request.onerror = request.onabort = () => reject(request.error);
	});

function open() {
	const request = indexedDB.open("chattergram", 1);
	request.onupgradeneeded = () => {
		request.result.createObjectStore("outbox", { keyPath: "clientId" });
		request.result.createObjectStore("peaks", { keyPath: "id" });
	};
	return done(request);
}

async function run(store, mode, work) {
	const transaction = (await (opening ??= open())).transaction(store, mode);
	const request = work(transaction.objectStore(store));
	await done(transaction);
	return request.result;
}

export const put = (store, value) => run(store, "readwrite", (objects) => objects.put(value));
export const get = (store, key) => run(store, "readonly", (objects) => objects.get(key));
export const all = (store) => run(store, "readonly", (objects) => objects.getAll());
export const remove = (store, key) => run(store, "readwrite", (objects) => objects.delete(key));

/** Keeps a waveform. Their number is bounded; which ones go matters little. */
export async function keepPeaks(value) {
	if ((await run("peaks", "readonly", (objects) => objects.count())) >= PEAKS_KEPT) {
		await run("peaks", "readwrite", (objects) => objects.clear());
	}
	await put("peaks", value);
}
