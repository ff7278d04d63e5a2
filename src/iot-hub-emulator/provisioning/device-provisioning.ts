import { randomBytes, randomUUID, type X509Certificate } from 'node:crypto';
import { isExpired, verifySignature } from '../../protocol/sas-token.ts';
import type { JsonObject } from '../../runtime/json.ts';
import type { Authorities } from '../access/authorities.ts';
import { readChain } from '../access/certificate-chain.ts';
import type { DeviceCredential } from '../access/device-authentication.ts';
import { readToken, unauthorized } from '../access/service-authorization.ts';
import type { HubSurroundings } from '../hub-surroundings.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { newEtag, requireMatch } from '../registry/etag.ts';
import type { IdentityRegistry } from '../registry/identity-registry.ts';
import { StoredJson } from '../stored-json.ts';
import type { Twins } from '../twin/twins.ts';
import { chainFits, derivedKey } from './attestation.ts';
import { type Enrollment, idKey } from './enrollment.ts';
import { Enrollments } from './enrollments.ts';
import { type Registration, registrationDocument } from './registration.ts';

/** Parts of the hub that devices are provisioned to. */
interface ProvisionedHub extends Pick<HubSurroundings, 'store' | 'clock'> {
	readonly registry: IdentityRegistry;
	readonly twins: Twins;
	readonly authorities: Authorities;
}

/** Results that are kept for devices to come back for. */
const maxOperations = 10_000;

/** Who registers, by which enrolment, with what. */
interface Registrant {
	readonly registrationId: string;
	readonly enrollment: Enrollment;
	readonly isGroup: boolean;
	/** The device's `authentication` in the registry. */
	readonly authentication: JsonObject;
}

/**
 * A Device Provisioning Service that assigns every device to this hub (DPS documentation, "Device
 * registration API"). Its name is the hub's own.
 */
export class DeviceProvisioning {
	readonly individuals: Enrollments;
	readonly groups: Enrollments;
	readonly #hub: ProvisionedHub;
	readonly #registrations: StoredJson<Registration>;
	readonly #names: StoredJson<string>;
	readonly #operations = new Map<string, Registration>();

	/** @param hub is used from `load` on */
	constructor(hub: ProvisionedHub) {
		this.#hub = hub;
		this.individuals = new Enrollments(hub.store, 'enrollments', hub.clock);
		this.groups = new Enrollments(hub.store, 'enrollment-groups', hub.clock);
		this.#registrations = new StoredJson(hub.store, 'registrations');
		this.#names = new StoredJson(hub.store, 'provisioning');
	}

	/** Makes the ID scope at the first start. */
	load(): void {
		if (this.#names.get('id-scope') !== undefined) return;
		this.#names.set('id-scope', `0ne${randomBytes(4).toString('hex').toUpperCase()}`);
	}

	get idScope(): string {
		return this.#names.get('id-scope') ?? '';
	}

	/**
	 * Registers a device: its identity is made, or brought up to date, in this hub.
	 *
	 * @returns the id of the operation, which is over already
	 * @throws IotHubError IotHubUnauthorizedAccess
	 */
	register(
		idScope: string,
		registrationId: string,
		credential: DeviceCredential,
		hostName: string,
	): string {
		const registrant = this.#authenticate(idScope, registrationId, credential);
		const operationId = `5.${randomUUID().replaceAll('-', '')}`;
		const registration = this.#assign(registrant, hostName);
		this.#registrations.set(idKey(registrationId), registration);
		this.#operations.set(operationId, registration);
		const [oldest] = this.#operations.keys();
		if (this.#operations.size > maxOperations && oldest) this.#operations.delete(oldest);
		return operationId;
	}

	/**
	 * The result of an operation, as its device reads it.
	 *
	 * @throws IotHubError IotHubUnauthorizedAccess, RouteNotFound
	 */
	operation(
		idScope: string,
		registrationId: string,
		operationId: string,
		credential: DeviceCredential,
	): JsonObject {
		this.#authenticate(idScope, registrationId, credential);
		const registration = this.#operations.get(operationId);
		if (
			registration === undefined ||
			idKey(registration.registrationId) !== idKey(registrationId)
		) {
			throw new IotHubError('RouteNotFound', 'The operation is not known.');
		}
		const { status } = registration;
		return { operationId, status, registrationState: registrationDocument(registration) };
	}

	/** The device's own look-up. @throws IotHubError IotHubUnauthorizedAccess, EnrollmentNotFound */
	lookUp(idScope: string, registrationId: string, credential: DeviceCredential): Registration {
		this.#authenticate(idScope, registrationId, credential);
		return this.registration(registrationId);
	}

	/** @throws IotHubError IotHubUnauthorizedAccess for who may not register */
	requireRegistrant(idScope: string, registrationId: string, credential: DeviceCredential): void {
		this.#authenticate(idScope, registrationId, credential);
	}

	/** @throws IotHubError EnrollmentNotFound */
	registration(registrationId: string): Registration {
		const registration = this.#registrations.get(idKey(registrationId));
		if (registration !== undefined) return registration;
		throw new IotHubError('EnrollmentNotFound', `There is no registration ${registrationId}.`);
	}

	/** All registrations in order of their ids, or those of a group's devices. */
	registrations(enrollmentGroupId?: string): Registration[] {
		return [...this.#registrations.values()].filter(
			(registration) =>
				enrollmentGroupId === undefined ||
				idKey(registration.enrollmentGroupId ?? '') === idKey(enrollmentGroupId),
		);
	}

	/** Forgets a registration; the device stays in the hub. @throws IotHubError EnrollmentNotFound */
	deleteRegistration(registrationId: string, ifMatch?: string): void {
		requireMatch(ifMatch, this.registration(registrationId).etag);
		this.#registrations.delete(idKey(registrationId));
	}

	#authenticate(idScope: string, registrationId: string, credential: DeviceCredential): Registrant {
		if (idScope.toLowerCase() !== this.idScope.toLowerCase()) throw unauthorized('Wrong ID scope.');
		const individual = this.individuals.find(registrationId);
		const candidates =
			individual === undefined
				? this.groups.list().map((enrollment) => ({ enrollment, isGroup: true }))
				: [{ enrollment: individual, isGroup: false }];
		for (const { enrollment, isGroup } of candidates) {
			const authentication = credential.token
				? this.#bySharedKey(enrollment, isGroup, registrationId, credential.token)
				: this.#byCertificate(enrollment, registrationId, credential.certificate);
			if (authentication) return { registrationId, enrollment, isGroup, authentication };
		}
		throw unauthorized('No enrollment admits the device.');
	}

	#bySharedKey(
		{ attestation }: Enrollment,
		isGroup: boolean,
		registrationId: string,
		text: string,
	): JsonObject | undefined {
		if (attestation.type !== 'symmetricKey') return undefined;
		const token = readToken(text);
		const resource = `${this.idScope}/registrations/${registrationId}`;
		if (token.decodedResource.toLowerCase() !== resource.toLowerCase()) return undefined;
		if (isExpired(token, this.#hub.clock.now())) return undefined;
		const { primaryKey, secondaryKey } = attestation;
		if (!isGroup) {
			const fits = verifySignature(token, [primaryKey, secondaryKey]);
			return fits ? { type: 'sas', symmetricKey: { primaryKey, secondaryKey } } : undefined;
		}
		// A device derives its key from its id as it spells it, or, as tools do, in lower case.
		for (const spelling of new Set([registrationId, idKey(registrationId)])) {
			const symmetricKey = {
				primaryKey: derivedKey(primaryKey, spelling),
				secondaryKey: derivedKey(secondaryKey, spelling),
			};
			const { primaryKey: first, secondaryKey: second } = symmetricKey;
			if (verifySignature(token, [first, second])) return { type: 'sas', symmetricKey };
		}
		return undefined;
	}

	#byCertificate(
		{ attestation }: Enrollment,
		registrationId: string,
		presented: Uint8Array | undefined,
	): JsonObject | undefined {
		if (attestation.type !== 'x509' || presented === undefined) return undefined;
		const chain: X509Certificate[] = readChain(presented);
		const { authorities, clock } = this.#hub;
		if (!chainFits(attestation, registrationId, chain, authorities, clock.now())) return undefined;
		const primaryThumbprint = chain[0]?.fingerprint256.replaceAll(':', '') ?? '';
		return { type: 'selfSigned', x509Thumbprint: { primaryThumbprint } };
	}

	#assign(registrant: Registrant, hostName: string): Registration {
		const { registrationId, enrollment, isGroup } = registrant;
		const now = new Date(this.#hub.clock.now()).toISOString();
		const before = this.#registrations.get(idKey(registrationId));
		// A device's id in the hub stays as it was, however it spells its own later.
		const spelt = isGroup ? (before?.registrationId ?? registrationId) : enrollment.id;
		const base = {
			registrationId: spelt,
			...(isGroup ? { enrollmentGroupId: enrollment.id } : {}),
			createdDateTimeUtc: before?.createdDateTimeUtc ?? now,
			lastUpdatedDateTimeUtc: now,
			etag: newEtag(),
		};
		if (enrollment.provisioningStatus === 'disabled') return { ...base, status: 'disabled' };
		const deviceId = enrollment.deviceId ?? spelt;
		const substatus = this.#provision(registrant, deviceId);
		return { ...base, deviceId, assignedHub: hostName, status: 'assigned', substatus };
	}

	#provision(
		{ enrollment, authentication }: Registrant,
		deviceId: string,
	): NonNullable<Registration['substatus']> {
		const { registry, twins } = this.#hub;
		const known = registry.findDevice(deviceId);
		if (known === undefined) {
			registry.putDevice(deviceId, {
				authentication,
				capabilities: { iotEdge: enrollment.iotEdge },
			});
			twins.patch({ deviceId }, enrollment.initialTwin);
			return 'initialAssignment';
		}
		registry.putDevice(
			deviceId,
			{
				authentication,
				status: known.status,
				statusReason: known.statusReason,
				capabilities: { iotEdge: enrollment.iotEdge || known.capabilities.iotEdge },
				parentScopes: [...known.parentScopes],
				...(known.deviceScope === undefined ? {} : { deviceScope: known.deviceScope }),
			},
			'*',
		);
		if (enrollment.reprovisionPolicy.migrateDeviceData) return 'deviceDataMigrated';
		twins.replace({ deviceId }, enrollment.initialTwin);
		return 'deviceDataReset';
	}
}
