import type { JsonObject } from '../../runtime/json.ts';

/** What became of a device's registration. */
export interface Registration {
	readonly registrationId: string;
	/** The group that the device belongs to. */
	readonly enrollmentGroupId?: string;
	readonly deviceId?: string;
	readonly assignedHub?: string;
	readonly status: 'assigned' | 'disabled';
	readonly substatus?: 'initialAssignment' | 'deviceDataMigrated' | 'deviceDataReset';
	/** ISO 8601. */
	readonly createdDateTimeUtc: string;
	readonly lastUpdatedDateTimeUtc: string;
	readonly etag: string;
}

/** A registration as devices and services read it. */
export function registrationDocument(registration: Registration): JsonObject {
	const { enrollmentGroupId, ...rest } = registration;
	return {
		...rest,
		...(enrollmentGroupId === undefined ? {} : { symmetricKey: { enrollmentGroupId } }),
	};
}
