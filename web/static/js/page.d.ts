// Types that several modules of the page share.

import type { History } from "./state/history.js";
import type { Recording } from "./state/recording.js";
import type { Frames, Message, Person } from "./wire.js";

/** A message as the page holds it; what the page alone knows of it comes after the message's own fields. */
export interface LoadedMessage extends Message {
	/** `dateSent` in milliseconds since 1970. */
	at: number;
	/** Grows with every change, so that its row is made anew. */
	version: number;
	/** Why its words could not be made out; null when nothing failed. */
	failure: string | null;
	/** A transcription that the reader has asked for is under way. */
	transcribingAgain: boolean;
	/** The reader is correcting its transcript. */
	correcting: boolean;
}

/** A row of the list of conversations. */
export interface Conversation {
	partner: Person;
	lastMessage: Message;
	unread: number;
	/** The newest message when the server counted `unread`; what comes later is counted here. */
	baseline: string;
	/** How far I have read, "" when that is not known here. */
	readUpTo: string;
}

/** What is to be sent: a text, or a recording with the name of its file. */
export interface Content {
	text?: string;
	blob?: Blob;
	name?: string;
	/** Of the recording, BCP 47: what its speaker has said that they speak. */
	language?: string;
	/** How the recording has travelled while it was made; null once it has to be uploaded as a whole. */
	travelled?: Travelled | null;
}

/** A recording that the server has, or most of it. */
export interface Travelled {
	/** The recording's id there. */
	id: string;
	/** Bytes that the server was known to have. */
	offset: number;
	/** The second at which its end is cut off; nothing where it stays whole. */
	cutAt?: number | null;
}

/** What becomes of a recording. */
export interface RecordingOutcome {
	send: (content: Content) => Promise<void>;
	/** There is something to have back. */
	discarded: (recording: Recording) => void;
	/** There is none, for this reason. */
	refused: (why: string) => void;
	/** The panel is gone, whatever became of the recording. */
	closed: () => void;
}

/** A message on its way out. */
export interface OutboxItem extends Content {
	clientId: string;
	/** Whose it is. */
	userId: string;
	receiverId: string;
	/** Milliseconds since 1970. */
	createdAt: number;
	/** Its recording, once the server has it. */
	uploadId?: string | null;
	/** Why the server refused it. */
	error?: string | null;
	/** How much of the recording is uploaded, 0 to 1; not kept over a reload. */
	progress?: number | null;
}

/** A recording to listen to, here or on the server. `key` tells it from all others. */
export interface RecordingSource {
	key: string;
	uuid?: string | null;
	blob?: Blob;
	/** Where it is, when it is no message's. */
	url?: string;
	/** Seconds, where known. */
	duration?: number;
	/** The message it belongs to, once the server has that. */
	message?: LoadedMessage;
	/** How loud it is, 0 to 255, where the server has measured it. */
	peaks?: number[] | null;
}

/** Events between modules that need not know each other, with what each listener is told. */
export type Events = {
	/** The address changed. */
	route: null;
	/** My own name or text did. */
	me: null;
	/** Why, for the log-in page; "" when I asked for it. */
	"signed-out": string;
	connection: boolean;
	/** The list of conversations changed. */
	conversations: null;
	/** The open conversation is another, or none. */
	opened: null;
	/** Somebody came, went, began to type or stopped: their id. */
	presence: string;
	/** Dates look different from before: it is another day, or the reader's time zone or language has changed. */
	dates: null;
	/** Somebody has changed their name or text: their id. */
	renamed: string;
	/** Somebody wants to search in the conversation with this person. */
	"search-within": Person;
	history: History;
	/** A message for me; `isNew` unless it is the transcript of one that had come. */
	incoming: { message: Message; isNew: boolean };
	/** It was found out which recordings I have begun and not sent. */
	unfinished: null;
	/** What waits for this person changed. */
	outbox: string;
	/** More of this item's recording is uploaded. */
	upload: OutboxItem;
	/** The player plays, pauses or moves in the recording of this key. */
	player: string;
	/** The recording of this key has been played to its end. */
	played: string;
	/** All recordings are played at another speed. */
	speed: number;
} & { [Channel in keyof Frames as `frame:${Channel}`]: Frames[Channel] };

/** The element that `h("p.note")` makes: of the tag before the first dot. */
export type ElementOf<Spec extends string> = Spec extends `${infer Tag}.${string}`
	? ElementNamed<Tag>
	: ElementNamed<Spec>;
type ElementNamed<Tag extends string> = Tag extends keyof HTMLElementTagNameMap
	? HTMLElementTagNameMap[Tag]
	: HTMLElement;

/** What an element may be given as a child; lists are spread, and what is no child (false, "", null) is left out. */
export type Child = Node | string | number | boolean | null | undefined | Child[];
