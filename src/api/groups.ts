/** API group of the resources that only certmount has. */
export const certmountGroup = 'certmount.io';

/** Kubernetes' own group of requests for certificates and of trust bundles. */
export const certificatesGroup = 'certificates.k8s.io';
