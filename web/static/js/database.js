// IndexedDB: what must outlive a reload (the outbox) and what is dear to make again (waveforms).

const NAME = "chattergram";
const PEAKS_KEPT = 500;
let opening = null;

function open() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("outbox", { keyPath: "clientId" });
      request.result.createObjectStore("peaks", { keyPath: "id" });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

async function run(store, mode, work) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(store, mode, { durability: "strict" });
    const request = work(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

export const put = (store, value) => run(store, "readwrite", (objects) => objects.put(value));
export const get = (store, key) => run(store, "readonly", (objects) => objects.get(key));
export const all = (store) => run(store, "readonly", (objects) => objects.getAll());
export const remove = (store, key) => run(store, "readwrite", (objects) => objects.delete(key));

/** Keeps the waveforms to a bounded number; which ones go matters little. */
export async function trimPeaks() {
  const count = await run("peaks", "readonly", (objects) => objects.count());
  if (count > PEAKS_KEPT) await run("peaks", "readwrite", (objects) => objects.clear());
}
