// Which characters show, as the server's `chat/text/characters.py` has it.

// Spaces, controls, what Unicode calls default ignorable, marks of annotations, and the Braille pattern without a dot.
const SEEN = /[^\p{White_Space}\p{Cc}\p{Cs}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb\u2800]/u;

/**
 * Whether nothing of a text can be seen.
 * @param {string} text
 */
export const isBlank = (text) => !SEEN.test(text);
