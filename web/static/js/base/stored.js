// What this browser keeps for the page from one visit to the next: each name in one place, except the theme's and
// the language's, which reader.js also has because it is no module.

export const THEME = "chattergram.theme";
export const LANGUAGE = "chattergram.language"; // of the page, as chosen on this device
export const TOKEN = "chattergram.token";
export const ME = "chattergram.me";
export const SPEED = "chattergram.speed";
export const NOTIFICATIONS = "chattergram.notifications";
export const SPOKEN = "chattergram.spoken"; // the language I speak
export const AGAIN = "chattergram.again"; // the language last chosen to transcribe again in
export const NOTICE = "chattergram.notice"; // in sessionStorage: shown once, on the next page
export const OPEN = "chattergram.open"; // in sessionStorage: whose conversation is open, by name and id

// Where the service worker reads the language of the page: a cache, and an address in it.
export const READER = "chattergram-reader";
export const PAGE_LANGUAGE = "/language";

export const DRAFTS = "chattergram.draft.";

/**
 * Where what I have begun to write to somebody is kept.
 * @param {string} myId
 * @param {string} partnerId
 */
export const draftKey = (myId, partnerId) => `${DRAFTS}${myId}.${partnerId}`;
