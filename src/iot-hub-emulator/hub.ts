import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { KeyValueStore } from '../storage/key-value-store.ts';
import { Authorities } from './access/authorities.ts';
import { DeviceAuthentication } from './access/device-authentication.ts';
import { type AccessSettings, ServiceAuthorization } from './access/service-authorization.ts';
import { SharedAccessPolicies } from './access/shared-access-policies.ts';
import { CloudToDeviceDelivery } from './cloud-to-device/cloud-to-device-delivery.ts';
import { CloudToDeviceQueues } from './cloud-to-device/cloud-to-device-queues.ts';
import { keepDeliveryFeedback } from './cloud-to-device/delivery-feedback.ts';
import { ServiceBoundQueue } from './cloud-to-device/service-bound-queue.ts';
import { Configurations } from './configuration/configurations.ts';
import { DeviceConnections } from './connections/device-connections.ts';
import type { BlobBytes } from './files/blob-bytes.ts';
import { BlobSignature } from './files/blob-signature.ts';
import { Blobs } from './files/blobs.ts';
import { FileUploads } from './files/file-uploads.ts';
import { Jobs } from './jobs/jobs.ts';
import { RegistryJobs } from './jobs/registry-jobs.ts';
import { DirectMethods } from './methods/direct-methods.ts';
import { DeviceProvisioning } from './provisioning/device-provisioning.ts';
import { IdentityRegistry } from './registry/identity-registry.ts';
import { MessageRouting } from './routing/message-routing.ts';
import { type EventSource, HubEvents } from './telemetry/hub-events.ts';
import type { TelemetryLog } from './telemetry/telemetry-log.ts';
import { type HubSize, Throttles } from './throttles.ts';
import { Twins } from './twin/twins.ts';

/** What a hub is made from. */
export interface HubParts {
	readonly store: KeyValueStore;
	readonly telemetry: TelemetryLog;
	readonly blobBytes: BlobBytes;
	readonly access: AccessSettings;
	/** Of the hub whose throttles and daily quota apply; none where undefined. */
	readonly size?: HubSize | undefined;
	/** Sources of events besides telemetry; by default those of the last run. */
	readonly eventSources?: readonly EventSource[] | undefined;
	/** As `MessageRouting.put` takes it; by default that of the last run. */
	readonly routing?: unknown;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** The hub behind its protocol heads: everything it knows and does, no wire. */
export class Hub {
	readonly store: KeyValueStore;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly throttles: Throttles;
	readonly policies: SharedAccessPolicies;
	readonly authorities: Authorities;
	readonly registry: IdentityRegistry;
	readonly connections: DeviceConnections;
	readonly twins: Twins;
	readonly methods: DirectMethods;
	readonly cloudToDevice: CloudToDeviceQueues;
	/** Feedback on cloud-to-device messages, for services. */
	readonly feedback: ServiceBoundQueue;
	/** Notifications of uploaded files, for services. */
	readonly fileNotifications: ServiceBoundQueue;
	readonly blobs: Blobs;
	readonly blobSignature: BlobSignature;
	readonly fileUploads: FileUploads;
	readonly configurations: Configurations;
	readonly jobs: Jobs;
	readonly registryJobs: RegistryJobs;
	readonly provisioning: DeviceProvisioning;
	readonly telemetry: TelemetryLog;
	readonly routing: MessageRouting;
	/** What it tells of itself besides telemetry. */
	readonly events: HubEvents;
	readonly serviceAuthorization: ServiceAuthorization;
	readonly deviceAuthentication: DeviceAuthentication;
	readonly #delivery: CloudToDeviceDelivery;
	readonly #givenRouting: unknown;

	constructor(parts: HubParts) {
		const { store, telemetry, blobBytes, access, size, clock, logger } = parts;
		this.throttles = new Throttles(size, clock);
		this.store = store;
		this.clock = clock;
		this.logger = logger;
		this.telemetry = telemetry;
		this.policies = new SharedAccessPolicies(store);
		this.authorities = new Authorities(store, clock);
		this.registry = new IdentityRegistry(store, clock);
		this.connections = new DeviceConnections(clock);
		this.twins = new Twins(store, this.registry, this.connections, clock);
		this.methods = new DirectMethods(this.registry, this.connections, clock);
		this.cloudToDevice = new CloudToDeviceQueues(store, this.registry, clock);
		this.feedback = new ServiceBoundQueue(store, 'feedback', clock);
		this.fileNotifications = new ServiceBoundQueue(store, 'file-notifications', clock);
		keepDeliveryFeedback(this.cloudToDevice, this.feedback, this.registry, () => clock.now());
		this.serviceAuthorization = new ServiceAuthorization(this.policies, access, clock);
		this.deviceAuthentication = new DeviceAuthentication(
			this.registry,
			this.serviceAuthorization,
			this.authorities,
			access,
			clock,
		);
		this.blobs = new Blobs(store, blobBytes, clock);
		this.blobSignature = new BlobSignature(store);
		this.fileUploads = new FileUploads(
			this.blobs,
			this.blobSignature,
			this.fileNotifications,
			clock,
		);
		this.configurations = new Configurations(this);
		this.jobs = new Jobs(this);
		this.registryJobs = new RegistryJobs(this);
		this.provisioning = new DeviceProvisioning(this);
		const [hubName = ''] = (access.hostNames[0] ?? '').split('.');
		this.routing = new MessageRouting({ store, telemetry, twins: this.twins, hubName, logger });
		this.#givenRouting = parts.routing;
		this.events = new HubEvents(this, parts.eventSources);
		this.#delivery = new CloudToDeviceDelivery(this.cloudToDevice, this.connections, logger);
	}

	/** Reads what an earlier run has left; to be called once, before a client connects. */
	load(): void {
		this.policies.load();
		this.authorities.load();
		this.registry.load();
		this.cloudToDevice.load();
		this.feedback.load();
		this.fileNotifications.load();
		this.#delivery.begin();
		this.configurations.load();
		this.jobs.load();
		this.registryJobs.load();
		this.provisioning.load();
		this.routing.load(this.#givenRouting);
		this.events.load();
	}

	/** Ends what it does by itself. */
	stop(): void {
		this.jobs.stop();
		this.registryJobs.stop();
		this.configurations.stop();
	}
}
