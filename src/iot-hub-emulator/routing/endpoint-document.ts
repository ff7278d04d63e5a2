import { isJsonObject, jsonText } from '../../runtime/json.ts';
import { eventHubName } from '../event-hubs/event-hub-name.ts';
import { listAt, type Misfits } from './misfits.ts';

/** Name of the endpoint that every hub has. */
export const builtInEndpoint = 'events';

/**
 * An event hub of one's own. Here it is on the hub itself: readers connect as to the built-in
 * endpoint, with the endpoint's name as `EntityPath`.
 */
export interface EventHubEndpointDocument {
	readonly name: string;
}

const maxEndpoints = 10;
const endpointName = /^[A-Za-z0-9._-]{1,64}$/;
/** Names of Azure's own endpoints, and first parts of other addresses of the hub. */
const reserved = [
	...[builtInEndpoint, 'operationsMonitoringEvents', 'fileNotifications', '$default'],
	...[eventHubName, 'devices', 'messages'],
];

/** Endpoints of other kinds than event hubs are refused where there are any. */
export function readEndpoints(value: unknown, misfits: Misfits): EventHubEndpointDocument[] {
	if (value === undefined || value === null) return [];
	if (!isJsonObject(value)) {
		misfits.add('endpoints', 'is not an object');
		return [];
	}
	for (const [kind, list] of Object.entries(value)) {
		if (kind === 'eventHubs' || !Array.isArray(list) || list.length === 0) continue;
		misfits.add(`endpoints.${kind}`, 'is not served here, only eventHubs are');
	}
	const endpoints = listAt(value, 'eventHubs', maxEndpoints, misfits).map((entry, index) => {
		const name = isJsonObject(entry) ? jsonText(entry['name'] ?? '') : '';
		const isReserved = reserved.some((one) => one.toLowerCase() === name.toLowerCase());
		if (isReserved || !endpointName.test(name)) {
			const rule = `is not 1 to 64 letters, digits, dots, dashes or underscores, or is reserved`;
			misfits.add(`endpoints.eventHubs[${index}].name`, rule);
		}
		return { name };
	});
	misfits.requireUnique('endpoints.eventHubs', endpoints);
	return endpoints;
}
