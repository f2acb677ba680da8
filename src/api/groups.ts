/** API group of the resources that only certmount has. */
export const certmountGroup = 'certmount.io';
