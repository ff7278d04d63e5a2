import { identityKey } from '../../protocol/identity.ts';
import type { JsonObject } from '../../runtime/json.ts';
import { enrollmentDocument } from '../provisioning/enrollment-document.ts';
import type { Enrollments } from '../provisioning/enrollments.ts';
import { type Registration, registrationDocument } from '../provisioning/registration.ts';
import { hubTwinDocument, type TwinSources } from '../twin/hub-twin-document.ts';
import type { Collection } from './query-syntax.ts';
import type { KeyedRow } from './run-query.ts';

/** Parts of the hub that queries read from. */
export interface QuerySources extends TwinSources {
	readonly jobs: { readonly queryRows: () => Iterable<KeyedRow> };
	readonly provisioning: {
		readonly individuals: Enrollments;
		readonly groups: Enrollments;
		readonly registrations: () => Iterable<Registration>;
	};
}

/** The rows of what a query reads from, in order of their keys; made as they are read. */
export function queryRows(hub: QuerySources, from: Collection): Iterable<KeyedRow> {
	switch (from) {
		case 'devices':
			return deviceRows(hub);
		case 'devices.modules':
			return moduleRows(hub);
		case 'devices.jobs':
			return hub.jobs.queryRows();
		case 'enrollments':
			return enrollmentRows(hub.provisioning.individuals, 'registrationId');
		case 'enrollmentgroups':
			return enrollmentRows(hub.provisioning.groups, 'enrollmentGroupId');
		case 'deviceregistrationstates':
			return registrationRows(hub.provisioning.registrations());
	}
}

/** Registrations as rows of a query. */
export function* registrationRows(registrations: Iterable<Registration>): Generator<KeyedRow> {
	for (const registration of registrations) {
		yield [registration.registrationId, registrationDocument(registration)];
	}
}

function* enrollmentRows(
	enrollments: Enrollments,
	idName: 'registrationId' | 'enrollmentGroupId',
): Generator<KeyedRow> {
	for (const enrollment of enrollments.list()) {
		yield [enrollment.id, enrollmentDocument(enrollment, idName)];
	}
}

function* deviceRows(hub: QuerySources): Generator<KeyedRow> {
	for (const { deviceId } of hub.registry.devices()) {
		yield [deviceId, hubTwinDocument(hub, { deviceId })];
	}
}

function* moduleRows(hub: QuerySources): Generator<KeyedRow> {
	for (const { deviceId, moduleId } of hub.registry.allModules()) {
		const identity = { deviceId, moduleId };
		yield [identityKey(identity), hubTwinDocument(hub, identity) satisfies JsonObject];
	}
}
