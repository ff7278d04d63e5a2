import { flag, optionalText, type SettingsTable, text } from '../../runtime/settings.ts';

const folder = '/etc/iotedge-k8s/device';

/** How the edge device comes to its identity in IoT Hub. Files are read again while the agent runs. */
export const provisioningSettings = {
	connectionString: {
		env: 'IOTEDGE_CONNECTION_STRING',
		default: '',
		description: 'Connection string of the IoT Edge device.',
		secret: true,
		parse: optionalText,
	},
	connectionStringFile: {
		env: 'IOTEDGE_CONNECTION_STRING_FILE',
		default: `${folder}/connectionString`,
		description:
			'File with the connection string, read when `IOTEDGE_CONNECTION_STRING` is absent. With `x509=true` in the place of a key the device shows its certificate.',
		parse: text,
	},
	deviceCertificateFile: {
		env: 'DEVICE_CERTIFICATE_FILE',
		default: `${folder}/tls.crt`,
		description:
			'PEM file with the certificate of the device, and those that lead to its authority.',
		parse: text,
	},
	devicePrivateKeyFile: {
		env: 'DEVICE_PRIVATE_KEY_FILE',
		default: `${folder}/tls.key`,
		description: 'PEM file with the key of that certificate.',
		parse: text,
	},
	idScope: {
		env: 'DPS_ID_SCOPE',
		default: '',
		description:
			'ID scope of the device provisioning service (DPS). Where it is set, the device is registered there, and there is no connection string.',
		parse: optionalText,
	},
	registrationId: {
		env: 'DPS_REGISTRATION_ID',
		default: '',
		description: 'Registration id. Absent: the common name of the certificate.',
		parse: optionalText,
	},
	symmetricKeyFile: {
		env: 'DPS_SYMMETRIC_KEY_FILE',
		default: `${folder}/symmetricKey`,
		description: 'File with the key of an individual enrolment.',
		parse: text,
	},
	groupKeyFile: {
		env: 'DPS_GROUP_KEY_FILE',
		default: `${folder}/enrollmentGroupKey`,
		description:
			'File with the key of an enrolment group, from which the device’s own is derived. For a lab: whoever has it can be every device of the group.',
		parse: text,
	},
	payloadFile: {
		env: 'DPS_PAYLOAD_FILE',
		default: `${folder}/payload.json`,
		description: 'JSON file that goes with the registration, for custom allocation policies.',
		parse: text,
	},
	dpsEndpoint: {
		env: 'DPS_ENDPOINT',
		default: 'global.azure-devices-provisioning.net',
		description: 'Host name of the service.',
		parse: text,
	},
	registerAtStart: {
		env: 'AlwaysReprovisionOnStartup',
		default: 'true',
		description:
			'Whether the agent asks DPS at each start whether the device has moved. It does so while everything runs; without DPS the last answer holds.',
		parse: flag,
	},
} as const satisfies SettingsTable;
