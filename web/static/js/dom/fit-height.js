// For browsers whose fields do not grow with what is written in them.

/**
 * Makes a field as high as its text; the style sheet has the most.
 * @param {HTMLTextAreaElement} input
 */
export function fitHeight(input) {
	const line = input.parentElement;
	if (line) line.style.minHeight = `${line.offsetHeight}px`; // or the list would grow meanwhile, and lose its end
	input.style.height = "auto";
	input.style.height = `${input.scrollHeight}px`;
	if (line) line.style.minHeight = "";
}
