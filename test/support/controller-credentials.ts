/** The controller's own account: its rights are those that it is installed with. */
export const controllerCredentials = {
  serviceAccount: { namespace: 'certmount', name: 'certmount-controller' },
} as const;
