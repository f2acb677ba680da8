import type { KubeObject, ResourceType } from '../../kube/object.ts';
import type { Schema, ValidationRule } from './schema.ts';
import { struct, text } from './schema.ts';

/** What a CRD of this product is made from. */
export interface CrdDefinition {
  readonly resource: ResourceType<KubeObject>;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly columns: readonly PrinterColumn[];
  /** JSON paths that a field selector can name. */
  readonly selectableFields: readonly string[];
  readonly description: string;
  readonly spec: Schema;
  /** A kind without one has no status subresource. */
  readonly status?: Schema;
  /** Of the object as a whole. */
  readonly rules?: readonly ValidationRule[];
}

export interface PrinterColumn {
  readonly name: string;
  readonly jsonPath: string;
  readonly type: 'string' | 'integer' | 'date';
  /** 1 is shown by `-o wide` only. */
  readonly priority?: 1;
}

export const ageColumn: PrinterColumn = {
  name: 'Age',
  jsonPath: '.metadata.creationTimestamp',
  type: 'date',
};

/** The status or the message of one condition. */
export function conditionColumn(
  name: string,
  condition: string,
  field: 'status' | 'message' = 'status',
): PrinterColumn {
  const jsonPath = `.status.conditions[?(@.type == "${condition}")].${field}`;
  return { name, jsonPath, type: 'string', ...(field === 'message' ? { priority: 1 } : {}) };
}

/** The CustomResourceDefinition that the API server is given. */
export function customResourceDefinition(definition: CrdDefinition): object {
  const { group, version, kind, plural, namespaced } = definition.resource;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    // The installer tells them by it from those of cert-manager and others.
    metadata: { name: `${plural}.${group}`, labels: { 'app.kubernetes.io/part-of': 'certmount' } },
    spec: {
      group,
      names: {
        categories: definition.categories,
        kind,
        listKind: `${kind}List`,
        plural,
        shortNames: definition.shortNames,
        singular: definition.singular,
      },
      scope: namespaced ? 'Namespaced' : 'Cluster',
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          ...(definition.status && { subresources: { status: {} } }),
          additionalPrinterColumns: definition.columns,
          ...(definition.selectableFields.length === 0
            ? {}
            : { selectableFields: definition.selectableFields.map((jsonPath) => ({ jsonPath })) }),
          schema: { openAPIV3Schema: objectSchema(definition) },
        },
      ],
    },
  };
}

function objectSchema(definition: CrdDefinition): Schema {
  const schema = struct(
    {
      required: { spec: definition.spec },
      optional: {
        apiVersion: text('Group and version of this object.'),
        kind: text('Kind of this object.'),
        ...(definition.status && { status: definition.status }),
      },
    },
    definition.description,
    { rules: definition.rules ?? [] },
  );
  return { ...schema, properties: { ...schema.properties, metadata: { type: 'object' } } };
}
