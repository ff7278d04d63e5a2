import type { JsonObject } from '../../src/runtime/json.ts';

/** Objects that no API server takes: a pod's fields in a Deployment, or others whole. */
export const refusedObjects: Readonly<Record<string, JsonObject>> = {
	'four nameservers': pod({
		dnsConfig: { nameservers: ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'] },
	}),
	'a nameserver that is no address': pod({ dnsConfig: { nameservers: ['dns'] } }),
	'a host alias that is no name': pod({ hostAliases: [{ ip: '192.0.2.1', hostnames: ['a_b'] }] }),
	'a host alias that is no address': pod({ hostAliases: [{ ip: 'here', hostnames: ['a'] }] }),
	'a kernel setting of the host’s network': pod({
		hostNetwork: true,
		securityContext: { sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }] },
	}),
	'two process namespaces': pod({ hostPID: true, shareProcessNamespace: true }),
	'a restart policy of Jobs': pod({ restartPolicy: 'Never' }),
	'a host name that is none': pod({ hostname: 'A_b' }),
	'a user beyond the last': pod({ securityContext: { runAsUser: 4294967295 } }),
	'a request above the limit': container({
		resources: { limits: { cpu: '1' }, requests: { cpu: '2' } },
	}),
	'an extended resource in halves': container({
		resources: { limits: { 'example.com/a': '500m' } },
	}),
	'a probe without a way to ask': container({ livenessProbe: { periodSeconds: 5 } }),
	'a probe with two ways to ask': container({
		livenessProbe: { exec: { command: ['a'] }, tcpSocket: { port: 80 } },
	}),
	'a probe that gives up before it begins': container({
		livenessProbe: { exec: { command: ['a'] }, failureThreshold: -1 },
	}),
	'a mount for the host without privilege': mount({ mountPropagation: 'Bidirectional' }),
	'a mount outside of its volume': mount({ subPath: '../a' }),
	'a mount of no volume': container({ volumeMounts: [{ name: 'other', mountPath: '/v' }] }),
	'privilege without escalation': container({
		securityContext: { privileged: true, allowPrivilegeEscalation: false },
	}),
	'a variable without a name': container({ env: [{ name: '', value: '1' }] }),
	'a variable of two sources': container({
		env: [{ name: 'A', value: '1', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
	}),
	'a port beyond the last': container({ ports: [{ containerPort: 65536 }] }),
	'no image': container({ image: '' }),
	'an unknown field': container({ imagePolicy: 'Always' }),
	'a field of another type': container({ command: 'ls' }),
	'a negative number of replicas': {
		...deployment(),
		spec: { ...deployment().spec, replicas: -1 },
	},
	'a selector that selects nothing': {
		...deployment(),
		spec: { ...deployment().spec, selector: { matchLabels: { other: 'a' } } },
	},
	'a label that is none': {
		...deployment(),
		metadata: { name: 'a', labels: { a: 'not a label' } },
	},
	'a name that is none': { ...deployment(), metadata: { name: 'A_b' } },
	'a claim of nothing': {
		apiVersion: 'v1',
		kind: 'PersistentVolumeClaim',
		metadata: { name: 'a' },
		spec: { accessModes: ['ReadWriteOnce'], resources: { requests: {} } },
	},
	'a claim without modes': {
		apiVersion: 'v1',
		kind: 'PersistentVolumeClaim',
		metadata: { name: 'a' },
		spec: { resources: { requests: { storage: '1Gi' } } },
	},
	'a Service with two ports without names': service({ ports: [{ port: 80 }, { port: 81 }] }),
	'a Service without ports': service({}),
	'a Service whose traffic policy has no use': service({
		ports: [{ port: 80 }],
		externalTrafficPolicy: 'Local',
	}),
	'a budget of both kinds': {
		apiVersion: 'policy/v1',
		kind: 'PodDisruptionBudget',
		metadata: { name: 'a' },
		spec: { minAvailable: 1, maxUnavailable: 1, selector: { matchLabels: { app: 'a' } } },
	},
	'an autoscaler with fewer at most than at least': {
		apiVersion: 'autoscaling/v2',
		kind: 'HorizontalPodAutoscaler',
		metadata: { name: 'a' },
		spec: {
			scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'a' },
			minReplicas: 3,
			maxReplicas: 2,
		},
	},
	'a pull secret that is none': {
		apiVersion: 'v1',
		kind: 'Secret',
		metadata: { name: 'a' },
		type: 'kubernetes.io/dockerconfigjson',
		data: { '.dockerconfigjson': Buffer.from('none').toString('base64') },
	},
	'an empty rule of a network policy’s port': {
		apiVersion: 'networking.k8s.io/v1',
		kind: 'NetworkPolicy',
		metadata: { name: 'a' },
		spec: { podSelector: {}, ingress: [{ ports: [{ port: 65536 }] }] },
	},
};

function deployment(fields: JsonObject = {}, containerFields: JsonObject = {}) {
	const labels = { app: 'a' };
	const container = { name: 'a', image: 'a:1', ...containerFields };
	return {
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name: 'a' },
		spec: {
			selector: { matchLabels: labels },
			template: { metadata: { labels }, spec: { containers: [container], ...fields } },
		},
	};
}

function pod(fields: JsonObject): JsonObject {
	return deployment(fields);
}

function container(fields: JsonObject): JsonObject {
	return deployment({}, fields);
}

function mount(fields: JsonObject): JsonObject {
	const volumeMounts = [{ name: 'v', mountPath: '/v', ...fields }];
	return deployment({ volumes: [{ name: 'v', emptyDir: {} }] }, { volumeMounts });
}

function service(spec: JsonObject): JsonObject {
	return { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec };
}
