import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { KeyValueStore } from '../storage/key-value-store.ts';

/** What every part of a hub stands on. */
export interface HubSurroundings {
	readonly store: KeyValueStore;
	readonly clock: Clock;
	readonly logger: Logger;
}
