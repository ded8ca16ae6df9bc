// Files that are dropped on a part of the page.

/**
 * @param {HTMLElement} element shows by the class `dropping` that it would take them
 * @param {(files: FileList) => void} take
 */
export function takeDrops(element, take) {
	const show = (/** @type {boolean} */ isOver) => element.classList.toggle("dropping", isOver);
	element.ondragover = (event) => {
		if (!event.dataTransfer?.types.includes("Files")) return;
		event.preventDefault(); // else the browser would open the file
		show(true);
	};
	element.ondragleave = ({ relatedTarget }) => {
		if (!(relatedTarget instanceof Node && element.contains(relatedTarget))) show(false);
	};
	element.ondrop = (event) => {
		show(false);
		const { files = null } = event.dataTransfer ?? {};
		if (!files?.length) return;
		event.preventDefault();
		take(files);
	};
}
