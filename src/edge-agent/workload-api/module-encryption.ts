import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { EdgeError } from '../../runtime/edge-error.ts';
import type { ModuleIdentity } from '../identities/module-identities.ts';

const version = 1;
const nonceLength = 12;
const tagLength = 16;
const headerLength = 1 + nonceLength + tagLength;

/**
 * Encrypts for one module, with a key that only that generation of that module can use: AES-256-GCM,
 * authenticated together with the caller's initialization vector. Nonces are ours, since callers
 * were seen to use one vector for everything.
 */
export function encryptForModule(
	masterKey: Uint8Array,
	module: ModuleIdentity,
	plaintext: Uint8Array,
	initializationVector: Uint8Array,
): Buffer {
	const nonce = randomBytes(nonceLength);
	const cipher = createCipheriv('aes-256-gcm', keyOf(masterKey, module), nonce);
	cipher.setAAD(initializationVector);
	const encrypted = Buffer.concat([cipher.update(plaintext), cipher.final()]);
	return Buffer.concat([Buffer.of(version), nonce, cipher.getAuthTag(), encrypted]);
}

/** @throws EdgeError EDGE_WORKLOAD_REQUEST_INVALID for what was not encrypted for this module with this vector. */
export function decryptForModule(
	masterKey: Uint8Array,
	module: ModuleIdentity,
	ciphertext: Uint8Array,
	initializationVector: Uint8Array,
): Buffer {
	if (ciphertext[0] !== version || ciphertext.length < headerLength) throw undecipherable();
	const nonce = ciphertext.subarray(1, 1 + nonceLength);
	const tag = ciphertext.subarray(1 + nonceLength, headerLength);
	const decipher = createDecipheriv('aes-256-gcm', keyOf(masterKey, module), nonce);
	decipher.setAAD(initializationVector);
	decipher.setAuthTag(tag);
	try {
		return Buffer.concat([decipher.update(ciphertext.subarray(headerLength)), decipher.final()]);
	} catch (cause) {
		throw undecipherable(cause);
	}
}

function keyOf(masterKey: Uint8Array, { moduleId, generationId }: ModuleIdentity): Buffer {
	return Buffer.from(hkdfSync('sha256', masterKey, '', `${moduleId}:${generationId}:encrypt`, 32));
}

function undecipherable(cause?: unknown): EdgeError {
	return new EdgeError(
		'EDGE_WORKLOAD_REQUEST_INVALID',
		'The ciphertext was not made for this module with this initialization vector.',
		{ cause },
	);
}
