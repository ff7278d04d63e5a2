/**
 * Registers a device over HTTPS with the unmodified provisioning SDK, in a process of its own: the
 * preload that lets it use a host name with a port is for whole processes. Prints the result as JSON.
 */

import provisioning from 'azure-iot-provisioning-device';
import { Http } from 'azure-iot-provisioning-device-http';
import { SymmetricKeySecurityClient } from 'azure-iot-security-symmetric-key';

const [host = '', idScope = '', registrationId = '', key = ''] = process.argv.slice(2);
const client = provisioning.ProvisioningDeviceClient.create(
	host,
	idScope,
	new Http(),
	new SymmetricKeySecurityClient(registrationId, key) as never,
);
process.stdout.write(JSON.stringify(await client.register()));
process.exit();
