// Which files may be recordings, as far as a browser can tell; the server looks into them.

const TYPES = /^(audio\/|video\/(webm|mp4|quicktime|3gpp|x-matroska|ogg)|application\/ogg)/;
const NAMES =
	/\.(3gp|aac|ac3|aif[cf]?|amr|au|caf|flac|m4a|m4b|mka|mkv|mov|mp[234]|mp4|oga|ogg|opus|spx|wav|weba|webm|wma)$/i;

/**
 * By the type, and where the system knows none, by the name.
 * @param {File} file
 */
export const isRecording = ({ type, name }) => (type ? TYPES.test(type) : NAMES.test(name));
