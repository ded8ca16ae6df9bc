// What the server sends and takes: the shapes of its JSON, over HTTP and over the socket. Ids sort by time.

export interface User {
	_id: string;
	email: string;
	username: string;
	bio: string;
}

/** What `POST /signup` and `/login` return. */
export interface Login {
	user: User;
	token: string;
}

/** Somebody, as others see them. */
export interface Person {
	_id: string;
	username: string;
	bio?: string;
	online?: boolean;
	/** RFC 3339; null for somebody who has never been online. */
	lastSeen?: string | null;
}

/** A word the recogniser heard. */
export interface HeardWord {
	word: string;
	/** Seconds from the beginning of the recording, as is `end`. */
	start: number;
	end: number;
	/** 0 to 1; null where the recogniser does not say. */
	confidence?: number | null;
}

export type Status = "accepted" | "transcribing" | "untranscribed" | "delivered" | "read";

export interface Message {
	_id: string;
	clientId?: string | null;
	senderId: string;
	receiverId: string;
	/** RFC 3339, UTC. */
	dateSent: string;
	text: string;
	audioFileId: string | null;
	/** Seconds. */
	duration?: number | null;
	/** How loud each two-hundredth of the recording is, 0 to 255. */
	peaks?: number[] | null;
	/** While it is being transcribed: `text` is what was said in the first so many seconds. */
	seconds?: number | null;
	language?: string | null;
	words?: HeardWord[] | null;
	status: Status;
	editedAt?: string | null;
	deletedAt?: string | null;
}

/** A message that changed, as it is now. `failed`: its words could not be made out, and `code` says why. */
export interface MessageChange extends Omit<Message, "status"> {
	status: "edited" | "deleted" | "failed";
	code?: string | null;
}

/** The first frame of a voice message, which has all but its words. */
export interface VoiceMessage extends Message {
	status: "transcribing";
}

/** `readerId` has read what `partnerId` wrote, up to the message `_id`. */
export interface ReadReceipt {
	_id: string;
	status: "read";
	readerId: string;
	partnerId: string;
}

export interface Presence {
	_id: string;
	online: boolean;
	lastSeen: string | null;
	/** Their new name and text, where those have changed. */
	username?: string;
	bio?: string;
	/** I have muted them, or no longer do, on another device. */
	muted?: boolean;
}

export interface Typing {
	senderId: string;
	/** They record a voice message. */
	recording?: boolean;
}

/** What was heard so far of a recording that is being made. */
export interface Captions {
	/** The recording's, which is that of its upload later. */
	_id: string;
	text: string;
	words: HeardWord[];
	/** How many of the words will not change any more. */
	settled: number;
	/** How much of the recording was heard. */
	seconds: number;
	language?: string | null;
	/** Who speaks, where they let me read along. */
	senderId?: string;
}

/** An element of `GET /recordings`: one that I make, or have made and not sent. */
export interface UnfinishedRecording extends Omit<Captions, "senderId"> {
	receiverId: string | null;
	/** Its media type. */
	type: string;
	/** Bytes that the server has. */
	offset: number;
	complete: boolean;
	/** RFC 3339. */
	started: string;
}

/** The end of what the server sends again after `resume`; not `complete` when more was missed than it keeps. */
export interface Resumed {
	complete: boolean;
}

/** What answers a `send`: the message, which the server has accepted. */
export type Sent = Message & { clientId: string };

/** Or why it has not. */
export interface Refused extends Problem {
	status: number;
	clientId: string | null;
	/** Seconds, where it may be tried again. */
	retryAfter?: number;
}

/** Frames by channel, without the channel's prefix `application:`. */
export interface Frames {
	messages: Message;
	status: VoiceMessage | MessageChange | ReadReceipt;
	users: Presence;
	typing: Typing;
	captions: Captions;
	resume: Resumed;
	sent: Sent;
	refused: Refused;
}

/** What the page sends over the socket as JSON. */
export type Request =
	| { type: "typing"; receiverId: string; recording?: boolean }
	| { type: "resume"; after: string }
	| ({ type: "send" } & Outgoing);

/** An element of `GET /conversations`. */
export interface ConversationSummary {
	partner: Person;
	lastMessage: Message;
	unread: number;
	/** I asked for no notifications of this partner's messages. */
	muted?: boolean;
}

export interface PersonHit {
	type: "user";
	_id: string;
	text: string;
}

export interface MessageHit {
	type: "chat";
	_id: string;
	text: string;
	partnerId: string;
	dateSent: string;
	audioFileId: string | null;
}

export type SearchHit = PersonHit | MessageHit;

/** An element of `files`, which `POST /upload` returns. */
export interface UploadedFile {
	audioFileUuid: string;
}

/** The body of `POST /chat`. */
export interface Outgoing {
	receiverId: string;
	clientId: string;
	text?: string;
	audioFileId?: string;
	/** Of a recording, BCP 47: what its speaker probably speaks. */
	language?: string;
}

/** An error (RFC 9457). */
export interface Problem {
	title?: string;
	detail?: string;
	code?: string;
	errors?: { field: string; message: string }[];
}

/** Web Push: `key` is the server's, null where it has none; the rest is what I have chosen. */
export interface PushState {
	key: string | null;
	subscribed: boolean;
	showsText: boolean;
}
