import { objectAt } from '../json-reading.ts';
import { type FieldFault, invalidValue, required } from '../status-error.ts';
import type { NameForm } from './kind-rules.ts';

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const qualifiedName = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const portName = /^(?=.*[a-z])[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

const labelRule = `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`;
const subdomainRule = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`;

/** A name that is an RFC 1123 label. */
export function labelFaults(field: string, name: string): FieldFault[] {
	if (name === '') return [required(field)];
	if (name.length > 63) return [invalidValue(field, name, 'must be no more than 63 characters')];
	return label.test(name) ? [] : [invalidValue(field, name, labelRule)];
}

/** A name that is an RFC 1123 subdomain. */
export function subdomainFaults(field: string, name: string): FieldFault[] {
	if (name === '') return [required(field)];
	if (name.length > 253) return [invalidValue(field, name, 'must be no more than 253 characters')];
	return subdomain.test(name) ? [] : [invalidValue(field, name, subdomainRule)];
}

/** An object's own name. */
export function objectNameFaults(field: string, name: string, form: NameForm): FieldFault[] {
	if (form === 'label') return labelFaults(field, name);
	if (form === 'subdomain') return subdomainFaults(field, name);
	if (name === '') return [required(field)];
	const usable = name !== '.' && name !== '..' && !/[/%]/.test(name);
	return usable ? [] : [invalidValue(field, name, `may not be '.', '..' or contain '/' or '%'`)];
}

/** The name of a port: at most 15 characters, one of them a letter. */
export function portNameFaults(field: string, name: string): FieldFault[] {
	const usable = name.length <= 15 && portName.test(name) && !name.includes('--');
	if (usable) return [];
	const why =
		'must be at most 15 lower case alphanumeric characters or single dashes, with at least one letter';
	return [invalidValue(field, name, why)];
}

/** The keys and values of labels. */
export function labelsFaults(field: string, labels: object): FieldFault[] {
	const faults = Object.keys(labels).flatMap((key) => keyFaults(field, key));
	for (const value of Object.values(labels).map(String)) {
		if (value.length > 63) {
			faults.push(invalidValue(field, value, 'must be no more than 63 characters'));
		} else if (!labelValue.test(value)) {
			const why = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`;
			faults.push(invalidValue(field, value, why));
		}
	}
	return faults;
}

/** The keys of annotations, and their size: 256 KiB in all. */
export function annotationsFaults(field: string, annotations: object): FieldFault[] {
	const faults = Object.keys(annotations).flatMap((key) => keyFaults(field, key.toLowerCase()));
	const size = Object.entries(annotations).reduce(
		(sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(String(value)),
		0,
	);
	if (size > 256 * 1024) {
		const message = 'Too long: may not be more than 262144 bytes';
		faults.push({ reason: 'FieldValueTooLong', field, message });
	}
	return faults;
}

function keyFaults(field: string, key: string): FieldFault[] {
	const parts = key.split('/');
	const name = parts.at(-1) ?? '';
	const prefix = parts.length === 2 ? parts[0] : undefined;
	const usable =
		parts.length <= 2 &&
		name.length <= 63 &&
		qualifiedName.test(name) &&
		(prefix === undefined || (prefix.length <= 253 && subdomain.test(prefix)));
	if (usable) return [];
	const why = `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`;
	return [invalidValue(field, key, why)];
}

/** Name, labels and annotations of any object. */
export function metadataFaults(metadata: unknown, name: string, form: NameForm): FieldFault[] {
	return [
		...objectNameFaults('metadata.name', name, form),
		...labelsFaults('metadata.labels', objectAt(metadata, 'labels')),
		...annotationsFaults('metadata.annotations', objectAt(metadata, 'annotations')),
	];
}
