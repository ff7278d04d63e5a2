import type { Clock } from '../../../runtime/clock.ts';
import type { Logger } from '../../../runtime/logger.ts';
import type { Authenticator } from '../access/authenticator.ts';
import type { RbacAuthorizer } from '../access/rbac-authorizer.ts';
import type { ServiceAccountTokens } from '../access/service-account-tokens.ts';
import type { KindRegistry } from '../kinds/kind-registry.ts';
import type { ObjectDeletion } from '../objects/object-deletion.ts';
import type { ObjectWriter } from '../objects/object-writer.ts';
import type { PodLogSource } from '../pod-log-source.ts';
import type { ObjectStore } from '../store/object-store.ts';

/** The parts of a running API server that answer requests. */
export interface ClusterState {
	readonly store: ObjectStore;
	readonly registry: KindRegistry;
	readonly writer: ObjectWriter;
	readonly deletion: ObjectDeletion;
	readonly authorizer: RbacAuthorizer;
	readonly authenticator: Authenticator;
	readonly tokens: ServiceAccountTokens;
	readonly podLogs: PodLogSource | undefined;
	readonly clock: Clock;
	readonly logger: Logger;
}
