/** How Kubernetes names the binary form of OpenAPI 2. */
export const binaryOpenApiType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/** Whether a client takes nothing but the binary form. */
export function wantsBinaryOpenApi(accept: string): boolean {
	const ranges = accept.split(',');
	return ranges.every((range) => range.includes('application/com.github.proto-openapi.spec.v2'));
}

/**
 * An OpenAPI 2 document without definitions. kubectl asks for this form where it does not find a
 * kind in OpenAPI 3, and then checks nothing by itself: the server does.
 */
export const binaryOpenApi = Buffer.concat([
	field(1, Buffer.from('2.0')),
	field(2, Buffer.concat([field(1, Buffer.from('Kubernetes')), field(2, Buffer.from('v1'))])),
	field(8, Buffer.alloc(0)),
	field(9, Buffer.alloc(0)),
]);

/** A field of a Protobuf message, of less than 128 bytes. */
function field(number: number, content: Buffer): Buffer {
	return Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);
}
