// What this browser keeps for the page from one visit to the next: each name in one place, except the theme's and
// the language's, which reader.js also has because it is no module.

import { BASE } from "./addresses.js";

const OURS = `chattergram${BASE}`; // a browser keeps things by host, and another path of it may be another instance

export const THEME = "chattergram.theme";
export const LANGUAGE = "chattergram.language"; // of the page, as chosen on this device
export const TOKEN = `${OURS}.token`;
export const ME = `${OURS}.me`;
export const SPEED = `${OURS}.speed`;
export const NOTIFICATIONS = `${OURS}.notifications`;
export const SPOKEN = `${OURS}.spoken`; // the language I speak
export const SHARING = `${OURS}.sharing`; // whether others may read along while I speak
export const FORGOTTEN = `${OURS}.forgotten`; // recordings that were discarded while the server could not be told
export const AGAIN = `${OURS}.again`; // the language last chosen to transcribe again in
export const NOTICE = `${OURS}.notice`; // in sessionStorage: shown once, on the next page
export const OPEN = `${OURS}.open`; // in sessionStorage: whose conversation is open, by name and id

// Where the service worker reads the language of the page: a cache, and an address in it.
export const READER = `${OURS}-reader`;
export const PAGE_LANGUAGE = "/language";

export const DRAFTS = `${OURS}.draft.`;

/**
 * Where what I have begun to write to somebody is kept.
 * @param {string} myId
 * @param {string} partnerId
 */
export const draftKey = (myId, partnerId) => `${DRAFTS}${myId}.${partnerId}`;
