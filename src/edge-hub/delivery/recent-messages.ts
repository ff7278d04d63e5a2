import type { StoredBody } from './stored-form.ts';

interface Recent {
	readonly body: StoredBody;
	readonly size: number;
	/** Endpoints that have not dealt with it. */
	owed: number;
}

/** Messages kept in memory for a while, so that what is delivered at once is never read from disk. */
export class RecentMessages {
	readonly #maxBytes: number;
	/** By offset; the oldest first. */
	readonly #messages = new Map<number, Recent>();
	#bytes = 0;

	constructor(maxBytes: number) {
		this.#maxBytes = maxBytes;
	}

	/** @param owed endpoints that will ask for it. */
	add(offset: number, body: StoredBody, size: number, owed: number): void {
		if (size > this.#maxBytes || this.#messages.has(offset)) return;
		this.#messages.set(offset, { body, size, owed });
		this.#bytes += size;
		for (const oldest of this.#messages.keys()) {
			if (this.#bytes <= this.#maxBytes) return;
			this.#remove(oldest);
		}
	}

	get(offset: number): StoredBody | undefined {
		return this.#messages.get(offset)?.body;
	}

	/** An endpoint has dealt with the message. */
	settled(offset: number): void {
		const recent = this.#messages.get(offset);
		if (recent === undefined) return;
		recent.owed -= 1;
		if (recent.owed <= 0) this.#remove(offset);
	}

	#remove(offset: number): void {
		this.#bytes -= this.#messages.get(offset)?.size ?? 0;
		this.#messages.delete(offset);
	}
}
