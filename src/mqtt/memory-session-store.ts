import type { SessionStore, StoredSession } from './mqtt-server.ts';

/** Sessions that outlive connections but not the process. */
export class MemorySessionStore implements SessionStore {
	readonly #sessions = new Map<string, StoredSession>();

	load(clientId: string): StoredSession | undefined {
		return this.#sessions.get(clientId);
	}

	save(session: StoredSession): void {
		this.#sessions.set(session.clientId, session);
	}

	delete(clientId: string): void {
		this.#sessions.delete(clientId);
	}
}
