import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';

/** A Service, as its controllers and the node read it. */
export interface Service extends KubernetesObject {
	kind: 'Service';
	spec: ServiceSpec;
	status?: ServiceStatus;
}

export type ServiceSpec = {
	type?: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
	clusterIP?: string;
	externalName?: string;
	selector?: Record<string, string>;
	ports?: ServicePort[];
	sessionAffinity?: 'ClientIP' | 'None';
	publishNotReadyAddresses?: boolean;
};

export type ServicePort = {
	name?: string;
	port: number;
	targetPort?: number | string;
	nodePort?: number;
	protocol?: string;
};

export type ServiceStatus = {
	loadBalancer?: { ingress?: { ip?: string; ports?: { port: number; protocol: string }[] }[] };
};

/** The endpoints of a Service, one object for each Service on the local cluster. */
export interface EndpointSlice extends KubernetesObject {
	kind: 'EndpointSlice';
	addressType: string;
	endpoints: Endpoint[];
	ports: { name: string; port: number; protocol: string }[];
}

export type Endpoint = {
	addresses: string[];
	conditions: { ready: boolean; serving: boolean; terminating: boolean };
	hostname?: string;
	nodeName?: string;
	targetRef?: { kind: string; namespace: string; name: string; uid: string };
};

/** The label by which endpoint slices are found. */
export const serviceNameLabel = 'kubernetes.io/service-name';
