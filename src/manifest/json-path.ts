const plainMember = /^[A-Za-z_$][\w$-]*$/;

/** The path of a member: `$.modules.filter`, `$.$edgeAgent["properties.desired"]`. */
export function memberPath(path: string, name: string): string {
	return plainMember.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
}

/** The path of an array's item: `$.Env[2]`. */
export function itemPath(path: string, index: number): string {
	return `${path}[${index}]`;
}

/** Appends a JSON pointer (RFC 6901), as ajv gives them: `/modules/filter/env`. */
export function pointerPath(path: string, pointer: string): string {
	const names = pointer.split('/').slice(1);
	const decoded = names.map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
	return decoded.reduce(memberPath, path);
}
