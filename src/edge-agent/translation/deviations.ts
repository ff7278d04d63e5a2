/** A place where this translation differs from that of Microsoft's discontinued Kubernetes preview. */
export interface Deviation {
	/** What it is about: an option, an object, a rule. */
	readonly subject: string;
	readonly preview: string;
	readonly here: string;
	readonly reason: string;
}

/** Every deliberate difference; the documentation lists them for who moves from the preview. */
export const deviations: readonly Deviation[] = [
	{
		subject: 'Module names',
		preview: 'Characters were dropped; names that clashed or broke a limit failed the deployment.',
		here: 'Names that lose characters, clash or are too long end with a hash of the module id; `m-` goes before one that begins with a digit.',
		reason:
			'No name of a module may stop the others, no two modules may share objects, and a Service begins with a letter.',
	},
	{
		subject: 'Device ids as labels',
		preview:
			'Ids too long or without a letter or digit failed the deployment; the daemon cut them to 63 characters for its own objects.',
		here: 'Their label ends with a hash of the id.',
		reason: 'IoT Hub allows ids of 128 characters and many signs.',
	},
	{
		subject: 'createOptions whose chunks do not fit',
		preview: 'Failed the deployment with a number: `expected empty field number but found "00"`.',
		here: 'Refused with the path of the module and the names: `expected "createOptions", found "createOptions00"`.',
		reason: 'Numbers alone do not say which member of which module to correct.',
	},
	{
		subject: 'createOptions that are JSON only as .NET reads it',
		preview: 'Read without a word.',
		here: 'Read, with a warning that names the first place.',
		reason: 'Few other tools read single quotes or names without quotes.',
	},
	{
		subject: 'Text of a write that the API server refused',
		preview: 'Verb, address and the client’s exception: `PUT [http://…](…)`.',
		here: 'A sentence with the object, the reason of the API server and a code of errors.md.',
		reason: 'The address of a request does not tell what to do.',
	},
	{
		subject: 'Pull secret names',
		preview: 'Characters were dropped; numeric or long user names failed.',
		here: 'Names that lose characters or break a rule end with a hash of user and registry.',
		reason: 'Service principals have numeric names, and no two credentials may share a Secret.',
	},
	{
		subject: 'Images of Docker Hub without a user, such as `redis`',
		preview: 'Pulled without credentials.',
		here: 'Pulled with those for Docker Hub, where the deployment has some.',
		reason: 'Docker Hub limits anonymous pulls.',
	},
	{
		subject: 'Images with `http://` before their registry',
		preview: 'Passed on, and never pulled.',
		here: 'Refused as no name of an image.',
		reason: 'An early answer with a path helps more than a late one.',
	},
	{
		subject: 'Labels that are no annotation keys',
		preview: 'Failed the deployment.',
		here: 'Left out, with a warning.',
		reason: 'A label is not worth a module.',
	},
	{
		subject: 'restartPolicy',
		preview: 'Ignored: every module was a Deployment.',
		here: '`on-failure` and `never` become Jobs.',
		reason: 'A module that may end should not be started again for ever.',
	},
	{
		subject: 'Restarts of a module that ends',
		preview:
			'By the kubelet. Azure IoT Edge on Docker doubles a pause of 10 seconds up to 5 minutes, and fails the module after 20 restarts.',
		here: 'By the kubelet, with the same pauses: a Deployment for ever, a Job 20 times. `MaxRestartCount`, `CoolOffTimeUnitInSeconds` and `IntensiveCareTimeInMinutes` have no effect.',
		reason: 'What a module waited for may come back after a week.',
	},
	{
		subject: 'imagePullPolicy',
		preview: 'Ignored.',
		here: '`on-create` becomes IfNotPresent, `never` becomes Never.',
		reason: 'Modules must start without the cloud.',
	},
	{
		subject: 'Environment: `env` and createOptions.Env with the same name',
		preview: 'createOptions.Env won, and both were in the list.',
		here: '`env` wins, and each name occurs once.',
		reason: 'So do Docker devices, and server-side apply takes no name twice.',
	},
	{
		subject: '`$(NAME)` and `$$` in variables, commands and arguments',
		preview: 'Expanded by Kubernetes.',
		here: 'Escaped, and so left as written.',
		reason: 'Docker does not expand them; passwords contain them.',
	},
	{
		subject: 'Environment names with `:`',
		preview: 'Rejected by Kubernetes.',
		here: 'Set with `__` in its place.',
		reason: '.NET configuration reads both alike.',
	},
	{
		subject: 'Service environment variables',
		preview: 'Kubernetes injected `<SERVICE>_PORT` and the like.',
		here: 'enableServiceLinks is false.',
		reason: 'A module called redis would get a REDIS_PORT that its image misreads.',
	},
	{
		subject: 'Security context',
		preview: 'None by default; user 1000 by setting.',
		here: 'The Pod Security level `restricted`, user 1000; root only with `runAsNonRoot: false`.',
		reason: 'A manifest comes from outside the cluster.',
	},
	{
		subject: 'Privileged, host namespaces, host paths, capabilities, root in securityContext',
		preview: 'Granted to every manifest.',
		here: 'Refused for that module unless the operator allows it.',
		reason: 'A manifest comes from outside the cluster.',
	},
	{
		subject: 'IpcMode, PidMode and NetworkMode `container:…`',
		preview: 'Ignored.',
		here: 'The module is refused.',
		reason: 'It would run without what it was built for.',
	},
	{
		subject: 'Ports of equal number',
		preview: 'TCP and UDP of one number, or two host ports of one container port, clashed.',
		here: 'Both are kept; a second name carries the host port.',
		reason: 'Services tell ports apart by number and protocol.',
	},
	{
		subject: 'Bound ports within the cluster',
		preview: 'Peers reached a bound port under the host’s number alone.',
		here: 'A ClusterIP Service offers the container’s number as well.',
		reason: 'Modules on a Docker network use the container’s number.',
	},
	{
		subject: 'Mounts of type volume: claims',
		preview: 'Made only with a storage class set; ReadWriteMany, or ReadOnlyMany for `ReadOnly`.',
		here: 'Always made, of the default class and ReadWriteOnce unless set; `ReadOnly` is the mount’s.',
		reason: 'Most classes know no ReadWriteMany, and an empty read-only claim is of no use.',
	},
	{
		subject: 'Static volumes (shares)',
		preview: 'Claim with volumeName and the configured class.',
		here: 'Claim with volumeName and the class `""`.',
		reason: 'A class would let a provisioner take the claim before it binds.',
	},
	{
		subject: 'Removed volumes',
		preview: 'Claims were deleted with the module.',
		here: 'Kept unless told otherwise, and without an owner.',
		reason: 'Data is not worth less than a deployment.',
	},
	{
		subject: 'A volume mount without Source',
		preview: 'Failed the deployment.',
		here: 'An anonymous volume, as in Docker: it lives as long as the pod.',
		reason: 'Docker allows it.',
	},
	{
		subject: 'A volume of the extension with the name of a translated one',
		preview: 'Two volumes of one name, which the API rejects.',
		here: 'The translated one is renamed.',
		reason: 'The names of translated volumes are nobody’s business.',
	},
	{
		subject: 'Volumes and mounts of the extension with different or invalid names',
		preview: 'Passed on, and rejected by the API.',
		here: 'The module is refused with the reason.',
		reason: 'An early answer with a path helps more than a late one.',
	},
	{
		subject: 'Modules that cannot be translated (Cmd as an object, a mount without Target)',
		preview: 'Failed the deployment.',
		here: 'Left out with their reasons; the others run.',
		reason: 'The fault of one module should not stop the others.',
	},
	{
		subject: 'Cmd and Entrypoint as a string',
		preview: 'Failed the deployment.',
		here: 'A list of that one word, as Docker reads it.',
		reason: 'The same manifest runs on a Docker device.',
	},
	{
		subject: 'Members of k8s-experimental in a wrong form',
		preview: 'Ignored, the whole section where it was no object.',
		here: 'The module is refused with the reason; an empty string counts as absent.',
		reason: 'A module without the volume or the GPU that it asked for fails later and in riddles.',
	},
	{
		subject: 'securityContext of the extension',
		preview: 'Took the place of the default context.',
		here: 'Laid over it, field by field.',
		reason: 'Setting a group should not make a module root.',
	},
	{
		subject: 'serviceOptions that the type of Service does not take',
		preview: 'Passed on, and rejected by the API.',
		here: 'Left out, with a warning.',
		reason: 'A module is better off with its Service than without.',
	},
	{
		subject: 'Services of type NodePort',
		preview: 'Nodes chose the port.',
		here: 'They open the host port where it is one from 30000 to 32767.',
		reason: 'Whoever binds such a port wants to find the module there.',
	},
	{
		subject: 'Two container ports on one host port',
		preview: 'The last one won.',
		here: 'The first one stays, with a warning.',
		reason: 'Docker refuses the second one.',
	},
	{
		subject: 'settings.digest',
		preview: 'Ignored.',
		here: 'The image is pinned to it.',
		reason: 'What is pulled is what was tested.',
	},
	{
		subject: 'Strategy',
		preview: 'Only as the extension said; exclusive claims and GPUs blocked updates.',
		here: 'Recreate where a second pod cannot start beside the first.',
		reason: 'Nobody should have to know.',
	},
	{
		subject: 'Options without translation (Healthcheck, Memory, Tmpfs, User, ShmSize and others)',
		preview: 'Ignored without a word.',
		here: 'Translated, or reported by the table of createOptions.',
		reason: 'What is dropped in silence is found in production.',
	},
	{
		subject: 'Edge hub',
		preview: 'Microsoft’s image.',
		here: 'This program, whatever image the manifest names; storage on a claim of its own.',
		reason: 'The hub is part of this runtime.',
	},
	{
		subject: 'Edge agent in the manifest',
		preview: 'Its options were translated, its image was not.',
		here: 'Neither has an effect, with a warning: the agent is what the chart installed.',
		reason: 'A deployment should not be able to end what repairs it.',
	},
	{
		subject: 'Objects of somebody else under a name that a module needs',
		preview: 'Replaced; Secrets for pulling images were taken over.',
		here: 'Left alone and reported; the module waits until they are gone. A claim is used as it is.',
		reason: 'A manifest from outside must not be able to change what others have made.',
	},
	{
		subject: 'Callers of the workload API',
		preview:
			'Known by the name of the ServiceAccount of any token, from whatever namespace, or anonymous.',
		here: 'Known by the address of their pod, or by a token that is bound to it; only pods of the namespace.',
		reason: 'SDKs send no token, and a namesake elsewhere must not be able to sign for a module.',
	},
	{
		subject: 'Copy of the last good deployment',
		preview: 'A Secret that belonged to the daemon’s Deployment, and was gone with it.',
		here: 'In the state Secret of the device, which nothing owns.',
		reason: 'The edge must start without the cloud, also after it was installed anew.',
	},
	{
		subject: 'Platform in the reported properties',
		preview:
			'`Kubernetes`, and how many nodes there are of each architecture where the daemon could list them.',
		here: 'Operating system and architecture of the agent’s node, and the version of Kubernetes.',
		reason: 'Nodes are not in the namespace; IoT Hub’s queries compare plain names.',
	},
	{
		subject: 'A device that IoT Hub refuses',
		preview:
			'Provisioned again at once when it was disabled or its credential refused, as told by AMQP.',
		here: 'Provisioned again after two minutes of refusals, on whatever protocol; then with growing pauses.',
		reason: 'IoT Hub refuses for a moment while keys are rolled, and DPS limits registrations.',
	},
	{
		subject: 'Proxy side-car, iotedged, EdgeDeployment objects, creationstring annotations',
		preview: 'Part of every module, device and object.',
		here: 'None of them is needed: modules call the agent, server-side apply finds differences. A sidecar and EdgeDeployment objects are there for who asks for them.',
		reason: 'Each was a cause of failures of the preview.',
	},
];
