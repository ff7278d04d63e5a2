import type { Clock } from '../../runtime/clock.ts';
import type { KeyValueStore } from '../../storage/key-value-store.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { newEtag, requireMatch } from '../registry/etag.ts';
import { StoredJson } from '../stored-json.ts';
import { type Enrollment, enrollmentBodyFrom, idKey } from './enrollment.ts';

/**
 * Enrolments of one kind, individual ones or groups. Durable in the store. The case of their ids does
 * not count (DPS documentation, "Registration ID").
 */
export class Enrollments {
	readonly #stored: StoredJson<Enrollment>;
	readonly #clock: Clock;

	/** @param collection of the store */
	constructor(store: KeyValueStore, collection: string, clock: Clock) {
		this.#stored = new StoredJson(store, collection);
		this.#clock = clock;
	}

	/** In order of their ids. */
	list(): Enrollment[] {
		return [...this.#stored.values()];
	}

	find(id: string): Enrollment | undefined {
		return this.#stored.get(idKey(id));
	}

	/** @throws IotHubError EnrollmentNotFound */
	get(id: string): Enrollment {
		const enrollment = this.find(id);
		if (enrollment !== undefined) return enrollment;
		throw new IotHubError('EnrollmentNotFound', `There is no enrollment ${id}.`);
	}

	/**
	 * Creates an enrolment (no `ifMatch`) or replaces one.
	 *
	 * @throws IotHubError EnrollmentConflict, EnrollmentNotFound, PreconditionFailed, ArgumentInvalid
	 */
	put(id: string, body: unknown, ifMatch?: string): Enrollment {
		const current = this.find(id);
		const wanted = enrollmentBodyFrom(id, body, current);
		if (current !== undefined && ifMatch === undefined) {
			throw new IotHubError('EnrollmentConflict', `An enrollment ${id} already exists.`);
		}
		if (ifMatch !== undefined) requireMatch(ifMatch, this.get(id).etag);
		const now = new Date(this.#clock.now()).toISOString();
		const enrollment: Enrollment = {
			...wanted,
			createdDateTimeUtc: current?.createdDateTimeUtc ?? now,
			lastUpdatedDateTimeUtc: now,
			etag: newEtag(),
		};
		this.#stored.set(idKey(id), enrollment);
		return enrollment;
	}

	/** @throws IotHubError EnrollmentNotFound, PreconditionFailed */
	delete(id: string, ifMatch?: string): void {
		requireMatch(ifMatch, this.get(id).etag);
		this.#stored.delete(idKey(id));
	}
}
