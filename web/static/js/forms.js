// Forms that show what is wrong where it is wrong.

/** What `submit(values)` answers is shown, and what it throws, beside its field. */
export function form(element, submit) {
	const send = element.querySelector("button");
	const status = element.querySelector(".form-status");
	const noteOf = ({ id }) => document.getElementById(`${id}-note`);
	const fields = [...element.querySelectorAll("input, textarea")];

	function blame(field, text) {
		field.ariaInvalid = "true";
		noteOf(field).textContent = text;
		field.focus();
	}

	element.onsubmit = async (event) => {
		event.preventDefault();
		for (const field of fields) {
			field.ariaInvalid = null;
			noteOf(field).textContent = noteOf(field).dataset.hint;
		}
		status.textContent = "";
		const wrong = fields.find(({ validity }) => !validity.valid);
		if (wrong) return blame(wrong, wrong.validationMessage);
		send.disabled = true;
		try {
			status.textContent = (await submit(Object.fromEntries(new FormData(element)))) ?? "";
		} catch (error) {
			const named = error.fields?.find(({ field }) => element.elements[field]);
			const wait = error.retryAfter ? ` Try again in ${Math.ceil(error.retryAfter / 60)} min.` : "";
			if (named) blame(element.elements[named.field], named.message);
			else status.textContent = error.message + wait;
		}
		send.disabled = false;
	};
}
