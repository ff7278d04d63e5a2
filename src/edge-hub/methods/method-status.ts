import type { MethodResponse } from '../../protocol/direct-method.ts';
import { EdgeError, messageOf } from '../../runtime/edge-error.ts';

/** What a caller is told when a method call fails: 404, 504, or 500 with a message. */
export function failedMethodResponse(error: unknown): MethodResponse {
	const code = error instanceof EdgeError ? error.code : undefined;
	const payload = { message: messageOf(error) };
	if (code === 'EDGE_METHOD_TARGET_ABSENT') return { status: 404, payload };
	if (code === 'EDGE_METHOD_UNANSWERED') return { status: 504, payload };
	if (code === 'EDGE_METHOD_INVALID') return { status: 400, payload };
	return { status: 500, payload };
}
