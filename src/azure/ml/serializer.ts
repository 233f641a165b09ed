import type { AzureMachineLearningWorkspaces } from '@azure/arm-machinelearning';

/**
 * Lets the SDK write and read `uri` and `mode` of a job's inputs and outputs: its serializer looks for
 * `JobInput.uri_folder` where the mapper is registered as `AssetJobInput.uri_folder`, and drops what it does not know
 * (Azure/azure-sdk-for-js issue 29328, present in 2.1.1). The names are one object for all operations, which only an
 * operation that is sent shows.
 */
export function mendSerializer(client: AzureMachineLearningWorkspaces): void {
  const send = client.sendOperationRequest.bind(client);
  client.sendOperationRequest = (values, specification) => {
    const names: unknown = specification.serializer.modelMappers['discriminators'];
    if (typeof names === 'object' && names !== null) addMissingNames(names);
    return send(values, specification);
  };
}

function addMissingNames(names: object): void {
  for (const [name, mapper] of Object.entries(names)) {
    const [, missing] = /^Asset(Job(?:Input|Output)\..+)$/.exec(name) ?? [];
    if (missing !== undefined && !Object.hasOwn(names, missing)) Object.assign(names, { [missing]: mapper });
  }
}
