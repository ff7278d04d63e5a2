/**
 * JSON schema of `$edgeAgent`'s desired properties, schema versions 1.0 and 1.1, after nulls were
 * dropped and members got their canonical spelling (see `canonical-members.ts`). Written from the
 * documentation of Azure IoT Edge and from what its agent accepts: wider than the published
 * schemas, because strings stand for numbers in many a manifest. createOptions and env are read by
 * `create-options-text.ts` and `module-environment.ts`.
 */
const moduleMembers = {
	type: { const: 'docker' },
	status: { enum: ['running', 'stopped'] },
	restartPolicy: { enum: ['never', 'on-failure', 'on-unhealthy', 'always'] },
	imagePullPolicy: { enum: ['on-create', 'never'] },
	version: { type: 'string' },
	startupOrder: { type: 'integer', minimum: 0, maximum: 4294967295 },
	env: { type: 'object' },
	settings: {
		type: 'object',
		properties: { image: { type: 'string' }, digest: { type: 'string' }, createOptions: {} },
		patternProperties: { '^[cC][rR][eE][aA][tT][eE][oO][pP][tT][iI][oO][nN][sS]\\d+$': {} },
		additionalProperties: false,
		required: ['image'],
	},
} as const;

const module = {
	type: 'object',
	properties: moduleMembers,
	additionalProperties: false,
	required: ['type', 'settings'],
} as const;

const credential = {
	type: 'object',
	properties: {
		address: { type: 'string' },
		username: { type: 'string' },
		password: { type: 'string' },
	},
	additionalProperties: false,
} as const;

export const deploymentSchema = {
	type: 'object',
	properties: {
		schemaVersion: { type: 'string' },
		runtime: {
			type: 'object',
			properties: {
				type: { const: 'docker' },
				settings: {
					type: 'object',
					properties: {
						minDockerVersion: { type: 'string' },
						loggingOptions: { type: 'string' },
						registryCredentials: { type: 'object', additionalProperties: credential },
					},
					additionalProperties: false,
				},
			},
			additionalProperties: false,
		},
		systemModules: {
			type: 'object',
			properties: { edgeAgent: module, edgeHub: module },
			additionalProperties: false,
		},
		modules: { type: 'object', additionalProperties: module },
		integrity: { type: 'object' },
	},
	additionalProperties: false,
} as const;
