/** A device, or a module of a device. */
export interface Identity {
	readonly deviceId: string;
	readonly moduleId?: string;
}

/** `edge1`, or `edge1/filter`: the key of an identity in maps, logs, metrics and MQTT client ids. */
export function identityKey(identity: Identity): string {
	const { deviceId, moduleId } = identity;
	return moduleId === undefined ? deviceId : `${deviceId}/${moduleId}`;
}

/** The reverse of `identityKey`. Neither id can contain a slash. */
export function parseIdentityKey(key: string): Identity {
	const slash = key.indexOf('/');
	if (slash < 0) return { deviceId: key };
	return { deviceId: key.slice(0, slash), moduleId: key.slice(slash + 1) };
}

export function sameIdentity(a: Identity, b: Identity): boolean {
	return a.deviceId === b.deviceId && a.moduleId === b.moduleId;
}

/**
 * Whether a text is a device or module id: 1 to 128 ASCII letters, digits and the characters
 * `- . _ + % # * ? ! ( ) , : = @ $ '` (IoT Hub documentation, "Device identity properties").
 */
export function isValidId(text: string): boolean {
	return /^[A-Za-z0-9\-._+%#*?!(),:=@$']{1,128}$/.test(text);
}
