import { createHmac } from 'node:crypto';
import type { SymmetricKeys } from '../../iot-hub-client/iot-hub-rest.ts';

/**
 * The keys of a module, derived so that one key is enough to keep: HMAC-SHA256 of
 * `{moduleId}:{generationId}:primary` and `…:secondary`. Source: Azure/iot-identity-service,
 * "aziot-identityd".
 */
export function deriveModuleKeys(
	masterKey: Uint8Array,
	moduleId: string,
	generationId: string,
): SymmetricKeys {
	const derive = (which: string) =>
		createHmac('sha256', masterKey).update(`${moduleId}:${generationId}:${which}`).digest('base64');
	return { primaryKey: derive('primary'), secondaryKey: derive('secondary') };
}
