// Does what the original web client does, with its calls, its way of paging and its way of reading frames. The addresses
// of the API and of the sockets come with the page's address: `?api=…&sockets=…`.

const bases = new URLSearchParams(location.search);
const PAGE = 50; // messages
const HEARTBEAT = 5_000; // milliseconds

const state = { token: localStorage.token ?? "", user: null, partner: null, messages: [], offset: 0 };
const find = (id) => document.getElementById(id);

async function call(method, path, body) {
	const headers = { Accept: "application/json", "Content-Type": "application/json" };
	if (state.token) headers["x-api-key"] = state.token;
	const url = `${bases.get("api").replace(/\/$/, "")}/${path}`;
	const response = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
	const answer = await response.json();
	if (response.status === 403) endSession(); // it knows no other sign of it
	if (!response.ok) throw new Error(answer.message);
	return answer;
}

function endSession() {
	delete localStorage.token;
	Object.assign(state, { token: "", user: null, partner: null, messages: [] });
	show();
}

async function enter(event) {
	event.preventDefault();
	const { email, password } = find("login").elements;
	const session = await call("POST", "login", { email: email.value, password: password.value });
	localStorage.token = session.token;
	state.token = session.token;
	await start();
}

async function start() {
	state.user = await call("GET", "user/me");
	listen();
	const people = await call("GET", "user/list");
	find("people").replaceChildren(...people.map(personRow));
	show();
}

function personRow(person) {
	const row = document.createElement("li");
	const button = document.createElement("button");
	button.textContent = person.username;
	button.onclick = () => guard(select(person));
	row.append(button);
	return row;
}

async function select(partner) {
	state.partner = partner;
	state.messages = await call("GET", `chat/${partner._id}`);
	state.offset = 0;
	show();
}

async function loadMore() {
	const page = await call("GET", `chat/${state.partner._id}?offset=${state.offset}&limit=${PAGE}`);
	state.messages = [...page, ...state.messages];
	state.offset += PAGE;
	show();
}

function listen() {
	const socket = new WebSocket(`${bases.get("sockets")}/?token=${state.token}`);
	socket.onopen = () => {
		socket.send(state.token);
		setInterval(() => socket.readyState === WebSocket.OPEN && socket.send(state.token), HEARTBEAT);
		document.body.dataset.connected = "yes";
	};
	socket.onmessage = ({ data }) => {
		const [channel, json] = data.split("---"); // also what follows further dashes is lost
		if (channel !== "application:messages") return;
		const message = JSON.parse(json);
		const people = [message.senderId, message.receiverId];
		if (!state.partner || !people.includes(state.partner._id)) return;
		state.messages = [...state.messages, message]; // whatever it has already
		show();
	};
}

async function post(event) {
	event.preventDefault();
	const { text } = find("post").elements;
	const body = { receiverId: state.partner._id, senderId: state.user._id, text: text.value };
	await call("POST", "chat", body);
	text.value = "";
}

function show() {
	find("login").hidden = state.token !== "";
	find("people").hidden = state.token === "";
	for (const id of ["more", "post"]) find(id).hidden = !state.partner;
	find("messages").replaceChildren(
		...state.messages.map((message) => {
			const row = document.createElement("li");
			row.dataset.id = message._id;
			row.textContent = message.text;
			return row;
		}),
	);
}

function guard(promise) {
	find("error").textContent = "";
	return promise.catch((error) => {
		find("error").textContent = error.message;
	});
}

find("login").onsubmit = (event) => guard(enter(event));
find("post").onsubmit = (event) => guard(post(event));
find("more").onclick = () => guard(loadMore());
show();
if (state.token) guard(start());
