import { diff, stripMetadata, versionOf } from '../../protocol/twin.ts';
import type { JsonObject } from '../../runtime/json.ts';
import type { ConnectedClient } from '../clients/connected-client.ts';

/** Connections that are remembered; the oldest are forgotten first. */
const maxRemembered = 1_000;

/**
 * What connections knew of their desired properties when they ended. While one of several
 * connections of an identity is away the others are told of changes; when it is back it does not
 * ask for the twin again, as the Azure SDKs only look at patches.
 */
export class AbsentListeners {
	/** Place → desired properties. */
	readonly #known = new Map<string, JsonObject>();

	/** A connection has ended. */
	left({ place }: ConnectedClient, known: JsonObject | undefined): void {
		this.#known.delete(place);
		if (known === undefined) return;
		if (this.#known.size >= maxRemembered) {
			for (const oldest of this.#known.keys()) {
				this.#known.delete(oldest);
				break;
			}
		}
		this.#known.set(place, known);
	}

	/**
	 * Tells a connection that has begun to listen what it has missed.
	 *
	 * @param desired all desired properties
	 * @param told what all are told the difference to anyway
	 * @param alone whether no other connection of its identity listens: then who is not remembered
	 * has missed nothing that only others were told
	 */
	async returned(
		client: ConnectedClient,
		desired: JsonObject,
		{ told, alone }: { readonly told: JsonObject; readonly alone: boolean },
	): Promise<void> {
		const known = this.#known.get(client.place);
		this.#known.delete(client.place);
		if (known === undefined ? alone : versionOf(known) >= versionOf(told)) return;
		const patch = diff(stripMetadata(known ?? {}), stripMetadata(desired));
		if (Object.keys(patch).length === 0) return;
		try {
			await client.sendDesired({ ...patch, $version: versionOf(desired) });
		} catch {
			this.left(client, known);
		}
	}
}
