import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { ClusterState } from '../controllers/cluster-state.ts';
import type { CrashBackoffSettings } from './crash-backoff.ts';
import type { BuiltinImage } from './image-store.ts';
import type { TokenIssuer } from './pod-tokens.ts';

/** How a node runs pods. */
export interface LocalNodeSettings {
	readonly state: ClusterState;
	readonly clock: Clock;
	readonly logger: Logger;
	/** Where pods, logs and what the node must remember are kept. */
	readonly folder: string;
	readonly name: string;
	readonly moduleRoots: readonly string[];
	readonly builtinImages: ReadonlyMap<string, BuiltinImage>;
	readonly apiServer: { readonly host: string; readonly port: number };
	readonly issueToken: TokenIssuer;
	readonly crashBackoff: CrashBackoffSettings;
	readonly imageBackoff: CrashBackoffSettings;
	/** Bytes of a container's log before it is put aside. */
	readonly maxLogBytes: number;
}

/** The address of the machine as pods see it. */
export const hostAddress = '127.0.0.1';
